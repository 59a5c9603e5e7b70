"""The records of one process keep their order where they lie in several rings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from arenas import Session, packed

from mplog._ring.layout import DATA_RECORD
from mplog._ring.ring import Reader
from mplog._sinks.limit import Limit
from mplog._writer import batch, drain, source


def test_a_ring_whose_texts_take_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for its next turn, and so does what its process has logged since into a further ring."""
    monkeypatch.setattr(batch, "TURN_TIME", 0.0)
    session = Session()
    path = tmp_path / "a.log"
    route = session.logger.add(path, format="{message}")
    session.begin()
    for first in (0, 3):
        producer = session.new_ring(16 * 1024).producer()
        for number in range(first, first + 3):
            assert producer.push(1e9, route, 20, packed(str(number)), DATA_RECORD)
    assert session.host.writer.finish(Limit(20))
    assert path.read_text().split() == ["0", "1", "2", "3", "4", "5"]
    session.end()


@pytest.fixture
def short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ring holds many turns."""
    monkeypatch.setattr(source, "TURN", 4096)
    monkeypatch.setattr(batch, "TURN", 4096)


def written_from_two_rings(path: Path) -> list[str]:
    """What is in the log when a process has logged from 0 to 199 into one ring and on to 399 into a further one."""
    session = Session()
    route = session.logger.add(path, format="{message}")
    session.begin()
    for first in (0, 200):
        producer = session.new_ring(64 * 1024).producer()
        for number in range(first, first + 200):
            assert producer.push(1e9, route, 20, b"%d\n" % number)
    assert session.host.writer.finish(Limit(20))
    session.end()
    return path.read_text().split()


@pytest.mark.usefixtures("short_turns")
def test_a_ring_that_holds_more_than_a_turn(tmp_path: Path) -> None:
    """What its process has logged since into a further ring waits until all of it has been read."""
    assert written_from_two_rings(tmp_path / "a.log") == list(map(str, range(400)))


@pytest.mark.usefixtures("short_turns")
def test_a_ring_that_has_no_place_in_a_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a round has not room for all rings, those of a process that are in it wait for an older one that is not."""
    monkeypatch.setattr(drain, "MOST_RINGS", 1)
    assert written_from_two_rings(tmp_path / "a.log") == list(map(str, range(400)))


@pytest.mark.usefixtures("short_turns")
def test_rings_that_are_read_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So they are after an error that came of all together; each waits for what was logged before, as else."""
    read_all = batch.Batches.read_all

    def failing(batches: batch.Batches, sources: list[source.Source], *rest: Any) -> Any:
        if len(sources) > 1:
            raise RuntimeError("of all together")
        return read_all(batches, sources, *rest)

    monkeypatch.setattr(batch.Batches, "read_all", failing)
    assert written_from_two_rings(tmp_path / "a.log") == list(map(str, range(400)))


@pytest.mark.usefixtures("short_turns")
def test_a_ring_that_gets_its_first_record_just_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Right after the look into it: that waits for the older ones of a ring that is not in this round."""
    monkeypatch.setattr(drain, "MOST_RINGS", 1)
    session = Session()
    path = tmp_path / "a.log"
    route = session.logger.add(path, format="{message}")
    session.begin()
    first, second = (session.new_ring(64 * 1024).producer() for _ in range(2))
    for number in range(200):
        assert first.push(1e9, route, 20, b"%d\n" % number)
    oldest = Reader.oldest
    looks = 0

    def look(reader: Reader) -> int | None:
        nonlocal looks
        found = oldest(reader)
        looks += found is None
        if found is None and looks == 2:  # The first one is for the round of the other ring.
            assert second.push(1e9, route, 20, b"200\n")
        return found

    monkeypatch.setattr(Reader, "oldest", look)
    assert session.host.writer.finish(Limit(20))
    session.end()
    assert path.read_text().split() == list(map(str, range(201)))


@pytest.mark.usefixtures("short_turns")
def test_a_turn_that_ends_early(tmp_path: Path) -> None:
    """At a large record, which has no room in it: the further ring waits for that one, too."""
    session = Session()
    path = tmp_path / "a.log"
    route = session.logger.add(path, format="{message}")
    session.begin()
    for texts in (["0", "1", "2" + "x" * 4000, "3"], ["4"]):
        producer = session.new_ring(64 * 1024).producer()
        for text in texts:
            assert producer.push(1e9, route, 20, f"{text}\n".encode())
    assert session.host.writer.finish(Limit(20))
    session.end()
    assert [line[0] for line in path.read_text().split()] == list("01234")
