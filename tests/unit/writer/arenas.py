"""Sessions whose writer takes steps when it is told to; for the tests of rounds, and of what waits for a file."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mplog._capture import data
from mplog._capture.details import Details
from mplog._capture.notice import notice
from mplog._logger.core import Core
from mplog._logger.logger import Logger
from mplog._render.times import local_time
from mplog._ring.ring_file import RingFile
from mplog._session import leftovers, rings
from mplog._session.host import Host
from mplog._session.identity import Identity, myself
from mplog._sinks.file.log_file import LogFile
from mplog._sinks.file.slot import Slot
from mplog._writer import backlog as backlogs
from mplog._writer import drain as drains

PIECE = 16 * 1024


class Session:
    """A session whose writer takes steps when it is told to."""

    host: Host

    def __init__(self) -> None:
        self.core = Core()
        self.logger = Logger(self.core, {})
        self._generations = itertools.count(1)

    def begin(self) -> None:
        """Make it, with the handlers that there are by now."""
        host = self.core.sessions.make_host()
        assert host is not None
        self.host = host

    def new_ring(self, size: int, who: Identity | None = None) -> RingFile:
        """A further ring of this process, or of *who*, in it."""
        place = self.host.place
        return rings.create(place.ring_directories, next(self._generations), who or myself(), place.id, "p", size)

    def end(self) -> None:
        """End it, and its logger."""
        self.host.finish()
        self.core.sessions.host = None
        self.logger.remove()


def packed(text: str, **extra: object) -> bytes:
    """A record as data."""
    record = notice(text, local_time(time.time()))
    record["extra"] = extra
    return data.pack(record, Details())


class Arena(Session):
    """With two files and the ring of a process."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch, files: int = 2) -> None:
        super().__init__()
        self.paths = [directory / f"{name}.log" for name in "abcdefgh"[:files]]
        self.numbers = [self.logger.add(path, format="{message}", rotation="20 KB") for path in self.paths]
        self.begin()
        self.ring = self.new_ring(256 * 1024)
        self.producer = self.ring.producer()
        self.logged = 0
        self.locked: set[str] = set()
        acquire = LogFile.acquire
        monkeypatch.setattr(
            LogFile,
            "acquire",
            lambda file, *rest, **named: file.path not in self.locked and acquire(file, *rest, **named),
        )
        self.host.find_rings()

    def log(self, count: int = 100) -> None:
        """Records of a hundred bytes for each file."""
        for _ in range(count):
            for number in self.numbers:
                assert self.producer.push(time.time(), number, 20, b"%d %s\n" % (self.logged, b"z" * 90))
            self.logged += 1

    def forget(self, at: int) -> None:
        """Remove a handler, without waiting for what its file still has to get."""
        finish = self.host.writer.finish
        self.host.writer.finish = lambda limit: False  # type: ignore[method-assign]  # for a moment
        self.host.remove(self.numbers.pop(at))
        self.host.writer.finish = finish  # type: ignore[method-assign]  # for a moment

    def lines(self, at: int = 0) -> list[int]:
        """The numbers in a file, and in what was rotated from it."""
        found = self.paths[at].parent.glob(f"{self.paths[at].stem}*.log")
        return sorted(int(line.split()[0]) for path in found for line in path.read_text().splitlines())

    def missing(self, at: int = 0) -> int:
        """How many records whoever came now, after the death of this process, would write to a file."""
        (found,) = [
            count
            for path, count in leftovers.waiting_in(self.host.place).by_slot.items()
            if path.endswith(f"-{self.numbers[at]}.slot")
        ]
        return found

    def rounds(self, count: int = 20) -> None:
        """Some rounds, each at its time."""
        drain = self.host.drain
        for _ in range(count):
            drain._rest_until = 0.0
            if drain._pending is not None:
                drain._pending.retry_at = 0.0
            for backlog in drain.files.backlogs.values():
                backlog.retry_at = 0.0
            drain.round(everything=True)


@pytest.fixture(name="make")
def arena_maker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Arena]]:
    """Makes sessions with small rings for backlogs."""
    monkeypatch.setattr(backlogs, "PIECE", PIECE)
    monkeypatch.setattr(drains, "RETRY", 0.0)
    made = []

    def make(files: int = 2) -> Arena:
        made.append(Arena(tmp_path, monkeypatch, files))
        return made[-1]

    yield make
    for arena in made:
        arena.locked.clear()
        arena.ring.close()
        arena.end()


def watch(monkeypatch: pytest.MonkeyPatch, look: Callable[[], None]) -> None:
    """*look* at each moment at which a promise has just been kept."""
    done = Slot.done

    def keep(slot: Slot) -> None:
        done(slot)
        look()

    monkeypatch.setattr(Slot, "done", keep)
