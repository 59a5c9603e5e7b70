"""How a backlog comes to its end: written in turns, or given up; nobody and nothing waits for it afterwards."""

from __future__ import annotations

import contextlib
import os
import resource
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from arenas import PIECE, Arena, arena_maker, watch

from mplog._capture import data
from mplog._capture.details import Details
from mplog._capture.notice import notice
from mplog._render.times import local_time
from mplog._ring import drops
from mplog._ring.layout import CLOSED, DATA_RECORD, FLUSH_TARGET, FLUSHED, SPILL, STATE
from mplog._ring.ring import Entry
from mplog._session.directory import private
from mplog._sinks.file.log_file import LogFile
from mplog._writer import backlog as backlogs
from mplog._writer.backlog import Attempt

__all__ = ["arena_maker"]

LARGE = b"y" * 100_000 + b"\n"


def spill(arena: Arena, number: int, name: str) -> Path:
    """A record for the handler *number* that is too large for its ring."""
    directory = arena.host.place.spill_directory
    private(directory)
    path = Path(directory, name)
    path.write_bytes(LARGE)
    assert arena.producer.push(time.time(), number, 20, name.encode(), SPILL)
    return path


def test_complete_waits_for_no_handler_that_is_removed(make: Callable[..., Arena]) -> None:
    """Who waits until its records are in a file that takes nothing is answered when nobody serves that any more."""
    arena = make()
    arena.locked.add(str(arena.paths[0]))
    arena.log()
    arena.rounds(3)
    arena.ring.words[FLUSH_TARGET] = arena.producer.tail
    assert arena.host.drain.answer_flushes()
    arena.forget(0)
    arena.rounds(3)
    assert not arena.host.drain.answer_flushes()
    assert arena.ring.words[FLUSHED] == arena.producer.tail


def test_large_records_of_a_handler_that_is_removed_are_gone(make: Callable[..., Arena]) -> None:
    """They lie beside the rings of their process, which has only so much room there."""
    arena = make()
    arena.locked.add(str(arena.paths[0]))
    large = [spill(arena, arena.numbers[0], "1")]
    arena.rounds(3)
    large.append(spill(arena, arena.numbers[0], "2"))
    arena.rounds(3)
    assert arena.host.drain.files.backlogs[arena.numbers[0]].waiting == 2
    assert [path.exists() for path in large] == [True, True]
    arena.forget(0)
    arena.rounds(3)
    assert [path.exists() for path in large] == [False, False]


@pytest.fixture
def no_descriptors() -> Iterator[Callable[[], Callable[[], None]]]:
    """Takes all that there are; what that returns gives them back."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []

    def give_back() -> None:
        while taken:
            os.close(taken.pop())
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    def take() -> Callable[[], None]:
        probe = os.dup(0)
        os.close(probe)
        resource.setrlimit(resource.RLIMIT_NOFILE, (probe + 5, before[1]))
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(0))
        return give_back

    yield take
    give_back()


@pytest.mark.parametrize("spare", [False, True])
@pytest.mark.parametrize("held", [False, True])
def test_a_large_record_needs_a_descriptor(
    make: Callable[..., Arena], no_descriptors: Callable[[], Callable[[], None]], held: bool, spare: bool
) -> None:
    """An owner that has no other reads it with one that it keeps; it waits where that is gone, too, and is not lost."""
    arena = make()
    if not spare:
        arena.host.shortage.end()
    if held:
        arena.locked.add(str(arena.paths[0]))
        arena.log(1)
        arena.rounds(3)
        spill(arena, arena.numbers[0], "1")
        arena.rounds(3)
    else:
        spill(arena, arena.numbers[0], "1")
    give_back = no_descriptors()
    arena.locked.clear()
    arena.rounds(3)
    assert arena.host.drain.waiting or arena.host.drain.unread() or spare
    give_back()
    arena.rounds(0 if spare else 3)
    assert arena.paths[0].read_bytes().endswith(LARGE)
    assert not arena.host.drain.waiting


def test_what_others_dropped_is_told_beside_a_backlog(make: Callable[..., Arena]) -> None:
    """In its own file, which takes it; and so the ring of its process can go."""
    arena = make()
    arena.locked.add(str(arena.paths[0]))
    arena.log()
    drops.count(arena.ring.words, arena.numbers[1], 20)
    arena.ring.words[STATE] = CLOSED
    arena.rounds(3)
    assert arena.host.drain.files.backlogs
    arena.host.keep()
    assert "dropped 1 record: 1 INFO" in arena.paths[1].read_text()
    assert not arena.host.drain.sources


@pytest.mark.parametrize("behind", [False, True])
def test_what_was_dropped_for_a_locked_file_is_told_when_it_is_free(
    make: Callable[..., Arena], monkeypatch: pytest.MonkeyPatch, behind: bool
) -> None:
    """Whoever tells it would have to wait for the lock, and all others with that, also where nothing else waits."""
    arena = make()
    arena.locked.add(str(arena.paths[0]))
    acquire = LogFile.acquire
    waits: list[float] = []

    def note(file: LogFile, bound: float) -> bool:
        waits.append(bound)
        return acquire(file, bound)

    monkeypatch.setattr(LogFile, "acquire", note)
    if behind:
        arena.log()
    drops.count(arena.ring.words, arena.numbers[0], 20)
    arena.ring.words[STATE] = CLOSED
    arena.rounds(3)
    arena.host.keep()
    assert len(arena.host.drain.sources) == 1
    assert max(waits) < 0.1
    arena.locked.clear()
    arena.rounds(3)
    arena.host.keep()
    assert "dropped 1 record: 1 INFO" in arena.paths[0].read_text()
    assert not arena.host.drain.sources


def test_a_file_that_is_stuck_keeps_no_other_from_its_backlog(
    make: Callable[..., Arena], monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is written as soon as its own file is free."""
    monkeypatch.setattr(backlogs, "MOST", PIECE)
    arena = make()
    arena.host.drain.files.may_drop = False
    arena.locked.update(map(str, arena.paths))
    arena.log(10)
    arena.rounds(3)
    seen = []
    watch(monkeypatch, lambda: seen.append((len(arena.lines()) + arena.missing(), arena.logged)))
    for _ in range(300):
        assert arena.producer.push(time.time(), arena.numbers[0], 20, b"%d %s\n" % (arena.logged, b"z" * 90))
        arena.logged += 1
    arena.rounds(3)
    assert arena.host.drain.stalled
    arena.locked.remove(str(arena.paths[1]))
    arena.rounds(3)
    assert arena.lines(1) == list(range(10))
    assert arena.host.drain.stalled
    arena.locked.clear()
    arena.rounds()
    assert arena.lines() == list(range(310))
    assert arena.lines(1) == list(range(10))
    assert not arena.host.drain.waiting
    assert [found for found, wanted in seen if found != wanted] == []


def test_asking_for_the_oldest_record_beside_the_writer(make: Callable[..., Arena]) -> None:
    """Another thread asks, while what has been tried comes into the file, or a ring goes."""
    arena = make()
    arena.locked.add(str(arena.paths[0]))
    arena.log()
    arena.rounds(3)
    backlog = arena.host.drain.files.backlogs[arena.numbers[0]]
    assert backlog.attempt is not None

    class Held(list[Entry]):
        """One that is written as soon as somebody has asked how long it is."""

        def __len__(self) -> int:
            assert backlog.attempt is not None
            backlog.attempt.share.counted = super().__len__()
            return super().__len__()

    attempt = backlog.attempt
    backlog.attempt = Attempt(Held(attempt.held), attempt.share, attempt.key, attempt.start)
    backlog.oldest()
    backlog.attempt = attempt
    attempt.share.counted = 0
    (source,) = arena.host.drain.sources
    reader = source.reader
    arena.host.drain.sources.remove(source)
    source.file.close()
    assert reader.oldest() is None
    assert reader.count_unread() == 0


def test_a_backlog_is_written_in_turns(make: Callable[..., Arena], monkeypatch: pytest.MonkeyPatch) -> None:
    """What others log meanwhile does not wait for all of it; it comes to its end also while more and more comes."""
    arena = make()
    arena.locked.add(str(arena.paths[0]))
    for _ in range(16):
        arena.log()
        arena.rounds(1)
    backlog = arena.host.drain.files.backlogs[arena.numbers[0]]
    pieces = len(backlog._pieces)
    assert pieces > 8
    arena.locked.clear()
    rounds = 0
    while arena.host.drain.waiting:
        rounds += 1
        arena.log(400)  # More than a piece.
        backlog.retry_at = 0.0
        arena.host.drain.round()
        assert arena.lines(1) == list(range(arena.logged))
        if rounds == 1:
            assert backlog.taken * 130 <= 2 * PIECE
        assert rounds < 50
    assert rounds > 3
    arena.rounds(2)
    assert arena.lines() == list(range(arena.logged))


def test_a_file_that_is_stuck_keeps_no_other_from_its_share(
    make: Callable[..., Arena], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing may be dropped no further records are read then, but what has been read comes to its files."""
    monkeypatch.setattr(backlogs, "MOST", 0)
    arena = make(3)
    arena.host.drain.files.may_drop = False
    arena.locked.add(str(arena.paths[0]))
    arena.log(400)
    arena.rounds(3)
    assert arena.host.drain.stalled
    assert arena.lines(1) == arena.lines(2) == list(range(400))
    arena.locked.clear()
    arena.rounds()
    assert arena.lines() == list(range(400))


def test_a_format_that_asks_for_the_end_of_the_program_costs_its_own_record(
    make: Callable[..., Arena], tmp_path: Path
) -> None:
    """In the thread of the writer, where it ends none, and where the text of a record that waited is made once more."""
    arena = make()
    asked = []

    def format_(record: dict[str, Any]) -> str:
        asked.append(record["message"])
        if asked[-1] == "guilty" and asked.count("guilty") > 1:
            raise SystemExit(3)
        return "{message}\n"

    path = tmp_path / "own.log"
    number = arena.logger.add(path, format=format_, rotation=lambda message, file: False)
    arena.locked.add(str(path))
    for text in ("guilty", "sound"):
        body = data.pack(notice(text, local_time(time.time())), Details())
        assert arena.producer.push(time.time(), number, 20, body, DATA_RECORD)
    arena.rounds(1)
    arena.locked.clear()
    arena.log(1)
    writer = threading.Thread(target=arena.rounds, args=[3])
    writer.start()
    writer.join()
    lost, sound = path.read_text().splitlines()
    assert lost.startswith("<a record that waited for this file is missing: 'SystemExit was raised")
    assert sound == "sound"
    assert arena.lines() == [0]
