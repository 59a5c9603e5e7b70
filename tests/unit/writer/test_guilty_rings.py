"""Whatever is raised for one ring, at whichever line and however often, the others' records arrive, each once.

What supervises the rounds (`_round`, `_read_apart`, `_settle_owed`, `_settle_apart`) has nothing of a ring in its hands
and is not among the lines; nor is the commit, which gets bytes.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from arenas import Session, packed

from mplog._capture import data
from mplog._render.renderer import Renderer
from mplog._ring import wire
from mplog._ring.layout import DATA_RECORD, KIND_SPILLED_DATA, LOG, SPILL
from mplog._ring.ring import Reader
from mplog._ring.ring_file import RingFile
from mplog._sinks import report
from mplog._writer import batch, spilled
from mplog._writer import drain as drains
from mplog._writer import source as sources
from mplog._writer.backlog import Share
from mplog._writer.batch import Batches
from mplog._writer.drain import Drain
from mplog._writer.files import Files
from mplog._writer.pending import Pending
from mplog._writer.route import Route
from mplog._writer.source import ATTEMPTS, Source

MARK = "guilty"

PARTS: dict[str, list[Callable[..., Any]]] = {
    "drain": [Drain._read, Batches.read_all, Batches._bound, Source.read, Reader.read],
    "share": [Batches._share_out, Batches._leave, Batches._text],
    "settle": [
        *(Drain._settle, Files.give_all, Files._give, Files._commit_share, Files._count_written),
        *(Pending.count_others, Source.tell_producer, Reader.release),
    ],
    "render": [Route.text_of, Renderer.text, Renderer._line_or_mark, Renderer._line],
    "decode": [data.unpack, wire.decode, wire._untag, wire._rebuild],
    "spill": [spilled.loadable, spilled.spill_path, spilled.read_spilled],
}


def touches(value: Any, ring: RingFile, depth: int = 3) -> bool:
    """Whether *value* is, or holds, something of *ring*."""
    kind = type(value)
    if kind is bytes:
        return MARK.encode() in value
    if kind is str:
        return MARK in value
    if kind is Source:
        return bool(value.file.path == ring.path)
    if kind is Reader:
        return bool(value._words.obj is ring.words.obj)
    if kind is Pending:
        return any(count and touches(source, ring) for source, count in zip(value.sources, value.counts, strict=True))
    if kind is Share:
        return touches(value.entries, ring)
    if depth and kind in (list, tuple):
        return any(touches(item, ring, depth - 1) for item in value)
    return bool(depth and kind is dict and any(touches(item, ring, depth - 1) for item in value.values()))


class Persistent:
    """Raises at one line of some functions, whenever it is run with something of one ring in the hand."""

    def __init__(self, functions: list[Callable[..., Any]]) -> None:
        self._codes = {function.__code__ for function in functions}
        self.ring: RingFile | None = None
        self.at: tuple[str, int] | None = None
        self.seen: set[tuple[str, int]] = set()
        self.count = 0
        self.armed = False

    def arm(self) -> None:
        """From now on, also in what runs already: whoever raises in a tracing function is traced no more."""
        self.armed = True
        frame: FrameType | None = sys._getframe()
        while frame is not None:
            if frame.f_code in self._codes:
                frame.f_trace = self._line
            frame = frame.f_back
        sys.settrace(self._enter)

    def disarm(self) -> None:
        """Raise no more."""
        self.armed = False
        sys.settrace(None)

    def again(self, *_: Any, **__: Any) -> None:
        """In the place of a report: what was raised is being handled."""
        if self.armed:
            self.arm()

    def _enter(self, frame: FrameType, _event: str, _argument: object) -> Any:
        return self._line if frame.f_code in self._codes else None

    def _line(self, frame: FrameType, event: str, _argument: object) -> Any:
        if event == "line" and self.ring is not None:
            place = frame.f_code.co_name, frame.f_lineno
            held = frame.f_locals
            if frame.f_code is Batches._text.__code__:
                held = {"entry": held["entry"]}  # The batch beside it has all of them.
            if self.at in (None, place) and any(touches(value, self.ring) for value in held.values()):
                self.seen.add(place)
                if self.at is not None:
                    self.count += 1
                    raise LookupError(f"{place}")
        return self._line


class Arena(Session):
    """A session with two files and a function, two sound rings, and one for each place where something is raised."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.paths = [directory / "a.log", directory / "b.log"]
        self.got: list[str] = []
        self.numbers = [self.logger.add(path, format="{message}") for path in self.paths]
        self.numbers.append(self.logger.add(lambda message: self.got.append(str(message)), format="{message}"))
        self.begin()
        self.made = 0
        self.sound = [self.next_ring(), self.next_ring()]
        self.producers = [ring.producer() for ring in self.sound]
        self.wanted: Counter[str] = Counter()
        self.wanted_guilty: Counter[str] = Counter()

    def next_ring(self) -> RingFile:
        """A ring, which is counted."""
        self.made += 1
        return self.new_ring(64 * 1024)

    def log(self) -> None:
        """A record of each sound ring for each sink, as text and as data."""
        for which, producer in enumerate(self.producers):
            text = f"sound {which} {self.made}"
            self.wanted[text] += 2
            for number in self.numbers:
                assert producer.push(time.time(), number, 20, f"{text}\n".encode())
                assert producer.push(time.time(), number, 20, packed(text, of=(text, 1.5)), DATA_RECORD)

    def log_guilty(self) -> RingFile:
        """A new ring that holds a record of each kind for each sink."""
        ring = self.next_ring()
        producer = ring.producer()
        spill = self.host.place.spill_directory
        os.makedirs(spill, exist_ok=True)
        for number in self.numbers:
            for kind in (LOG, DATA_RECORD, SPILL, KIND_SPILLED_DATA):
                text = f"{MARK} {self.made} {kind}"
                body = (
                    packed(text, of=(text, 1.5)) if kind in (DATA_RECORD, KIND_SPILLED_DATA) else f"{text}\n".encode()
                )
                if kind in (SPILL, KIND_SPILLED_DATA):
                    name = f"{MARK}-{self.made}-{number}-{kind}"
                    Path(spill, name).write_bytes(body)
                    body = name.encode()
                assert producer.push(time.time(), number, 20, body, kind)
                self.wanted_guilty[text] = 1
        return ring

    def step(self) -> None:
        """One round, without rests between attempts."""
        drain = self.host.drain
        drain._rest_until = 0.0
        for pending in [*drain.files.apart, *([drain._pending] if drain._pending else [])]:
            pending.retry_at = 0.0
        for source in drain.sources:
            source.rest_until = 0.0
        drain.round(everything=True)

    def lines(self, path: Path, *, guilty: bool) -> Counter[str]:
        """What is in a file, of the guilty rings or of the sound ones."""
        lines = [line for line in path.read_text().splitlines() if (MARK in line) is guilty]
        return Counter(re.findall(rf"{MARK} \d+ \d", "\n".join(lines)) if guilty else lines)


@pytest.fixture
def arena(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Arena]:
    """One session for all lines of a part."""
    monkeypatch.setattr(drains, "RETRY", 0.0)
    monkeypatch.setattr(sources, "LONGEST_REST", 0.0)
    monkeypatch.setattr(batch, "TURN_TIME", 60.0)  # Under the tracer everything takes its time.
    made = Arena(tmp_path)
    made.host.find_rings()
    yield made
    for ring in made.sound:
        ring.close()
    made.end()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # A file between opening and `with`.
@pytest.mark.parametrize("part", PARTS)
def test_an_error_that_one_ring_makes_again_and_again(
    arena: Arena, part: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """The ledger of the others is exact while it lasts; when it is over, so is that of the guilty ring."""
    injection = Persistent(PARTS[part])
    monkeypatch.setattr(report, "error_in_handler", injection.again)
    injection.ring = ring = arena.log_guilty()
    arena.host.find_rings()
    arena.log()
    injection.arm()
    arena.step()
    injection.disarm()
    ring.close()
    places = sorted(injection.seen)
    assert len(places) > 10
    hit = 0
    for place in places:
        injection.at, injection.count = place, 0
        injection.ring = ring = arena.log_guilty()
        arena.log()
        arena.host.find_rings()
        try:
            for _ in range(2 * ATTEMPTS + 2):
                injection.arm()
                arena.step()
                injection.disarm()
            hit += injection.count > 0
            for path in arena.paths:
                assert arena.lines(path, guilty=False) == arena.wanted, place
            assert not arena.host.drain.waiting, place
            assert arena.host.drain.is_through(arena.host.drain.published()), place
        finally:
            injection.disarm()
        for _ in range(3):
            arena.step()
        # What could not be made of a single record is counted as failed, and costs no other record of that ring.
        tally, _ = arena.host.tallies.all()
        written: Counter[str] = sum((arena.lines(path, guilty=True) for path in arena.paths), Counter())
        assert all(count <= 2 for count in written.values()), place
        assert not any(source.reader.unread() or source.owes for source in arena.host.drain.sources), place
        missing = sum(2 - written[text] for text in arena.wanted_guilty)
        assert missing <= tally.failed, place
        ring.close()
    assert hit > 10
    capsys.readouterr()


def test_a_ring_that_is_set_aside_is_said_with_its_process_and_position(
    arena: Arena, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Its records are counted, and kept where they are."""
    ring = arena.log_guilty()
    arena.host.find_rings()
    read = Source.read

    def refuse(source: Source, *rest: Any) -> Any:
        if source.file.path == ring.path:
            raise LookupError("unforeseen")
        return read(source, *rest)

    monkeypatch.setattr(Source, "read", refuse)
    for _ in range(ATTEMPTS + 1):
        arena.log()
        arena.step()
    said = capsys.readouterr().err
    assert f"process {os.getpid()} (p) is set aside at position 0" in said
    assert "Its 12 records" in said
    assert arena.lines(arena.paths[0], guilty=False) == arena.wanted
    assert arena.logger.statistics().corrupt_rings == 1
    assert ["set aside" in problem.text for problem in arena.logger.health().problems if problem.kind == "corrupt"] == [
        True
    ]
    assert ring.reader().count_unread() == 12
    ring.close()
