"""Who is taken for somebody who only reads a file that he has locked."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mplog._ring import byte_lock
from mplog._sinks.file import claim, holders, lock_file
from mplog._sinks.file.file_lock import FileLock

pytestmark = pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root can be two users")

OTHER = 52346

LOCKS = """
import fcntl, os, sys
path, flags, after, *ids = sys.argv[1:]
if after == "1":
    fd = os.open(path, int(flags))
os.setgroups([])
os.setresuid(*map(int, ids))
if after == "0":
    fd = os.open(path, int(flags))
fcntl.flock(fd, fcntl.LOCK_EX)
if os.environ.get("FORKS") and os.fork():
    os._exit(0)
print("locked", flush=True)
sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def enough_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The look ends when it knows, however busy the machine is."""
    monkeypatch.setattr(holders, "LOOK_BOUND", 60.0)


@pytest.fixture
def path() -> Iterator[Path]:
    """A file of root's that all may read."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        Path(directory).chmod(0o755)
        file = Path(directory) / "app.log"
        file.write_text("x\n")
        file.chmod(0o644)
        yield file


def seen(path: Path, *ids: int, flags: int = os.O_RDONLY, opened_before: bool = False, forks: bool = False) -> bool:
    """Whether a process with these ids that has locked *path* is a reader."""
    process = subprocess.Popen(
        [sys.executable, "-c", LOCKS, str(path), str(flags), str(int(opened_before)), *map(str, ids)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "FORKS": "1" if forks else ""},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "locked\n"
    if forks:
        process.wait()
    with path.open("a") as file:
        found = holders.is_held_by_a_reader(file.fileno(), os.fstat(file.fileno()), {})
    process.stdin.close()
    process.stdout.read()  # To its end.
    process.stdout.close()
    process.wait()
    return found


def test_another_user(path: Path) -> None:
    """Who may only read."""
    assert seen(path, OTHER, OTHER, OTHER)


def test_who_has_started_something_with_more_rights(path: Path) -> None:
    """As `su` is, which waits for a password and has the descriptor of its user."""
    assert seen(path, OTHER, 0, 0, opened_before=True)


def test_whose_process_has_ended(path: Path) -> None:
    """While another one keeps the descriptor."""
    assert seen(path, OTHER, OTHER, OTHER, forks=True)


def test_root_and_the_owner(path: Path) -> None:
    """They may write, so their turn counts."""
    assert not seen(path, 0, 0, 0)
    assert not seen(path, 0, OTHER, 0)
    os.chown(path, OTHER, OTHER)
    assert not seen(path, OTHER, OTHER, OTHER)


def test_a_daemon_that_has_opened_it_as_root(path: Path) -> None:
    """It has no right to write any more, and does."""
    assert not seen(path, OTHER, OTHER, OTHER, flags=os.O_RDWR | os.O_APPEND, opened_before=True)


def test_nobody(path: Path) -> None:
    """A file that is not locked is held by nobody, and one that is locked here not by a reader."""
    with path.open("a") as file:
        assert not holders.is_held_by_a_reader(file.fileno(), os.fstat(file.fileno()), {})
        fcntl.flock(file, fcntl.LOCK_EX)
        assert not holders.is_held_by_a_reader(file.fileno(), os.fstat(file.fileno()), {})


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_files_that_others_may_write(path: Path, mode: int) -> None:
    """Whoever locks them may be a writer, so his turn is waited for."""
    path.chmod(mode)
    with path.open("a") as file:
        assert not holders.has_one_writer(os.fstat(file.fileno()))
    os.chown(path, OTHER, -1)
    path.chmod(0o644)
    with path.open("a") as file:
        assert not holders.has_one_writer(os.fstat(file.fileno()))


def test_a_long_list_of_locks_is_not_read_for_long(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is of the whole machine: a look ends in time, and does not know then."""
    monkeypatch.setattr(holders, "LOOK_BOUND", -1.0)
    assert not seen(path, OTHER, OTHER, OTHER)


class TestTheLockOfAFile:
    """Of two programs of one user, while another one keeps the lock of the file."""

    @pytest.fixture
    def reader(self, path: Path) -> Iterator[None]:
        """Another user has it."""
        process = subprocess.Popen(
            [sys.executable, "-c", LOCKS, str(path), "0", "0", str(OTHER), str(OTHER), str(OTHER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield
        process.communicate("\n")

    @pytest.mark.usefixtures("reader")
    @pytest.mark.parametrize("mode", [0o755, 0o1777], ids=["own-directory", "public-directory"])
    def test_one_at_a_time(self, path: Path, mode: int) -> None:
        """Each is refused while the other one has it, and nothing is left of it at the end."""
        path.parent.chmod(mode)
        with path.open("a+") as one, path.open("a+") as two:
            first, second = (FileLock(file.fileno(), str(path.parent)) for file in (one, two))
            assert first.acquire(1.0)
            assert not second.acquire(0.05)
            fcntl.flock(first.fd, fcntl.LOCK_UN)
            assert second.acquire(1.0)
            assert not first.acquire(0.05)
            # Whoever closes it as the last one removes it; who waits for it goes on with another.
            second.close()
            assert first.acquire(1.0)
            first.close()
        assert [entry.name for entry in path.parent.iterdir()] == ["app.log"]

    @pytest.mark.usefixtures("reader")
    def test_who_comes_later_follows(self, path: Path) -> None:
        """Also when the reader has gone: one who has the private lock keeps the others out."""
        with path.open("a+") as one, path.open("a+") as two:
            first, second = (FileLock(file.fileno(), str(path.parent)) for file in (one, two))
            assert first.acquire(1.0)
            subprocess.run(["true"], check=True)
            assert first.fd != one.fileno()
            assert not second.acquire(0.05)
            first.close()
            second.close()

    def test_after_the_reader_has_gone(self, path: Path) -> None:
        """Who has the lock of the file, and sees that others do not go by it any more, follows them."""
        with path.open("a+") as one, path.open("a+") as two:
            first, second = (FileLock(file.fileno(), str(path.parent)) for file in (one, two))
            process = subprocess.Popen(
                [sys.executable, "-c", LOCKS, str(path), "0", "0", str(OTHER), str(OTHER), str(OTHER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert process.stdout is not None
            assert process.stdout.readline() == "locked\n"
            assert first.acquire(1.0)
            process.communicate("\n")
            assert not second.acquire(0.05)
            assert second.fd != two.fileno()
            fcntl.flock(first.fd, fcntl.LOCK_UN)
            assert second.acquire(0.05)
            first.close()
            second.close()
        assert [entry.name for entry in path.parent.iterdir()] == ["app.log"]

    @pytest.mark.usefixtures("reader")
    def test_a_lock_file_that_others_can_open(self, path: Path) -> None:
        """It is no lock of ours: the reader is waited for, as where there is nothing better."""
        hidden = path.parent / f".mplog-{path.stat().st_ino}.lock"
        hidden.touch(0o644)
        hidden.chmod(0o644)
        with path.open("a+") as one:
            assert not FileLock(one.fileno(), str(path.parent)).acquire(0.02)

    @pytest.mark.usefixtures("reader")
    def test_in_a_forked_child(self, path: Path) -> None:
        """The child closes what it shares with its parent, who keeps the lock."""
        with path.open("a+") as one, path.open("a+") as two:
            first, second = (FileLock(file.fileno(), str(path.parent)) for file in (one, two))
            assert first.acquire(1.0)
            if not (child := os.fork()):
                first.close()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            assert not second.acquire(0.05)
            assert len(list(path.parent.iterdir())) == 2
            first.close()
            second.close()

    @pytest.mark.usefixtures("reader")
    def test_a_child_that_outlives_whoever_had_it(self, path: Path) -> None:
        """It has let go of the lock right after the fork, so that ends with its parent."""
        began, goes_on = os.pipe(), os.pipe()
        with path.open("a+") as one, path.open("a+") as two:
            if not (parent := os.fork()):
                taken = FileLock(one.fileno(), str(path.parent)).acquire(1.0)
                if os.fork():
                    os.read(began[0], 1)
                    os._exit(0 if taken else 1)
                os.close(goes_on[1])
                claim.abandon_claims()
                os.write(began[1], b"x")
                os.read(goes_on[0], 1)
                os._exit(0)
            assert os.waitpid(parent, 0)[1] == 0
            second = FileLock(two.fileno(), str(path.parent))
            assert second.acquire(1.0)
            second.close()
        for fd in (*began, *goes_on):
            os.close(fd)

    @pytest.mark.usefixtures("reader")
    def test_one_that_was_removed_is_not_waited_for(self, path: Path) -> None:
        """Somebody may keep it locked, such as a child that was forked by no function of Python's."""
        with path.open("a+") as one:
            turn = FileLock(one.fileno(), str(path.parent))
            assert turn.acquire(1.0)
            fcntl.flock(turn.fd, fcntl.LOCK_UN)
            hidden = path.parent / f".mplog-{path.stat().st_ino}.lock"
            with hidden.open("r+") as kept:
                fcntl.flock(kept, fcntl.LOCK_EX)
                hidden.unlink()
                assert turn.acquire(0.05)
            turn.close()

    @pytest.mark.usefixtures("reader")
    @pytest.mark.parametrize("way", ["close", "tidy", "sweep", "found"])
    def test_a_child_that_is_forked_while_it_is_removed(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, way: str
    ) -> None:
        """It does not have what is locked just then."""
        seen = []
        remove = lock_file.remove

        def forking(fd: int, path: str) -> None:
            before = os.fstat(fd)
            if not (child := os.fork()):
                claim.abandon_claims()
                with contextlib.suppress(OSError):
                    os._exit(os.path.samestat(os.fstat(fd), before))
                os._exit(0)
            seen.append(os.waitpid(child, 0)[1])
            remove(fd, path)

        monkeypatch.setattr(lock_file, "remove", forking)
        with path.open("a+") as one, path.open("a+") as two:
            turn, other = (FileLock(file.fileno(), str(path.parent)) for file in (one, two))
            assert turn.acquire(1.0)
            fcntl.flock(turn.fd, fcntl.LOCK_UN)
            if way == "close":
                turn.close()
            elif way == "tidy":
                turn.tidy()
            elif way == "found":
                other.tidy()
            else:
                lock_file.sweep_beside(str(path.parent))
            assert seen
            assert not any(seen)
            turn.close()

    def test_who_cannot_follow_for_want_of_a_descriptor(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The others have the private lock perhaps, so that of the file is none."""

        def none_left(*_: object) -> None:
            raise OSError(errno.EMFILE, "Too many open files")

        monkeypatch.setattr(lock_file, "open_own", none_left)
        with path.open("a+") as one, path.open("a+") as two:
            assert byte_lock.share_surely(two.fileno(), byte_lock.PRIVATE)
            turn = FileLock(one.fileno(), str(path.parent))
            assert not turn.acquire(0.05)
            fcntl.flock(two, fcntl.LOCK_EX | fcntl.LOCK_NB)

    @pytest.mark.usefixtures("reader")
    def test_a_lock_of_the_programs_own_stays(self, path: Path) -> None:
        """On what it has opened where our descriptor was, which it has closed."""
        with path.open("a+") as one:
            turn = FileLock(one.fileno(), str(path.parent))
            assert turn.acquire(1.0)
            number = turn.fd
            os.close(number)
            its = path.parent / "its.txt"
            with its.open("w") as file:
                assert file.fileno() == number
                fcntl.flock(file, fcntl.LOCK_EX)
                turn.tidy()
                with its.open() as other, pytest.raises(BlockingIOError):
                    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            turn.close()

    @pytest.mark.usefixtures("reader")
    def test_a_program_that_closes_our_descriptors(self, path: Path) -> None:
        """What it has opened under the same number is not locked, and another one is opened."""
        with path.open("a+") as one:
            turn = FileLock(one.fileno(), str(path.parent))
            assert turn.acquire(1.0)
            number = turn.fd
            os.close(number)
            with (path.parent / "its.txt").open("w") as its:
                assert its.fileno() == number
                assert turn.acquire(1.0)
                assert turn.fd != number
                turn.close()
                its.write("its own")

    @pytest.mark.usefixtures("reader")
    def test_what_killed_programs_have_left(self, path: Path) -> None:
        """The next session of any program removes it, unless it is locked; so does the end of one that has the log."""
        path.parent.chmod(0o1777)
        with path.open("a+") as one:
            turn = FileLock(one.fileno(), str(path.parent))
            assert turn.acquire(1.0)
            left = Path(os.readlink(f"/proc/self/fd/{turn.fd}"))
            lock_file.sweep()
            assert left.exists()
            os.close(turn.fd)
            lock_file.sweep()
            assert not left.exists()
            (path.parent / f".mplog-{path.stat().st_ino}.lock").touch(0o600)
            FileLock(one.fileno(), str(path.parent)).tidy()
            path.parent.chmod(0o755)
            turn = FileLock(one.fileno(), str(path.parent))
            assert turn.acquire(1.0)
            (path.parent / ".mplog-4711.lock").touch(0o600)
            turn.tidy()
            turn.close()
        assert [entry.name for entry in path.parent.iterdir()] == ["app.log"]
