"""The runtime directory under attack: deleted under a running program, or full of things of others.

Nothing that stands there in advance is followed, truncated, waited for or believed, and no log call fails of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from programs import Program

from mplog._session.directory import existing_bases, private
from mplog._session.place import _make_ring_directory

DELETED = """
import glob, multiprocessing, os, shutil, sys, time
from mplog import logger

def work(name):
    for count in range(5):
        logger.info("{} {}", name, count)

if __name__ == "__main__":
    logger.remove()
    logger.add("app.log", format="{message}")
    ready, go = os.pipe()
    old = os.fork()
    if not old:
        work("before")
        os.read(ready, 1)
        work("after")
        os._exit(0)
    while not os.path.getsize("app.log"):
        time.sleep(0.01)
    (directory,) = glob.glob(os.path.join(os.environ["MPLOG_RUNTIME_DIR"], f"mplog-{os.geteuid()}", *sys.argv[1:]))
    shutil.rmtree(directory)
    deadline = time.monotonic() + 20
    while sys.argv[1:] and not os.path.exists(os.path.join(directory, "registry")):
        assert time.monotonic() < deadline, "the writer has not made it again"
        time.sleep(0.01)
    logger.add("second.log", format="{message}")  # Which the old worker is told, too.
    os.write(go, b"!")
    assert os.waitpid(old, 0)[1] == 0
    for method in ("fork", "spawn"):
        child = multiprocessing.get_context(method).Process(target=work, args=(method,))
        child.start()
        child.join()
        assert child.exitcode == 0
"""

LOGS = """
import os, sys, time
from mplog import logger

logger.remove()
logger.add("app.log", format="{process.id} {message}")
logger.info("owner 0")
began = time.monotonic()
pid = os.fork()
if not pid:
    for count in range(50):
        logger.info("worker {}", count)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
assert time.monotonic() - began < 15
"""


def directory(path: Path, mode: int, owner: int = -1) -> None:
    """Make *path*."""
    path.mkdir()
    path.chmod(mode)
    os.chown(path, owner, owner)


KINDS: dict[str, Callable[[Path, Path], object]] = {
    "a link to another's directory": lambda path, victim: os.symlink(victim, path),
    "a link to nowhere": lambda path, victim: os.symlink(f"{victim}-missing", path),
    "a file": lambda path, victim: path.write_text("theirs"),
    "a FIFO": lambda path, victim: os.mkfifo(path),
    "a directory that others can enter": lambda path, victim: directory(path, 0o777),
    "a directory of another user": lambda path, victim: directory(path, 0o700, 65534),
}
"""What may stand in the place of a directory."""

CASES = [
    *[("", kind) for kind in KINDS if kind != "a link to nowhere"],
    ("sessions", "a link to another's directory"),
    ("files", "a link to nowhere"),
    ("by-pid", "a FIFO"),
]


@pytest.mark.parametrize("part", [(), ("sessions", "*")])
def test_deleted_under_a_running_program(program: Program, part: tuple[str, ...]) -> None:
    """It is made again: workers that run, forked ones and spawned ones deliver to all handlers of the owner."""
    ended = program.run(DELETED, *part, silent=False)

    late = [f"{name} {count}" for name in ("after", "fork", "spawn") for count in range(5)]
    assert ended.log("app.log") == [*[f"before {count}" for count in range(5)], *late]
    assert ended.log("second.log") == late
    assert ended.said.count("\n") == 1
    assert "it has been made again" in ended.said


@pytest.mark.parametrize(("place", "kind"), CASES)
def test_something_stands_in_the_place_of_a_directory(program: Program, place: str, kind: str) -> None:
    """It is refused and left as it is, and the records go another way."""
    if "another user" in kind and os.geteuid() != 0:
        pytest.skip("only root can give something away")
    base = program.runtime / f"mplog-{os.geteuid()}"
    victim = program.here / "victim.txt"
    victim.mkdir(mode=0o700)
    (victim / "precious").write_text("precious")
    if place:
        base.mkdir(mode=0o700)
    path = base / place if place else base
    KINDS[kind](path, victim)
    before = path.lstat()

    ended = program.start(LOGS).wait()
    program.wait_for_members()

    assert ended.status == 0, ended.said
    messages = [line.partition(" ")[2] for line in ended.log()]
    assert messages == ["owner 0", *[f"worker {count}" for count in range(50)]]
    after = path.lstat()
    assert (after.st_ino, after.st_mode, after.st_uid) == (before.st_ino, before.st_mode, before.st_uid)
    assert not path.is_dir() or path.is_symlink() or list(path.iterdir()) == []
    assert [entry.name for entry in victim.iterdir()] == ["precious"]
    assert not victim.with_name("victim.txt-missing").exists()
    assert str(path) in ended.said or place.startswith("by-"), ended.said
    assert "Traceback" not in ended.said


def test_the_directory_above_is_another_users(program: Program) -> None:
    """Who could put something else there gets nothing made there: it is said, and the records go another way."""
    if os.geteuid() != 0:
        pytest.skip("only root can give something away")
    os.chown(program.runtime, 65534, 65534)

    ended = program.start(LOGS).wait()

    assert ended.status == 0, ended.said
    assert [line.partition(" ")[2] for line in ended.log()] == ["owner 0", *[f"worker {count}" for count in range(50)]]
    assert list(program.runtime.iterdir()) == []
    assert f"{program.runtime} belongs to user 65534" in ended.said
    assert "Traceback" not in ended.said
    (program.runtime / "mplog-0" / "sessions").mkdir(parents=True)
    (program.runtime / "mplog-0").chmod(0o700)
    assert existing_bases([str(program.runtime)]) == []
    assert not _make_ring_directory(str(program.runtime / "mplog-0" / "sessions" / ("0" * 32) / "rings"))
    os.chown(program.runtime, 0, 0)
    assert existing_bases([str(program.runtime)]) == [str(program.runtime / "mplog-0")]


UMASKS = """
import os, sys
os.umask(int(sys.argv[1], 8))
from mplog import logger

logger.remove()
logger.add("app.log", format="{message}", permissions=0o644)
pid = os.fork()
if not pid:
    logger.info("worker")
    os._exit(0)
os.waitpid(pid, 0)
"""


@pytest.mark.parametrize("umask", ["000", "777", "077", "277"])
def test_directories_above_that_are_missing(program: Program, umask: str) -> None:
    """They are made for all to enter at most, and the last one for this user alone, whatever the umask is."""
    named = program.here / "new.txt" / "deeper" / "here"

    program.run(UMASKS, umask, environment={"MPLOG_RUNTIME_DIR": str(named)})

    modes = [path.stat().st_mode & 0o7777 for path in (named.parent.parent, named.parent, named)]
    assert modes[2] == 0o700
    assert all(mode & 0o700 == 0o700 and not mode & 0o022 for mode in modes), list(map(oct, modes))
    assert list(named.iterdir()) == []


@pytest.fixture
def own_rights_taken() -> Iterator[None]:
    """One that takes this user's own rights away, so that a mode has to be set."""
    before = os.umask(0o777)
    yield
    os.umask(before)


@pytest.mark.usefixtures("own_rights_taken")
@pytest.mark.parametrize(("kind", "mode"), [("link", 0o700), ("link", 0o777), ("directory", 0o777)])
def test_somebody_else_is_faster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, mode: int) -> None:
    """What was just made is replaced, by a link or a directory: its mode stays, and it is refused."""
    shared, victim = tmp_path / "shared", tmp_path / "victim"
    mkdir = os.mkdir
    for path in (shared, victim):
        mkdir(path)
        path.chmod(mode)
    victim.chmod(0o500 if kind == "directory" else 0o755)
    was = victim.stat().st_mode

    def replaced(path: str, mode: int = 0o777) -> None:
        mkdir(path, mode)
        os.rmdir(path)
        if kind == "link":
            os.symlink(victim, path)
        else:
            os.rename(victim, path)

    monkeypatch.setattr(os, "mkdir", replaced)
    found = shared / "mplog" if kind == "directory" else victim
    with pytest.raises(PermissionError):
        private(str(shared / "mplog"))
    assert found.stat().st_mode == was
