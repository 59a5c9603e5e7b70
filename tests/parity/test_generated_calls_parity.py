"""Generated calls beside the reference: views, exceptions of many shapes, rotations and retentions.

Covers logger-api.md, sections 16, 19 to 22 and 24. As in test_generated_parity.py, each case is made from its number.

Deliberate differences, kept out of the cases:

- a rule like "thursday at 14:00" waits for the first Thursday (16.3), where the reference rotates at 14:00 of the day
  of creation when that is still to come;
- names that the handler cannot have made are no old files of its own (beyond.md row 22), where the reference takes all
  that begin and end alike.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import sys
from pathlib import Path
from typing import Any

import pytest
from freezegun import freeze_time
from sides import START, Side, sides
from test_calls_parity import follow
from test_generated_parity import PARTS, Pair, cases
from test_traceback_parity import ADDRESS
from twins import comparable

WORDS = ["{}", "{a}", "{b!r}", "{0}", "{record[level]}", "{{", "}}", "x", " ", "{", "é", "{c:>4}", "{:d}"]
VALUES: list[Any] = [0, -5, 3, "", "text", None, [1, 2], "{}"]


def any_extra(draw: random.Random) -> dict[str, Any]:
    """Up to three values by names, also by those that a method has for itself."""
    names = ["a", "b", "c", "self", "message", "record", "level"]
    return {draw.choice(names): draw.choice(VALUES) for _ in range(draw.randint(0, 3))}


def any_options(draw: random.Random) -> dict[str, Any]:
    """Of `opt()`."""
    drawn = {
        "exception": draw.choice([None, True, False, ValueError("x"), (None, None, None)]),
        "record": draw.random() < 0.5,
        "lazy": draw.random() < 0.5,
        "raw": draw.random() < 0.5,
        "colors": draw.random() < 0.5,
        "capture": draw.random() < 0.5,
        "depth": draw.randint(0, 2),
    }
    return {name: value for name, value in drawn.items() if draw.random() < 0.3}


def any_plan(draw: random.Random) -> list[tuple[str, Any]]:
    """Steps for `follow`, the last of which logs."""
    plan: list[tuple[str, Any]] = [("configure", any_extra(draw))]
    for _ in range(draw.randint(0, 6)):
        kind = draw.choice(["bind", "enter", "leave", "patch", "opt", "opt", "log"])
        if kind == "opt":
            plan.append((kind, any_options(draw)))
        elif kind == "log":
            template = "".join(draw.choices(WORDS, k=draw.randint(0, 4)))
            plan.append((kind, (template, draw.choices(VALUES, k=draw.randint(0, 2)), any_extra(draw))))
        else:
            plan.append((kind, any_extra(draw)))
    return [*plan, ("log", ("end {}", [1], {}))]


class TestViews:
    @pytest.mark.parametrize("part", PARTS)
    def test_plans(self, part: int) -> None:
        """Whatever is bound, configured, patched, optioned and logged: the same records."""
        pair = Pair(format=lambda _: "{level.no} {name}:{function}:{line} {extra} {message}\n", colorize=False)
        for number, draw in cases(part, 6_000):
            plan = any_plan(draw)
            found = []
            for logger, got in zip(pair.loggers, pair.got, strict=True):
                got.clear()
                notes = follow(logger, plan)
                found.append((notes, [(str(text), comparable(text.record)) for text in got]))
            assert found[1] == found[0], f"case {number}: {plan}"
        pair.end()


ERRORS: list[type[Exception]] = [ValueError, KeyError, OSError, AssertionError, RuntimeError, StopIteration, TypeError]
TEXTS: list[tuple[Any, ...]] = [(), ("",), ("text",), ("a: b",), ("two\nlines",), (1, "é"), (None,), ("  x\n",), ({},)]


def fail(draw: random.Random, depth: int) -> None:
    """Raise something, from some depth, with some history."""
    error = draw.choice(ERRORS)(*draw.choice(TEXTS))
    kind = draw.randrange(10)
    if depth > 3 or kind < 2:
        raise error
    if kind == 2:
        assert depth > 3, draw.choice(TEXTS)
    if kind == 3:
        raise error from draw.choice([None, KeyError("unraised"), ValueError])
    if kind == 4 and sys.version_info >= (3, 11):
        inner: list[Exception] = []
        for _ in range(draw.randint(1, 3)):
            try:
                fail(draw, depth + 1)
            except Exception as caught:  # noqa: BLE001 - whatever it is
                inner.append(caught)
        raise ExceptionGroup(  # noqa: F821 - of Python 3.11
            draw.choice(["group", "", "two\nlines"]), inner
        )
    if kind == 5 and sys.version_info >= (3, 11):
        error.add_note(draw.choice(["a note", "", "of two\nlines"]))
        raise error
    if kind < 8:
        fail(draw, depth + 1)
    try:
        fail(draw, depth + 1)
    except Exception as caught:
        if kind == 8:
            raise error from caught
        raise error  # noqa: B904 - a context is what is wanted


class TestExceptions:
    @pytest.mark.parametrize("part", PARTS)
    @pytest.mark.parametrize("backtrace", [True, False])
    @pytest.mark.parametrize("colorize", [True, False])
    def test_shapes(self, part: int, backtrace: bool, colorize: bool) -> None:
        """Depths, causes, contexts, groups, notes, texts of all kinds; caught or given; the same text."""
        pair = Pair(format="{message}", backtrace=backtrace, diagnose=False, colorize=colorize)
        for number, draw in cases(part, 240):
            try:
                fail(draw, 0)
            except Exception as caught:  # noqa: BLE001 - logged
                given = draw.choice([True, caught, (type(caught), caught, caught.__traceback__)])
                theirs, ours = pair.results(lambda logger, given: logger.opt(exception=given).error("x"), given)
            assert ours[0] == theirs[0], f"case {number}"
            texts = [[ADDRESS.sub("0x", text) for text, _ in one[1]] for one in (theirs, ours)]
            assert texts[1] == texts[0], f"case {number}"
        pair.end()


ROTATIONS: list[Any] = [
    "1 h",
    "90 min",
    "hourly",
    "daily",
    "weekly",
    "13:30",
    "w2 at 14:00",
    "w3 at 13:00",
    "12 B",
    30,
    0,
]
STEPS = [0, 1, 59, 600, 1799, 1800, 3600, 5400, 86_400, 7 * 86_400, 40 * 86_400]


class TestFiles:
    @pytest.mark.parametrize("part", PARTS)
    def test_rotations_under_one_clock(self, tmp_path: Path, part: int) -> None:
        """The same files with the same names and contents, an empty one aside."""
        with sides(tmp_path) as both, freeze_time(START) as clock:
            for number, draw in cases(part, 160):
                rotation = draw.choice(ROTATIONS)
                steps = [(draw.choice(STEPS), draw.randint(1, 15)) for _ in range(draw.randint(1, 8))]
                if rotation == "12 B":
                    # A first message that is too long leaves an empty file of the reference behind, and the next has
                    # another name; test_rotation_parity.py says so.
                    steps[0] = (steps[0][0], 9)
                found = []
                for side in both:
                    clock.move_to(START)
                    found.append(files_of(side, clock, number, rotation, steps))
                assert found[1] == found[0], f"case {number}: {rotation} {steps}"

    def test_a_day_is_waited_for(self, tmp_path: Path) -> None:
        """Of a file made on Wednesday at 13:20 the reference's Thursday rule at 14:00 ends the first hour."""
        steps = [(0, 1), (3600, 1), (86_400, 1)]
        with sides(tmp_path) as both, freeze_time(START) as clock:
            found = []
            for side in both:
                clock.move_to(START)
                found.append(sorted(files_of(side, clock, 0, "thursday at 14:00", steps).values()))
        assert found == [[b"0\n", b"1\n", b"2\n"], [b"0\n1\n", b"2\n"]]

    @pytest.mark.parametrize("part", PARTS)
    def test_retentions(self, tmp_path: Path, part: int) -> None:
        """Of names that the handler can make the same old files are left; those it cannot make are left, too.

        The reference takes the latter for its own, too, and so has none of them in its directory.
        """
        now = START.replace(tzinfo=dt.timezone.utc).timestamp()
        own = [
            "app.log",
            "app.2026-01-01_00-00-00_000000.log",
            "app.2026-01-01_00-00-00_000000.2.log",
            "app.2026-01-02_00-00-00_000000.log.gz",
            "app.2026-01-03_00-00-00_000000.3.log.tar.bz2",
            "app.2024-02-29_23-59-59_999999.log",
        ]
        unrelated = ["other.log", "apps.log", "app", "my.app.log"]
        alike = [
            "app.1.log",
            "app.log.4",
            "app.log.gz",
            "app.2025-02-29_23-59-59_999999.log",
            "app.2026-01-01.log",
            "app.errors.2026-01-01_00-00-00_000000.log",
            "app.2026-01-01_00-00-00_000000.x.log",
        ]
        with sides(tmp_path) as both, freeze_time(START):
            for number, draw in cases(part, 240):
                retention = draw.choice([0, 1, 2, 3, 9, "1 h", "2 days", "0 s", dt.timedelta(hours=30)])
                # No two of one age, for those go in an order of their own.
                ages = draw.sample([1, 3599, 3601, 7200, 86_400, 100_000, 200_000, 900_000, -60, *range(10, 20)], k=17)
                there = draw.sample([*own, *unrelated, *alike], k=draw.randint(0, 17))
                aged = dict(zip(there, ages, strict=False))
                found = []
                for side in both:
                    here = side.here / str(number)
                    here.mkdir()
                    for name, age in aged.items():
                        if name not in alike or not side.is_reference:
                            (here / name).write_text("x")
                            os.utime(here / name, (now - age,) * 2)
                    side.logger.remove(side.logger.add(here / "app.log", delay=True, retention=retention))
                    found.append({path.name for path in here.iterdir()})
                assert found[1] == found[0] | (set(there) & set(alike)), f"case {number}: {retention} {aged}"


def files_of(side: Side, clock: Any, number: int, rotation: Any, steps: list[tuple[int, int]]) -> dict[str, bytes]:
    """What one library leaves of messages of some lengths, each some seconds after the one before."""
    side.clock = clock
    handler = side.add(f"{number}/app.log", rotation=rotation)
    for index, (seconds, length) in enumerate(steps):
        side.tick(seconds)
        side.logger.info(f"{index}".ljust(length, "."))
    side.logger.remove(handler)
    return {name: data for name, data in side.left().items() if data and name.startswith(f"{number}{os.sep}")}
