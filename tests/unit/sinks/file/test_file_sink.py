"""The file sink: direct appends, batches, and rotations that are refused.

Covers logger-api.md, section 16.2.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mplog._ring.layout import LOG
from mplog._ring.ring import Entry
from mplog._sinks.file import slot as slots
from mplog._sinks.file.compression import parse_compression
from mplog._sinks.file.naming import PathTemplate
from mplog._sinks.file.options import FileOptions
from mplog._sinks.file.progress import Progress
from mplog._sinks.file.retention import parse_retention
from mplog._sinks.file.rotation import parse_rotation
from mplog._sinks.file.sink import FileSink
from mplog._sinks.file.slot import Slot
from mplog._sinks.file.use import FileBusy


def make(path: Path, **options: Any) -> FileSink:
    """A sink for *path*."""
    if "rotation" in options:
        options["rotation"] = parse_rotation(options["rotation"])
    return FileSink(FileOptions(PathTemplate(path), **options))


def batch(*bodies: bytes, wall: float = 1.0) -> list[Entry]:
    """Entries of one ring."""
    return [(number, 0, (number + 1) * 64, LOG, 1, 20, wall, body) for number, body in enumerate(bodies)]


class Steps(Progress):
    """Remembers each commit."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[int] = []

    def keep(self) -> None:
        """As usual."""
        before = self.done
        super().keep()
        if self.done != before:
            self.taken.append(self.done)


def commit(sink: FileSink, entries: list[Entry], tmp_path: Path, bound: float = 2.0) -> list[int]:
    """Commit *entries* through a fresh slot; how far each step came."""
    steps = Steps()
    slot = slots.create(str(tmp_path / "1.slot"), b"s" * 16, 1)
    try:
        sink.commit(entries, [b"r" * 16], [0], slot, steps, bound=bound)
    finally:
        slot.close()
        os.unlink(tmp_path / "1.slot")
    return steps.taken if sink.shared else [steps.done]


def test_direct_calls_of_many_threads_stay_whole(tmp_path: Path) -> None:
    """Lines of several threads do not mix, also across rotations."""
    sink = make(tmp_path / "app.log", rotation=1000)

    def log(thread: int) -> None:
        for number in range(200):
            sink.write(b"thread %d line %d\n" % (thread, number), 1.0)

    threads = [threading.Thread(target=log, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sink.close()

    lines = [line for path in tmp_path.iterdir() for line in path.read_bytes().splitlines()]
    assert sorted(b"thread %d line %d" % (t, n) for t in range(4) for n in range(200)) == sorted(lines)
    assert all(path.stat().st_size <= 1000 for path in tmp_path.iterdir())


def test_batch_is_split_at_the_size_limit(tmp_path: Path) -> None:
    """A batch larger than the limit fills file after file, none over it, and is counted as it goes."""
    sink = make(tmp_path / "app.log", rotation=100)
    told = commit(sink, batch(*[b"%039d\n" % number for number in range(10)]), tmp_path)
    sink.close()

    assert [2, 4, 6, 8, 10] == told
    assert [80] * 5 == [path.stat().st_size for path in tmp_path.glob("app*")]


@pytest.mark.parametrize("words", [(1 << 62, 0), (0, 0), (0, 1 << 62), (7, 6), ((1 << 64) - 1, 3)], ids=str)
def test_words_that_somebody_stores_into_the_slot_repeat_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[int, int]
) -> None:
    """Whoever has written a batch knows it, whatever the slot says by then, which others can store into."""
    sink = make(tmp_path / "app.log", rotation=100)
    done = Slot.done

    def scribble(slot: Slot) -> None:
        done(slot)
        slot._words[1], slot._words[2] = words

    monkeypatch.setattr(Slot, "done", scribble)
    lines = [b"%039d\n" % number for number in range(10)]
    commit(sink, batch(*lines), tmp_path)
    sink.close()
    written = b"".join(path.read_bytes() for path in sorted(tmp_path.glob("app*")))
    assert sorted(written.splitlines(keepends=True)) == lines


def test_record_over_the_limit_has_a_file_of_its_own(tmp_path: Path) -> None:
    """One record larger than the limit is written whole, and the next one goes to the next file."""
    sink = make(tmp_path / "app.log", rotation=100)
    commit(sink, batch(b"a\n", b"x" * 500 + b"\n", b"b\n"), tmp_path)
    sink.close()

    assert [2, 2, 501] == sorted(path.stat().st_size for path in tmp_path.glob("app*"))


class TestRefusedRotation:
    def test_writing_goes_on_in_the_current_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """When the rename is refused nothing is lost, it is said once, and the next due attempt succeeds."""
        sink = make(tmp_path / "app.log", rotation=100)
        refusals = []

        def refuse(source: str, target: str) -> None:
            refusals.append(target)
            raise OSError(errno.EACCES, "sharing violation")

        with monkeypatch.context() as patch:
            patch.setattr(os, "rename", refuse)
            for _ in range(10):
                sink.write(b"x" * 49 + b"\n", 1.0)
        assert 1 == len(refusals)
        assert 500 == (tmp_path / "app.log").stat().st_size
        assert 1 == capsys.readouterr().err.count("could not be rotated")

        sink._turnover.retry_from = 1e-9
        sink.write(b"y\n", 1.0)
        assert b"y\n" == (tmp_path / "app.log").read_bytes()
        sink.close()

    def test_retention_that_raises_is_no_refusal(self, tmp_path: Path) -> None:
        """An OSError of a retention function is its own: the rotation is done, and so are the next ones."""

        def fail(files: list[str]) -> None:
            raise PermissionError(f"{len(files)} files")

        sink = make(tmp_path / "app.log", rotation=10, retention=parse_retention(fail))
        sink.write(b"a" * 9 + b"\n", 1.0)
        for letter in (b"b", b"c"):
            with pytest.raises(PermissionError, match="files"):
                sink.write(letter * 9 + b"\n", 1.0)
        assert (3, 2) == (len(list(tmp_path.iterdir())), sink.rotations)
        sink.close()


class TestLock:
    def test_holder_that_is_killed_frees_it(self, tmp_path: Path) -> None:
        """The kernel gives the lock of a killed process back; nobody waits for it."""
        holder, sink = self._hold(tmp_path), make(tmp_path / "app.log", rotation=1000)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        sink.write(b"line\n", 1.0)
        assert 0 == sink.unlocked
        assert b"line\n" == (tmp_path / "app.log").read_bytes()
        sink.close()

    def test_stopped_holder_delays_a_call_by_a_bound(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A process that is stopped while it holds the lock cannot stop others: they append without it."""
        monkeypatch.setattr("mplog._sinks.file.direct.DIRECT_BOUND", 0.05)
        holder, sink = self._hold(tmp_path), make(tmp_path / "app.log", rotation=1000)
        try:
            sink.write(b"line\n", 1.0)
            assert 1 == sink.unlocked
            assert b"line\n" == (tmp_path / "app.log").read_bytes()
        finally:
            holder.kill()
            holder.wait()
        sink.close()

    @pytest.mark.parametrize("way", ["direct", "batch"])
    def test_stopped_holder_of_the_next_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
        """Another process was faster in the new file, filled it and stopped: nothing of its is rotated or mended.

        A direct record follows, a batch comes later; the old file is handed over to be compressed at once.
        """
        monkeypatch.setattr("mplog._sinks.file.renewal.NEXT_BOUND", 0.05)
        holders: list[subprocess.Popen[bytes]] = []
        archived: list[str] = []

        def between(_: list[str]) -> None:  # The rotation asks before it makes the new file.
            if not holders:
                holders.append(self._hold(tmp_path, b"b" * 10))

        sink = make(tmp_path / "app.log", rotation=10, retention=parse_retention(between))
        monkeypatch.setattr(sink.archiver, "take", archived.append)
        try:
            sink.write(b"a" * 9 + b"\n", 1.0)
            if way == "direct":
                sink.write(b"c" * 9 + b"\n", 1.0)
            else:
                with pytest.raises(FileBusy):
                    commit(sink, batch(b"c" * 9 + b"\n"), tmp_path)
            assert (1, way == "direct", 1) == (sink.rotations, sink.unlocked, len(archived))
            follows = b"c" * 9 + b"\n" if way == "direct" else b""
            assert b"b" * 10 + follows == (tmp_path / "app.log").read_bytes()
        finally:
            for holder in holders:
                holder.kill()
                holder.wait()
        if way == "batch":
            assert [1] == commit(sink, batch(b"c" * 9 + b"\n"), tmp_path)
            assert b"c" * 9 + b"\n" == (tmp_path / "app.log").read_bytes()
            assert 2 == len(archived)
        sink.close()

    @staticmethod
    def _hold(tmp_path: Path, content: bytes = b"") -> subprocess.Popen[bytes]:
        """A process that has taken the lock of app.log, with *content* in it."""
        source = (
            "import os, filelock\n"
            f"fd = os.open({str(tmp_path / 'app.log')!r}, os.O_CREAT | os.O_WRONLY)\n"
            "filelock.lock_descriptor(fd)\n"
            f"os.write(fd, {content!r})\n"
            "os.write(1, b'held')\n"
            "import signal; signal.pause()\n"
        )
        holder = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE)
        assert holder.stdout is not None
        assert b"held" == holder.stdout.read(4)
        holder.stdout.close()
        return holder


def test_new_mode_w_empties_the_file_once(tmp_path: Path) -> None:
    """mode="w" empties what is there when the sink is made, and nothing later."""
    path = tmp_path / "app.log"
    path.write_bytes(b"old\n")
    sink = make(path, mode="w")
    sink.write(b"a\n", 1.0)
    sink.forget()  # As in a forked child: it opens the file again.
    sink.write(b"b\n", 1.0)
    sink.close()
    assert b"a\nb\n" == path.read_bytes()


def test_permissions_hold_for_every_file(tmp_path: Path) -> None:
    """The live and the rotated files have the mode that was asked for, whatever the umask is."""
    before = os.umask(0o077)
    try:
        sink = make(tmp_path / "app.log", rotation=10, permissions=0o640)
        for _ in range(3):
            sink.write(b"x" * 9 + b"\n", 1.0)
        sink.close()
    finally:
        os.umask(before)
    assert {0o640} == {path.stat().st_mode & 0o7777 for path in tmp_path.iterdir()}


@pytest.mark.parametrize("path", ["pipe", "pipe_{time:YYYY}"])
def test_what_is_no_regular_file_is_written_plainly(tmp_path: Path, path: str) -> None:
    """No lock, no rotation, no compression and no retention: a device or a FIFO is never renamed or removed.

    A FIFO stands for all of them: a mistake here must not reach a device of the machine.
    """
    fifo = tmp_path / path.replace("{time:YYYY}", time.strftime("%Y"))
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    try:
        for options in (
            {"rotation": 0, "retention": parse_retention(0), "compression": parse_compression("gz")},
            {"rotation": lambda message, file: True},
            {"rotation": "1 ms"},
            {"retention": parse_retention(0), "compression": parse_compression("gz")},
            {"watch": True, "mode": "w"},
        ):
            sink = make(tmp_path / path, **options)
            assert not sink.shared
            sink.write(b"a\n", 4e9)
            sink.write(b"b\n", 4e9)
            commit(sink, batch(b"c\n", wall=4e9), tmp_path)
            sink.close()
            assert b"a\nb\nc\n" == os.read(reader, 100)
            assert [fifo] == list(tmp_path.iterdir())
    finally:
        os.close(reader)
