"""What waits for a file, in more than one ring or where there is no ring for it: it gets there once, whoever dies."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mplog._logger.core import Core
from mplog._logger.logger import Logger
from mplog._session import leftovers, rings
from mplog._session.host import Host
from mplog._session.identity import myself
from mplog._sinks.file.log_file import LogFile
from mplog._sinks.file.slot import Slot
from mplog._writer import backlog as backlogs
from mplog._writer import drain as drains
from mplog._writer import files

PIECE = 16 * 1024


class Arena:
    """A session whose writer takes steps when it is told to, with two files and the ring of a process."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch, files: int = 2) -> None:
        self.core = Core()
        self.logger = Logger(self.core, {})
        self.paths = [directory / f"{name}.log" for name in "abcdefgh"[:files]]
        self.numbers = [self.logger.add(path, format="{message}", rotation="20 KB") for path in self.paths]
        host = self.core.sessions.make_host()
        assert host is not None
        self.host: Host = host
        place = host.place
        self.ring = rings.create(place.ring_directories, 1, myself(), place.id, "p", 256 * 1024)
        self.producer = self.ring.producer()
        self.logged = 0
        self.locked: set[str] = set()
        acquire = LogFile.acquire
        monkeypatch.setattr(
            LogFile,
            "acquire",
            lambda file, *rest, **named: file.path not in self.locked and acquire(file, *rest, **named),
        )
        host.find_rings()

    def log(self, count: int = 100) -> None:
        """Records of a hundred bytes for each file."""
        for _ in range(count):
            for number in self.numbers:
                assert self.producer.push(time.time(), number, 20, b"%d %s\n" % (self.logged, b"z" * 90))
            self.logged += 1

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


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Arena]]:
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
        arena.host.finish()
        arena.core.sessions.host = None
        arena.logger.remove()


def watch(monkeypatch: pytest.MonkeyPatch, look: Callable[[], None]) -> None:
    """*look* at each moment at which a promise has just been kept."""
    done = Slot.done

    def keep(slot: Slot) -> None:
        done(slot)
        look()

    monkeypatch.setattr(Slot, "done", keep)


def busy_after(monkeypatch: pytest.MonkeyPatch, arena: Arena, count: int) -> None:
    """The file is locked by somebody again when *count* promises have been kept."""
    left = [count]

    def look() -> None:
        left[0] -= 1
        if not left[0]:
            arena.locked.add(str(arena.paths[0]))

    watch(monkeypatch, look)


@pytest.mark.parametrize("ending", [False, True])
def test_every_promise_tells_of_all_rings_of_a_backlog(
    make: Callable[..., Arena], monkeypatch: pytest.MonkeyPatch, ending: bool
) -> None:
    """At each moment a record is either in the file or found by whoever recovers it; also while orphans write, too."""
    arena = make()
    arena.locked.add(str(arena.paths[0]))
    for _ in range(8):
        arena.log()
        arena.rounds(1)
    assert len(arena.host.drain.files.backlogs[arena.numbers[0]]._pieces) > 2
    seen = []
    watch(monkeypatch, lambda: seen.append((len(arena.lines()) + arena.missing(), arena.logged)))
    if ending:
        arena.host.drain.files.others = arena.host._parts_of_others
    arena.locked.clear()
    arena.rounds()
    assert arena.lines() == list(range(arena.logged))
    assert len(seen) > 3
    assert [found for found, wanted in seen if found != wanted] == []


@pytest.mark.parametrize("files", [1, 2])
@pytest.mark.parametrize("room", [0, 2 * PIECE])
def test_a_full_backlog_is_written_when_its_file_is_free(
    make: Callable[..., Arena], monkeypatch: pytest.MonkeyPatch, files: int, room: int
) -> None:
    """Where nothing may be dropped, and there is little room for a backlog or none, the writer goes on afterwards."""
    monkeypatch.setattr(backlogs, "MOST", room)
    arena = make(files)
    arena.host.drain.files.may_drop = False
    arena.locked.add(str(arena.paths[0]))
    for _ in range(3):
        arena.log()
        arena.rounds(3)
    arena.log(50)
    assert arena.host.drain.stalled
    seen = []
    watch(monkeypatch, lambda: seen.append((len(arena.lines()) + arena.missing(), arena.logged)))
    arena.locked.clear()
    arena.rounds()
    for at in range(files):
        assert arena.lines(at) == list(range(arena.logged))
    assert not arena.host.drain.waiting
    assert [found for found, wanted in seen if found != wanted] == []
    (tally,) = arena.host.tallies.values()
    assert (tally.read, tally.written, tally.lost) == (files * arena.logged, files * arena.logged, 0)


def test_a_handler_that_is_removed_over_a_full_backlog(
    make: Callable[..., Arena], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What waits for it is counted as lost, once, and the other files go on."""
    monkeypatch.setattr(backlogs, "MOST", PIECE)
    arena = make()
    arena.host.drain.files.may_drop = False
    arena.locked.add(str(arena.paths[0]))
    arena.log(200)
    arena.rounds(3)
    assert arena.host.drain.stalled
    monkeypatch.setattr(arena.host.writer, "finish", lambda _limit: False)
    arena.host.remove(arena.numbers[0])
    monkeypatch.undo()
    arena.rounds()
    assert arena.lines(1) == list(range(arena.logged))
    assert not arena.host.drain.waiting
    (tally,) = arena.host.tallies.values()
    assert (tally.written + tally.lost, tally.lost) == (2 * arena.logged, arena.logged)
    assert "lost" in capsys.readouterr().err
    arena.numbers.pop(0)


def test_many_locked_files_are_not_waited_for_one_by_one(
    make: Callable[..., Arena], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In each round one of them is, another one each time, so that what others log does not wait for all."""
    arena = make(8)
    arena.locked.update(map(str, arena.paths[1:]))
    waits: list[tuple[str, float]] = []
    acquire = LogFile.acquire

    def note(file: LogFile, bound: float) -> bool:
        waits.append((file.path, bound))
        return acquire(file, bound)

    monkeypatch.setattr(LogFile, "acquire", note)
    arena.log(10)
    arena.rounds(1)
    assert arena.lines() == list(range(10))
    assert [bound for _, bound in waits[1:]].count(files.BATCH_BOUND) == 1
    waits.clear()
    arena.rounds(7)
    assert len(waits) == 49
    assert {path for path, bound in waits if bound == files.HELD_BOUND} == arena.locked
    assert sum(bound for _, bound in waits) < 0.2
    monkeypatch.undo()
    arena.locked.clear()
    arena.rounds()
    assert all(arena.lines(at) == list(range(10)) for at in range(8))
