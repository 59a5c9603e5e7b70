"""Whoever waits or stamps takes `mplog._ring.clock`: functions of `time` stand still under tools such as freezegun."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import mplog

PACKAGE = Path(mplog.__file__).parent
NAMES = {"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "clock_gettime", "clock_gettime_ns"}

# The command line is left out: it is a program that uses mplog.
FILES = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.relative_to(PACKAGE).parts[0] != "cli" and path != PACKAGE / "_ring" / "clock.py"
]


def freezable(source: str) -> Iterator[str]:
    """Each use of a function of `time` that *source* makes and that a tool can freeze."""
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
            yield from (alias.name for alias in node.names if alias.name in NAMES)
        elif isinstance(node, ast.Attribute) and node.attr in NAMES and ast.unparse(node.value) in modules:
            yield ast.unparse(node)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_freezable_clock(path: Path) -> None:
    """Nothing but clock.py uses a monotonic function of `time`."""
    assert list(freezable(path.read_text())) == []


def test_finds() -> None:
    """The check sees every way to get at one."""
    source = """
import time
import time as clock
from time import monotonic_ns as now, sleep
time.monotonic() + clock.perf_counter() + time.time() + other.monotonic()
"""
    assert sorted(freezable(source)) == ["clock.perf_counter", "monotonic_ns", "time.monotonic"]
