"""What one ring may cost the writer: a turn in each round, no descriptor when it is damaged, no other's rotation."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from arenas import Session, packed

from mplog._ring import drops, wire
from mplog._ring.layout import (
    CAPACITY,
    CLOSED,
    DATA,
    DATA_RECORD,
    DROP_TABLE,
    DROPPED,
    KIND_SPILLED_DATA,
    SPILL,
    STATE,
)
from mplog._ring.ring_file import MAXIMUM_CAPACITY, RingFile
from mplog._session import losses
from mplog._session.identity import myself
from mplog._sinks.file import renewal
from mplog._sinks.file.sink import FileSink
from mplog._writer.spilled import LARGEST_READ

TURN = 0.05
"""Seconds that one ring may cost the others in one round, of the processor."""


class Arena(Session):
    """A session with one file."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.path = directory / "app.log"
        self.number = self.logger.add(self.path, format="{message}", rotation="1 h")
        self.begin()

    def ring(self, size: int = 64 * 1024) -> RingFile:
        """A new ring."""
        return self.new_ring(size)

    @property
    def sink(self) -> FileSink:
        """That of the file."""
        found = self.host.routes[self.number].sink
        assert isinstance(found, FileSink)
        return found

    def drain(self) -> None:
        """Rounds until nothing is left."""
        for _ in range(100):
            self.host.drain.round(everything=True)
            if not (self.host.drain.unread() or self.host.drain.waiting):
                return
        raise AssertionError("there is no end")

    def spill(self, name: str, size: int) -> bytes:
        """A file of *size* bytes beside the rings, and what names it."""
        os.makedirs(self.host.place.spill_directory, exist_ok=True)
        Path(self.host.place.spill_directory, name).write_bytes(bytes(size))
        return name.encode()


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[Arena]:
    """One session."""
    made = Arena(tmp_path)
    yield made
    made.end()


MUCH = list(range(300))
"""What makes a record of data slow."""


FILLED: dict[str, Callable[[Arena, Any], bool]] = {
    "short records": lambda arena, push: all(push(b"\n", 1) for _ in range(80_000)),
    "records as data": lambda arena, push: all(
        push(packed("x", values=MUCH), DATA_RECORD) for _ in range(10_000)
    ),  # As many as fit.
    "large files": lambda arena, push: all(push(arena.spill(f"1-{at}", 1 << 20), SPILL) for at in range(16)),
}


@pytest.mark.parametrize("filled", FILLED)
def test_one_full_ring_costs_the_others_a_turn(arena: Arena, filled: str) -> None:
    """Others have their records in the file after the first round, which is short, as is each that follows."""
    full, other = arena.ring(4 << 20), arena.new_ring(64 * 1024, replace(myself(), pid=os.getppid()))
    producer, sound = full.producer(0.0), other.producer()
    FILLED[filled](arena, lambda body, kind: producer.push(time.time(), arena.number, 20, body, kind))
    assert sound.push(time.time(), arena.number, 20, b"sound\n")
    arena.host.find_rings()
    costs = []
    for _ in range(1000):
        began = time.thread_time()
        arena.host.drain.round(everything=True)
        costs.append(time.thread_time() - began)
        if len(costs) == 1:
            assert sound.drained
        if producer.drained:
            break
    assert producer.drained
    assert len(costs) > 3
    assert sorted(costs)[len(costs) // 2] < TURN
    full.close()
    other.close()


def test_a_ring_has_a_largest_size(arena: Arena, capsys: Any) -> None:
    """A file of more bytes in the place of a ring is not mapped, and said; one of as many is a ring."""
    made = []
    for double in (0, 1):
        ring = arena.ring(16 * 1024)
        os.truncate(ring.path, DATA + (MAXIMUM_CAPACITY << double))  # With holes, but for its beginning.
        ring.words[CAPACITY] = MAXIMUM_CAPACITY << double
        made.append(ring)
    arena.host.find_rings()
    assert [source.file.path for source in arena.host.drain.sources] == [made[0].path]
    assert f"{made[1].path} is not read" in capsys.readouterr().err
    for ring in made:
        ring.close()


def test_damaged_rings_are_let_go(arena: Arena, capsys: Any) -> None:
    """When their processes have ended, no descriptor and no place among the rings is left of them; their files are."""
    before = len(os.listdir("/proc/self/fd"))
    paths = []
    for _ in range(40):
        ring = arena.ring(16 * 1024)
        producer = ring.producer()
        assert producer.push(time.time(), arena.number, 20, b"whole\n")
        ring.words[0x100 // 8] += 4096 + 8  # The tail.
        ring.words[STATE] = CLOSED
        paths.append(ring.path)
        ring.close()
    arena.host.find_rings()
    arena.host.drain.round(everything=True)
    assert len(arena.host.drain.sources) == 40
    arena.host.keep()
    assert not arena.host.drain.sources
    assert len(os.listdir("/proc/self/fd")) <= before + 2
    assert all(os.path.exists(path) for path in paths)
    arena.host.find_rings()
    assert not arena.host.drain.sources
    assert "is damaged" in capsys.readouterr().err


def test_damaged_rings_of_living_processes_are_few(arena: Arena, capsys: Any) -> None:
    """Whoever lives may wait for an answer there, and cannot have as many as it likes."""
    made = []
    for _ in range(40):
        ring = arena.ring(16 * 1024)
        ring.words[0x100 // 8] += 8
        made.append(ring)
    arena.host.find_rings()
    arena.host.drain.round(everything=True)
    arena.host.keep()
    assert 0 < len(arena.host.drain.sources) <= 16
    assert not any(source.file.has_descriptor() for source in arena.host.drain.sources)
    for ring in made:
        ring.close()
    capsys.readouterr()


def test_a_damaged_count_of_drops_is_told_as_that(arena: Arena) -> None:
    """No number that no process can have dropped stands in the log or in the statistics."""
    ring = arena.ring()
    for entry in range(3):
        at = DROP_TABLE + 3 * entry
        ring.words[at], ring.words[at + 1] = 1 << 63 | arena.number << 32 | 20 + entry, 1 << 63
    ring.words[DROPPED] = 1 << 62
    losses.tell(ring, arena.host.routes)
    told = arena.path.read_text()
    assert "how many cannot be told" in told
    assert "9223372036854775808" not in told
    arena.host.find_rings()
    ((_, account), _) = arena.host.accounts()
    assert account.dropped <= drops.MOST
    ring.close()


@pytest.mark.parametrize("wall", [253402300000.0, 1e300, float("inf"), float("nan"), float("-inf")])
def test_a_record_of_another_age_moves_no_rotation(arena: Arena, wall: float, tmp_path: Path) -> None:
    """A file is due when the clock says so, whatever time a record claims to be of."""
    ring = arena.ring()
    producer = ring.producer()
    due = renewal.due(arena.sink._file)
    assert due is not None
    assert producer.push(wall, arena.number, 20, b"far\n")
    arena.host.find_rings()
    arena.host.drain.round(everything=True)
    assert renewal.due(arena.sink._file) == due
    assert [path.name for path in tmp_path.iterdir()] == ["app.log"]
    assert producer.push(due + 1, arena.number, 20, b"of now\n")
    arena.sink._file.due_at = time.time()
    arena.host.drain.round(everything=True)
    assert len(list(tmp_path.iterdir())) == 2
    ring.close()


def test_what_is_read_of_a_record_beside_its_ring_has_a_limit(arena: Arena) -> None:
    """Instead of a file with holes there is a line that says how large it was."""
    ring = arena.ring()
    producer = ring.producer()
    largest = arena.spill("1-0", LARGEST_READ)
    with open(os.path.join(arena.host.place.spill_directory, largest.decode()), "r+b") as file:
        file.write(b"as large as may be\n")
    assert producer.push(time.time(), arena.number, 20, largest, SPILL)
    arena.host.find_rings()
    arena.drain()
    assert arena.path.read_bytes().startswith(b"as large as may be\n")
    assert arena.path.stat().st_size == LARGEST_READ + 1  # With the end of the last line.
    os.truncate(arena.path, 0)
    name = arena.spill("1-1", LARGEST_READ + 1)
    assert producer.push(time.time(), arena.number, 20, name, SPILL)
    arena.drain()
    assert arena.path.read_text() == (
        f"<a large record is missing: its file has {LARGEST_READ + 1} bytes, and none has so many>\n"
    )
    os.truncate(arena.path, 0)
    name = arena.spill("1-2", 0)
    os.truncate(os.path.join(arena.host.place.spill_directory, name.decode()), 1 << 40)
    assert producer.push(time.time(), arena.number, 20, name, SPILL)
    assert producer.push(time.time(), arena.number, 20, name, KIND_SPILLED_DATA)
    assert producer.push(time.time(), arena.number, 20, b"after\n")
    arena.host.find_rings()
    arena.drain()
    assert arena.path.read_text().splitlines() == [
        "<a large record is missing: its file has 1099511627776 bytes, and none has so many>",
        "after",
    ]
    ring.close()


ENDLESS = {
    "values": b"[" + b"1," * 8_000_000 + b"1]",
    "containers": b"[" + b"[[[[[[[[[[]]]]]]]]]]," * 390_000 + b"1]",
    "numbers": b"[" + b",".join([b"9" * 4300] * 3800) + b"]",
    "a set that collides": json.dumps({wire.TAG: ["set", [count * ((1 << 61) - 1) for count in range(9999)]]}).encode(),
    "a set of many": json.dumps({wire.TAG: ["set", list(range(60_000))]}).encode(),
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_no_bytes_are_decoded_for_long(kind: str) -> None:
    """They are refused before that, and what a record of a program's can be is not."""
    with pytest.raises(ValueError, match="are no record"):
        wire.decode(ENDLESS[kind])
    value: dict[str, dict[str, Any]] = {
        "extra": {"values": [str(at) for at in range(wire.MAX_ITEMS)], "text": '",[{\\"' * 500_000}
    }
    value["extra"]["set"] = {(at, "x") for at in range(9999)}
    assert wire.decode(wire.encode(value)) == value


def test_what_is_decoded_has_numbers() -> None:
    """Values in all, members of a container that is no list, and members that hash alike: so many, and not one more."""
    prime = (1 << 61) - 1
    limits: dict[str, tuple[int, Callable[[int], bytes]]] = {
        "in all": (wire.MOST_IN_WIRE, lambda count: b"[" + b"1," * count + b"1]"),
        "in one": (wire.MAX_ITEMS + 1, lambda count: json.dumps({wire.TAG: ["tuple", [1] * count]}).encode()),
        "alike": (
            wire.MOST_ALIKE,
            lambda count: json.dumps({wire.TAG: ["set", [prime * at for at in range(count)] + ["x"]]}).encode(),
        ),
    }
    for name, (most, make) in limits.items():
        assert len(wire.decode(make(most))) >= most, name
        with pytest.raises(ValueError, match="are no record"):
            wire.decode(make(most + 1))


def test_a_line_that_a_process_leaves_open_is_ended(arena: Arena) -> None:
    """Else the next record, of another process, would go on in it."""
    made = [arena.ring(), arena.ring()]
    producers = [ring.producer() for ring in made]
    for count in range(3):
        for which, producer in enumerate(producers):
            assert producer.push(time.time(), arena.number, 20, f"{which} {count}".encode())
            assert producer.push(
                time.time(), arena.number, 20, packed(f"{which} data {count}", values=MUCH), DATA_RECORD
            )
        arena.host.find_rings()
        arena.drain()
    assert len(arena.path.read_text().splitlines()) == 12
    for ring in made:
        ring.close()
