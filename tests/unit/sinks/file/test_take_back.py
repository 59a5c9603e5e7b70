"""Putting a file right after a cut-off append: only bytes that are proven to be ours ever go."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mplog._sinks.file.take_back import Found, begun, take_back

BATCH = b"alpha 1\nbeta 2\ngamma 3\n"
BEFORE = b"earlier line\n"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A log with one line in it, open for appending."""
    path = tmp_path / "app.log"
    path.write_bytes(BEFORE)
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    yield path, fd
    os.close(fd)


def test_nothing_written_changes_nothing(log: tuple[Path, int]) -> None:
    """Killed before the append: the file is as it was."""
    path, fd = log
    assert Found.NOTHING is take_back(fd, len(BEFORE), BATCH)
    assert path.read_bytes() == BEFORE


@pytest.mark.parametrize("length", range(1, len(BATCH)))
def test_part_at_the_end_is_cut_off(log: tuple[Path, int], length: int) -> None:
    """Killed in the append: what is there of it goes, whatever its length."""
    path, fd = log
    os.write(fd, BATCH[:length])
    assert Found.CUT is take_back(fd, len(BEFORE), BATCH)
    assert path.read_bytes() == BEFORE


def test_whole_append_stays(log: tuple[Path, int]) -> None:
    """Killed after the append: it counts as done."""
    path, fd = log
    os.write(fd, BATCH)
    assert Found.WHOLE is take_back(fd, len(BEFORE), BATCH)
    assert path.read_bytes() == BEFORE + BATCH


def test_whole_append_is_found_behind_a_foreign_line(log: tuple[Path, int]) -> None:
    """Somebody without our lock appended first: our bytes are found where they are."""
    path, fd = log
    os.write(fd, b"foreign\n" + BATCH + b"foreign too\n")
    assert Found.WHOLE is take_back(fd, len(BEFORE), BATCH)
    assert path.read_bytes() == BEFORE + b"foreign\n" + BATCH + b"foreign too\n"


def test_foreign_bytes_are_never_cut_off(log: tuple[Path, int]) -> None:
    """Somebody appended, we did not: the foreign line stays although it lies in the promised range."""
    path, fd = log
    os.write(fd, b"foreign\n")
    assert Found.NOTHING is take_back(fd, len(BEFORE), BATCH)
    assert path.read_bytes() == BEFORE + b"foreign\n"


def test_part_behind_a_foreign_line_is_cut_off(log: tuple[Path, int]) -> None:
    """Of a foreign line and a part of ours, only ours goes."""
    path, fd = log
    os.write(fd, b"foreign\n" + BATCH[:11])
    assert Found.CUT is take_back(fd, len(BEFORE), BATCH)
    assert path.read_bytes() == BEFORE + b"foreign\n"


@pytest.mark.parametrize("length", [0, 12])
def test_behind_many_megabytes_of_others(log: tuple[Path, int], length: int) -> None:
    """Strangers that append at full speed while nobody settles: what is ours is found without going through it all."""
    path, fd = log
    foreign = b"a line of another program that takes part in no promise\n" * 300_000
    os.write(fd, foreign + BATCH[:length])
    assert take_back(fd, len(BEFORE), BATCH) is (Found.CUT if length else Found.NOTHING)
    assert path.stat().st_size == len(BEFORE) + len(foreign)


def test_part_before_foreign_bytes_stays_and_is_said(log: tuple[Path, int]) -> None:
    """A part that somebody wrote behind cannot go; the file ends with a newline, and the fragment is told."""
    path, fd = log
    os.write(fd, BATCH[:12] + b"foreign")
    assert Found.TORN is take_back(fd, len(BEFORE), BATCH)
    assert path.read_bytes() == BEFORE + BATCH[:12] + b"foreign\n"


@pytest.mark.parametrize(
    ("written", "count"),
    [(b"", 0), (BATCH[:12], 12), (BATCH, len(BATCH)), (BATCH[:9] + b"foreign\n", 9), (b"foreign\n" + BATCH, 0)],
)
def test_begun_counts_the_bytes_that_stand_there(log: tuple[Path, int], written: bytes, count: int) -> None:
    """Whatever stands behind them, the bytes of the batch that are at its offset are counted."""
    _, fd = log
    os.write(fd, written)
    assert begun(fd, len(BEFORE), BATCH) == count


@settings(max_examples=300, deadline=None)
@given(
    foreign=st.lists(st.sampled_from([b"other\n", b"alpha other\n", b"\n", b"alpha 1 \n"]), max_size=3),
    length=st.integers(0, len(BATCH)),
)
def test_foreign_lines_always_survive(
    tmp_path_factory: pytest.TempPathFactory, foreign: list[bytes], length: int
) -> None:
    """Whatever whole lines others appended before our part, they are all there afterwards, in order."""
    path = tmp_path_factory.mktemp("log") / "app.log"
    path.write_bytes(BEFORE + b"".join(foreign) + BATCH[:length])
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        take_back(fd, len(BEFORE), BATCH)
    finally:
        os.close(fd)
    assert path.read_bytes().startswith(BEFORE + b"".join(foreign))
