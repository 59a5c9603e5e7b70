"""Who waits or asks for the time takes `mplog._ring.clock`.

Functions of `time` stand still under tools such as freezegun, and where a program's tests have a double of `time.time`,
it may give no time at all.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Set
from pathlib import Path

import pytest

import mplog

PACKAGE = Path(mplog.__file__).parent
WALL = {"time", "time_ns"}
NAMES = {"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "clock_gettime", "clock_gettime_ns"}

# The command line is left out: it is a program that uses mplog.
FILES = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.relative_to(PACKAGE).parts[0] != "cli" and path != PACKAGE / "_ring" / "clock.py"
]


# The hot path asks for itself, and is ready for whatever it gets.
ASKS_ITSELF = PACKAGE / "_logger" / "call.py"


def freezable(source: str, names: Set[str] = NAMES) -> Iterator[str]:
    """Each use of one of these functions of `time` that *source* makes."""
    tree = ast.parse(source)
    modules = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == "time"
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (alias.name for alias in node.names if alias.name in names)
        elif isinstance(node, ast.Attribute) and node.attr in names and ast.unparse(node.value) in modules:
            yield ast.unparse(node)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_freezable_clock(path: Path) -> None:
    """Nothing but clock.py uses a monotonic function of `time`."""
    assert list(freezable(path.read_text())) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_time_that_may_be_none(path: Path) -> None:
    """Nothing but clock.py asks `time` for the time, and the hot path once."""
    assert len(list(freezable(path.read_text(), WALL))) == (path == ASKS_ITSELF)


def test_finds() -> None:
    """The check sees every way to get at one."""
    source = """
import time
import time as clock
from time import monotonic_ns as now, sleep
time.monotonic() + clock.perf_counter() + time.time() + other.monotonic()
"""
    assert sorted(freezable(source)) == ["clock.perf_counter", "monotonic_ns", "time.monotonic"]
