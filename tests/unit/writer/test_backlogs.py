"""What waits for a file, in more than one ring or where there is no ring for it: it gets there once, whoever dies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from arenas import PIECE, Arena, arena_maker, watch

from mplog._ring import drops
from mplog._ring.layout import CLOSED, RECLAIMED, STATE
from mplog._sinks.file.log_file import LogFile
from mplog._writer import backlog as backlogs
from mplog._writer import files

__all__ = ["arena_maker"]


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
    tally, _ = arena.host.tallies.all()
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
    arena.forget(0)
    arena.rounds()
    assert arena.lines(1) == list(range(arena.logged))
    assert not arena.host.drain.waiting
    tally, _ = arena.host.tallies.all()
    assert (tally.written + tally.lost, tally.lost) == (2 * arena.logged, arena.logged)
    assert "lost" in capsys.readouterr().err


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


def test_what_was_dropped_is_said_where_the_file_takes_something(make: Callable[..., Arena]) -> None:
    """While another file takes nothing; the ring of an ended process is reclaimed when everything is said."""
    arena = make()
    arena.locked.add(str(arena.paths[0]))
    arena.log(10)
    drops.count(arena.ring.words, arena.numbers[1], 20)
    arena.ring.words[STATE] = CLOSED
    arena.rounds(3)
    assert arena.host.drain.waiting
    arena.host.keep()
    assert "dropped 1 record" in arena.paths[1].read_text()
    assert arena.ring.words[RECLAIMED]


def test_what_was_dropped_is_said_later_where_the_file_takes_nothing(make: Callable[..., Arena]) -> None:
    """At the end of the session its ring is kept for whoever writes what waits for that file."""
    arena = make()
    arena.locked.add(str(arena.paths[0]))
    arena.log(10)
    drops.count(arena.ring.words, arena.numbers[0], 20)
    arena.ring.words[STATE] = CLOSED
    arena.rounds(3)
    arena.host.keep()
    assert drops.any_unsaid(arena.ring.words)
    arena.host.intake.let_go()
    assert not arena.ring.words[RECLAIMED]
    assert Path(arena.ring.path).exists()
