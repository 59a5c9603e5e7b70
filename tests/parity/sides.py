"""Two libraries side by side: the same calls in two directories under one clock, and what they leave there."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import loguru
import pytest
from beside import ours
from freezegun import freeze_time

START = datetime(2026, 1, 28, 13, 20, 30, 250000)
"""A Wednesday; what a frozen clock shows first."""

REFERENCE_BIRTH = b"user.loguru_crtime"


@dataclass
class Side:
    """One library at work in a directory of its own."""

    name: str
    here: Path
    logger: Any
    clock: Any = None
    """freezegun's, while time is frozen."""
    said: list[Any] = field(default_factory=list)

    @property
    def is_reference(self) -> bool:
        return self.name == "loguru"

    def add(self, path: str = "app.log", **options: Any) -> int:
        """Add a file; what it makes at once is as old as the frozen clock says, for the reference, too."""
        before = set(self.here.rglob("*"))
        number: int = self.logger.add(self.here / path, format="{message}", **options)
        if self.is_reference and self.clock is not None:
            for made in set(self.here.rglob("*")) - before:
                # The reference reads the true clock for the first file of a handler.
                stamp(made, time.time())
        return number

    def tick(self, seconds: float) -> None:
        """Let the clock go on."""
        assert self.clock is not None
        self.clock.tick(timedelta(seconds=seconds))

    def left(self) -> dict[str, bytes]:
        """Every file by its name below the directory."""
        return {
            str(path.relative_to(self.here)): path.read_bytes()
            for path in sorted(self.here.rglob("*"))
            if path.is_file()
        }


Scenario = Callable[[Side], None]


def stamp(path: Path, when: float) -> None:
    """Make *path* a file that the reference created at *when*."""
    try:
        os.setxattr(path, REFERENCE_BIRTH, str(when).encode())
    except OSError:
        pytest.skip("this file system keeps no creation time for the reference")


@contextlib.contextmanager
def sides(directory: Path, *, frozen: bool = True) -> Iterator[list[Side]]:
    """Both libraries, without handlers before and after; each must be driven inside `driven`."""
    both = []
    for name in ("loguru", "mplog"):
        here = directory / name
        here.mkdir(parents=True)
        logger = loguru.logger if name == "loguru" else ours()
        logger.remove()
        both.append(Side(name, here, logger))
    try:
        yield both
    finally:
        for side in both:
            with contextlib.suppress(Exception):
                side.logger.remove()


def run(directory: Path, scenario: Scenario, *, start: datetime = START) -> tuple[Side, Side]:
    """Run *scenario* on both under a clock that stands still until it is told to go on."""
    with sides(directory) as both, freeze_time(start) as clock:
        for side in both:
            clock.move_to(start)
            side.clock = clock
            scenario(side)
            side.logger.remove()
    return both[0], both[1]


def raised(call: Callable[[], object]) -> type[BaseException] | None:
    """The type of what *call* raises."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - it is what the test compares
        return type(error)
    return None


def zone(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The local zone is *name*, until the generator ends."""
    monkeypatch.setenv("TZ", name)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def aware(seconds: float) -> datetime:
    """The local time of an instant, with the offset that holds then, as a record has it."""
    there = time.localtime(seconds)
    return datetime.fromtimestamp(seconds, timezone(timedelta(seconds=there.tm_gmtoff), there.tm_zone))
