"""Whatever is raised at whichever line of a round, no record is lost, doubled or held up, and each is counted as read.

What has become of them is counted behind that, and may be off by those of one round.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
from arenas import Session

from mplog._sinks.file.commit import Commits
from mplog._sinks.file.log_file import LogFile
from mplog._sinks.file.progress import Progress
from mplog._sinks.file.sink import FileSink
from mplog._sinks.file.slot import Slot
from mplog._sinks.file.turnover import Turnover
from mplog._writer import batch
from mplog._writer import drain as drains
from mplog._writer.backlog import Backlog, Share
from mplog._writer.batch import Batches
from mplog._writer.drain import Drain
from mplog._writer.files import Files
from mplog._writer.pending import Pending
from mplog._writer.route import Route
from mplog._writer.source import Source

COUNT = 6

PARTS: dict[str, list[Callable[..., Any]]] = {
    "round": [
        Drain._round,
        Drain._in_turn,
        Drain._read,
        Batches.read_all,
        Source.read,
        Batches._share_out,
        Batches._text,
        Route.text_of,
    ],
    "settle": [
        Drain._settle_owed,
        Drain._settle,
        Files._give,
        Files._commit,
        Files._count_written,
        Pending.count_others,
    ],
    "commit": [Commits.write, Commits._append, Slot.intend, Slot._store, Slot.done],
    "around the commit": [FileSink.commit, LogFile.acquire, Progress.look, Progress.promise],
    "rotation": [Turnover.make_room, Turnover._fitting, Turnover._rotate],
    "backlog": [Files._hold, Files.work_off, Files._write_backlog, Files._attempt, Files._finished, Backlog.count],
    "backlog in short turns": [Files._hold, Files.work_off, Files._write_backlog, Files._attempt, Files._finished],
    "rings of the backlog": [Backlog.put, Backlog._push, Backlog._grow, Backlog.tidy, Files.give_all],
    "full backlog": [
        *(Files._give, Files._commit_share, Files._others, Files._hold, Files._write_backlog),
        *(Files._count_written, Share.next_for, Share.skip, Backlog.reached, Backlog.count, Progress.look),
    ],
}
"""Functions that a round runs through, each group injected into on its own."""


class Interrupted(BaseException):
    """What a signal handler may raise."""


class Injection:
    """Raises at the line with a number, counted over all lines of some functions that are run."""

    def __init__(self, functions: list[Callable[..., Any]], error: type[BaseException]) -> None:
        self._codes = {function.__code__ for function in functions}
        self._error = error
        self._at = -1
        self._count = 0
        self.happened = ""

    def arm(self, at: int) -> None:
        """Raise at line number *at* of those to come."""
        self._at, self._count, self.happened = at, 0, ""
        sys.settrace(self._enter)

    def disarm(self) -> None:
        """Raise no more."""
        sys.settrace(None)

    def _enter(self, frame: FrameType, _event: str, _argument: object) -> Any:
        return self._line if frame.f_code in self._codes else None

    def _line(self, frame: FrameType, event: str, _argument: object) -> Any:
        if event == "line":
            self._count += 1
            if self._count == self._at:
                code: CodeType = frame.f_code
                self.happened = f"{code.co_name}:{frame.f_lineno}"
                sys.settrace(None)
                frame.f_trace = None
                raise self._error(self.happened)
        return self._line


class Arena(Session):
    """A session with the ring of a process that has two files."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory
        self.got: list[str] = []
        self.numbers = [
            self.logger.add(directory / "a.log", format="{message}", rotation="1 KB"),
            self.logger.add(directory / "b.log", format="{message}"),
            self.logger.add(lambda message: self.got.append(str(message)), format="{message}"),
        ]
        self.begin()
        self.ring = self.new_ring(64 * 1024)
        self.producer = self.ring.producer()
        self.logged = 0

    def log(self) -> None:
        """Some records for each sink; one is not known to anybody."""
        for _ in range(COUNT):
            for number in (*self.numbers, 99):
                line = b"%d %s\n" % (self.logged, b"z" * 40)
                assert self.producer.push(time.time(), number, 20, line)
            self.logged += 1

    def lines(self, name: str) -> list[int]:
        """The numbers in a file and in what was rotated from it, in order."""
        paths = sorted(self.directory.glob(f"{name}*.log"), key=lambda path: (path.name == f"{name}.log", path.name))
        return [int(line.split()[0]) for path in paths for line in path.read_text().splitlines()]

    def drain(self) -> None:
        """Rounds until nothing is left."""
        drain = self.host.drain
        for _ in range(200):
            drain._rest_until = 0.0
            if drain._pending is not None:
                drain._pending.retry_at = 0.0
            for backlog in drain.files.backlogs.values():
                backlog.retry_at = 0.0
            drain.round(everything=True)
            if not drain.waiting and not drain.unread():
                return
        raise AssertionError("the round never comes to its end")


@pytest.fixture
def arena(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Arena]:
    """One session, whose host has found the ring."""
    monkeypatch.setattr(drains, "RETRY", 0.0)
    made = Arena(tmp_path)
    made.host.find_rings()
    yield made
    made.ring.close()
    made.end()


@pytest.mark.parametrize("error", [MemoryError, Interrupted])
@pytest.mark.parametrize("part", PARTS)
def test_an_error_at_any_line(
    arena: Arena, part: str, error: type[BaseException], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """One after the other, until a round comes to its end without."""
    injection = Injection(PARTS[part], error)
    held = "backlog" in part
    if part == "backlog in short turns":
        monkeypatch.setattr(batch, "TURN_TIME", 0.0)
    if part == "full backlog":
        put_there = Backlog.put
        arena.host.drain.files.may_drop = False
        monkeypatch.setattr(
            Backlog,
            "put",
            lambda backlog, *rest: (
                sum(piece.producer.count for piece in backlog._pieces) < 2 and put_there(backlog, *rest)
            ),
        )
    at, put, places = 0, 0, set()
    while True:
        at += 1
        if held:
            with monkeypatch.context() as patch:
                patch.setattr(LogFile, "acquire", all_but(arena.directory / "b.log"))
                arena.log()
                one_round(arena, injection, at)
        else:
            arena.log()
            one_round(arena, injection, at)
        if not injection.happened and held:
            one_round(arena, injection, at)
        arena.drain()
        wanted = list(range(arena.logged))
        assert arena.lines("a") == wanted, injection.happened
        assert arena.lines("b") == wanted, injection.happened
        tally, _ = arena.host.tallies.all()
        outlet = arena.host.routes[arena.numbers[2]].outlet
        assert outlet is not None
        # Such a sink gets each record once at most.
        assert COUNT - 1 <= outlet.put_count - put <= COUNT, injection.happened
        put = outlet.put_count
        assert tally.read == 4 * arena.logged, injection.happened
        if not injection.happened:
            break
        places.add(injection.happened)
    assert len(places) > 10
    capsys.readouterr()


def all_but(path: Path) -> Callable[..., bool]:
    """Takes locks as long as somebody has that of *path*."""
    acquire = LogFile.acquire

    def take(file: LogFile, *rest: Any, **named: Any) -> bool:
        return file.path != str(path) and acquire(file, *rest, **named)

    return take


def one_round(arena: Arena, injection: Injection, at: int) -> None:
    """A round in which something is raised."""
    arena.host.drain._rest_until = 0.0
    for backlog in arena.host.drain.files.backlogs.values():
        backlog.retry_at = 0.0
    injection.arm(at)
    try:
        arena.host.drain.round(everything=True)
    except Interrupted:
        pass
    finally:
        injection.disarm()
