"""Arbitrary bytes in rings, slots and control pages: no crash, nothing read outside, and others are served as before.

What is damaged is damaged in the mapped files of a real session, between two rounds of its writer.
"""

from __future__ import annotations

import itertools
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mplog._logger.core import Core
from mplog._logger.logger import Logger
from mplog._ring.layout import CONTROL_BYTES, DATA, HEADER_BYTES
from mplog._ring.ring_file import MINIMUM_CAPACITY, RingFile, open_existing
from mplog._session import rings, sweeping
from mplog._session.host import Host
from mplog._session.identity import Identity, myself
from mplog._session.place import open_place
from mplog._sinks.file.slot import SLOT_BYTES

FEW = settings(
    max_examples=30,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
WORDS = [
    0,
    1,
    15,
    16,
    24,
    4096,
    MINIMUM_CAPACITY,
    MINIMUM_CAPACITY + 16,
    2**31,
    2**32 - 1,
    2**63,
    2**64 - 16,
    2**64 - 1,
]

_generations = itertools.count(1000)


def damages(size: int, first: int = 0) -> st.SearchStrategy[list[tuple[int, bytes]]]:
    """Bytes to store, and where: some anywhere, some whole words that are numbers somebody believes."""
    anywhere = st.tuples(st.integers(first, size - 1), st.binary(min_size=1, max_size=40))
    words = st.tuples(
        st.integers(first // 8, min(size, 0x1000) // 8 - 1).map(lambda index: index * 8),
        st.sampled_from(WORDS).map(lambda word: word.to_bytes(8, "little")),
    )
    records = st.tuples(
        st.integers(0, 40).map(lambda index: min(DATA + 4 * index, size - 1)),
        st.sampled_from([b"\xff", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x02", b"\x03\0\0\0", b"\x05"]),
    )
    return st.lists(st.one_of(anywhere, words, records), min_size=1, max_size=6)


def damage(buffer: memoryview, found: list[tuple[int, bytes]]) -> None:
    """Store all of it, as far as it is inside."""
    for at, data in found:
        part = data[: len(buffer) - at]
        buffer[at : at + len(part)] = part


class Arena:
    """A session whose writer takes steps when it is told to, with one sound ring."""

    def __init__(self, directory: Path) -> None:
        self.log = directory / "app.log"
        self.core = Core()
        self.logger = Logger(self.core, {})
        self.number = self.logger.add(self.log, format="{message}", rotation="1 GB")
        host = self.core.sessions.make_host()
        assert host is not None
        self.host: Host = host
        self.sound = self.empty_ring(myself())
        self.producer = self.sound.producer()
        self.count = 0

    def empty_ring(self, who: Identity) -> RingFile:
        """A new ring of this session."""
        place = self.host.place
        return rings.create(place.ring_directories, next(_generations), who, place.id, "p", MINIMUM_CAPACITY)

    def ring(self) -> RingFile:
        """A new ring with records of different kinds in it, of another process than the sound one: one process's
        records wait for one another."""
        ring = self.empty_ring(replace(myself(), pid=os.getppid()))
        producer = ring.producer()
        for kind in (1, 1, 3, 4):
            assert producer.push(time.time(), self.number, 20, b"some text\n", kind)
        return ring

    def serve(self) -> None:
        """The sound process logs, and the writer comes round."""
        self.count += 1
        line = f"sound {self.count}\n".encode()
        assert self.producer.push(time.time(), self.number, 20, line)
        self.host.find_rings()
        self.host.drain.round()
        self.host.drain.round(everything=True)
        self.host.drain.answer_flushes()
        self.host.keep()
        assert not self.host.drain.waiting
        assert line in self.log.read_bytes()[-200_000:]

    def forget(self, ring: RingFile) -> None:
        """Let go of a ring as its owner does with one whose process has died."""
        for source in list(self.host.drain.sources):
            if source.file.path == ring.path:
                self.host.drain.sources.remove(source)
                self.host.intake.known.pop(ring.path)
                source.file.close()
        self.host.intake.ignored.discard(ring.path)
        rings.remove(ring.path)
        ring.close()


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[Arena]:
    """One session for all examples of a test."""
    made = Arena(tmp_path)
    yield made
    made.sound.close()
    made.host.finish()
    made.core.sessions.host = None
    made.logger.remove()


@FEW
@given(found=damages(HEADER_BYTES + MINIMUM_CAPACITY), late=st.booleans())
def test_a_damaged_ring_stops_no_other(arena: Arena, found: list[tuple[int, bytes]], late: bool) -> None:
    """Whether the writer has the ring already (*late*) or finds it so."""
    ring = arena.ring()
    if late:
        arena.host.find_rings()
    damage(memoryview(ring.map), found)
    began = time.thread_time()
    arena.serve()
    assert time.thread_time() - began < 2
    arena.forget(ring)


@FEW
@given(data=st.binary(min_size=0, max_size=300), at=st.integers(0, DATA + 300))
def test_any_file_in_the_place_of_a_ring(arena: Arena, data: bytes, at: int) -> None:
    """It is refused with a reason, or read as far as it makes sense; others are served."""
    directory = arena.host.place.ring_directories[0]
    path = os.path.join(directory, f"1-{at}-{next(_generations)}.ring")
    Path(path).write_bytes(bytes(at) + data)
    try:
        open_existing(path).close()
    except ValueError as error:
        assert path in str(error)  # noqa: PT017 - some of them are rings
    arena.serve()
    os.unlink(path)


@FEW
@given(found=damages(SLOT_BYTES))
def test_a_damaged_slot_costs_no_record(arena: Arena, found: list[tuple[int, bytes]]) -> None:
    """And nothing that is in the file: only bytes that are proven to be promised are ever cut off."""
    before = arena.log.read_bytes()
    damage(memoryview(arena.host.slots[arena.number]._map), found)
    arena.serve()
    assert arena.log.read_bytes().startswith(before)


@FEW
@given(found=damages(CONTROL_BYTES))
def test_a_damaged_control_page_is_refused_or_believed(
    arena: Arena, tmp_path_factory: pytest.TempPathFactory, found: list[tuple[int, bytes]]
) -> None:
    """Whoever finds the session and whoever sweeps raises nothing but what says that it cannot be used."""
    copy = Path(arena.host.place.path).with_name(f"{next(_generations):032x}")
    shutil.copytree(arena.host.place.path, copy, ignore=shutil.ignore_patterns("doorbell", "rings"))
    content = bytearray((copy / "control").read_bytes())
    damage(memoryview(content), found)
    (copy / "control").write_bytes(content)
    try:
        place = open_place(str(copy))
        assert place.is_served in (True, False)
        place.control.close()
    except (OSError, ValueError):
        pass
    sweeping.sweep()
    shutil.rmtree(copy, ignore_errors=True)
    arena.serve()
