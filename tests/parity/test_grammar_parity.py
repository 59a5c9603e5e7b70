"""What may be written for rotation, retention and compression, and when files rotate, beside the reference.

Covers logger-api.md, sections 16 and 17.
"""

from __future__ import annotations

import datetime as dt
import decimal
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import loguru
import loguru._string_parsers as reference
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mplog._sinks.file import grammar
from mplog._sinks.file.compression import parse_compression
from mplog._sinks.file.retention import parse_retention
from mplog._sinks.file.rotation import Rotation, parse_rotation

SIZES = [
    "100 MB",
    "1kb",
    "10",
    "10 K",
    "5 MBB",
    "111.111.111 kb",
    "  5 MB ",
    "5  MB",
    "5 M B",
    "5 MiB",
    "5mib",
    "5 B",
    "5 b",
    "e b",
    ". b",
    "-5 MB",
    "1e3 B",
    "1 iB",
    "1i b",
    "1,5 MB",
    "",
    "1 eb",
    "1eb",
    "2e b",
    "2 eB",
    "1E3 B",
    "1 YB",
    "- b",
    "64b",
    "8e-6MB",
    "0.5 GiB",
]
DURATIONS = [
    "1h 30 minutes",
    "1 w, 2D",
    "1.222 hours, 3.44s",
    "1h30min",
    "1 m",
    "h",
    "K",
    "1",
    "1 month",
    "1y",
    "1 yr",
    "1 year ",
    "1,,h",
    "1h,,2h",
    ", 1h",
    "1h,",
    "1h , 2h",
    "-1h",
    "- h",
    "1e3 s",
    "1 e3 s",
    "1s 2",
    "0s",
    "1.1.1 s",
    "12 foo",
    "12 foo bar",
    "3 h 12 foo",
    "1 us",
    "1ms",
    "1 minuteS",
    "",
    "1h-1h",
    "1e h",
    "e s",
    "5 e",
    "5e",
    ".5h",
    "1. h",
    "+1h",
    "18 h 30",
    "1 M",
    "5 MB",
    "13 am",
    "13:00 h",
    "w3",
    "1h;2h",
    "10 days at 3",
]
# Without "1:30 PM": minutes without seconds beside AM or PM are newer than the release that can be installed.
DAYTIMES = [
    "18:00",
    "13",
    "w6 at 13",
    "MonDaY at 11:00:30.123",
    "sunday",
    "w7",
    "mon",
    "1PM",
    "1 PM",
    "13 PM",
    "0 AM",
    "12 AM",
    "12 PM",
    "24",
    "24:00",
    "23:60",
    "1:2",
    "1:2:3",
    "1:2:3.4",
    "1:2:3.1234567",
    "1:2:3.",
    "1:2:3.4 pm",
    "at 13",
    "monday at",
    "monday 13",
    "monday at 25",
    "foo at 13",
    "foo",
    "w0",
    "W0",
    "w",
    "w10",
    "sunday at w1",
    "13 at sunday",
    "sunday  at  13",
    "sundayat13",
    "sunday at13",
    "1:30PM",
    "1:30  PM",
    "001:00",
    "-1:00",
    "",
    " 5 ",
    "1: 30",
    "13:00:00:00",
    "monday at 1 pm at",
    "w1 at 5:5",
    "07 am",
    "1.5",
    "5.",
    "w-1",
    "noon",
    "monday at noon",
    "w 6",
    "13 at",
    "w7 at 13",
    "3:",
    "::",
    "1 a",
    "00",
    "0 pm",
]


def outcome(function: Callable[[str], object], text: str) -> object:
    """The value, or the first sentence of the error."""
    try:
        return function(text)
    except ValueError as error:
        return ValueError, str(error).split(". ")[0].removesuffix(".")


class TestGrammar:
    @pytest.mark.parametrize("text", SIZES)
    def test_sizes_agree(self, text: str) -> None:
        """The same sizes, to the bit, and the same refusals."""
        assert outcome(reference.parse_size, text) == outcome(grammar.parse_size, text)

    @pytest.mark.parametrize("text", DURATIONS)
    def test_durations_agree(self, text: str) -> None:
        """The same durations and the same refusals."""
        assert outcome(reference.parse_duration, text) == outcome(grammar.parse_duration, text)

    @pytest.mark.parametrize("text", DAYTIMES)
    def test_days_and_times_agree(self, text: str) -> None:
        """The same days, the same times and the same refusals."""
        assert outcome(reference.parse_daytime, text) == outcome(grammar.parse_daytime, text)

    @given(st.text(alphabet="0123456789.+-e kmgKMGiIbB", max_size=10))
    @settings(max_examples=400, deadline=None)
    def test_any_size_agrees(self, text: str) -> None:
        """No mixture of the letters of sizes is read differently."""
        assert outcome(reference.parse_size, text) == outcome(grammar.parse_size, text)

    @given(
        st.lists(st.sampled_from(["1", "2.5", "-3", "h", "min", "d", "ms", "m", " ", ", ", "foo", "."])).map("".join)
    )
    @settings(max_examples=400, deadline=None)
    def test_any_duration_agrees(self, text: str) -> None:
        """No mixture of numbers and units is read differently."""
        assert outcome(reference.parse_duration, text) == outcome(grammar.parse_duration, text)

    @given(
        st.lists(st.sampled_from(["1", "12", "23", ":", ":05", ".5", " at ", "w3", "monday", " ", "x"])).map("".join)
    )
    @settings(max_examples=400, deadline=None)
    def test_any_daytime_agrees(self, text: str) -> None:
        """No mixture of days and times is read differently."""
        assert outcome(reference.parse_daytime, text) == outcome(grammar.parse_daytime, text)


def reference_adds(path: Path, **options: Any) -> type[BaseException] | None:
    try:
        loguru.logger.remove(loguru.logger.add(path / "reference.log", **options))
    except (TypeError, ValueError) as error:
        return type(error)
    return None


def parses(parse: Callable[[object], object], value: object) -> type[BaseException] | None:
    try:
        parse(value)
    except (TypeError, ValueError) as error:
        return type(error)
    return None


class TestAccepted:
    @pytest.mark.parametrize(
        "value",
        [
            0,
            1.5,
            True,
            decimal.Decimal(5),
            1j,
            dt.time(1),
            dt.date(2020, 1, 1),
            dt.datetime(2020, 1, 1),
            b"5 MB",
            dt.timedelta(1),
            object(),
            "5 MB",
            "0 B",
            "5",
            "13 foo",
            "w7",
            "foo",
            "1 PM",
            "",
            "daily",
            " HOURLY ",
            print,
        ],
    )
    def test_rotations_agree(self, tmp_path: Path, value: object) -> None:
        """The same values are rotations; the others are errors of the same type."""
        assert reference_adds(tmp_path, rotation=value) == parses(parse_rotation, value)

    @pytest.mark.parametrize(
        "value",
        [
            0,
            5,
            True,
            1.5,
            dt.time(1),
            dt.timedelta(0),
            "1h",
            "0s",
            "daily",
            "5 MB",
            "foo",
            "",
            [1],
            decimal.Decimal(3),
            len,
        ],
    )
    def test_retentions_agree(self, tmp_path: Path, value: object) -> None:
        """The same values are retentions; the others are errors of the same type."""
        assert reference_adds(tmp_path, retention=value) == parses(parse_retention, value)

    @pytest.mark.parametrize(
        "value",
        ["gz", " .gz ", "..gz", "GZ", "tar.gz", "tar.lzma", "tgz", "", True, 5, ". gz", "gz.", "rar", "\tzip\n", len],
    )
    def test_compressions_agree(self, tmp_path: Path, value: object) -> None:
        """The same values are compressions; the others are errors of the same type."""
        assert reference_adds(tmp_path, compression=value) == parses(parse_compression, value)


CREATED = dt.datetime(2026, 1, 28, 13, 20, 30, 250000, tzinfo=dt.timezone.utc)
RULES = ["1 h", "90 min", "2 w", "hourly", "daily", "weekly", "monthly", "yearly", "w2 at 13:20:30.250", "w2 at 14"]
RULES += ["13:20:30.250", "13:20:30.251", "13:00", "monday", "wednesday", "w6 at 5:05"]


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize("rule", RULES)
def test_due_times_agree(tmp_path: Path, rule: str) -> None:
    """A file is due at the microsecond at which the reference rotates a file of that age."""
    rotation = parse_rotation(rule)
    assert isinstance(rotation, Rotation)
    due = rotation.next_due(CREATED.timestamp())
    assert due is not None
    moment = dt.datetime.fromtimestamp(due, dt.timezone.utc)
    assert [
        reference_rotates(tmp_path, rule, moment - dt.timedelta(microseconds=1)),
        reference_rotates(tmp_path, rule, moment),
    ] == [False, True]


def reference_rotates(path: Path, rule: str, moment: dt.datetime) -> bool:
    directory = path / str(moment.timestamp())
    directory.mkdir()
    log = directory / "app.log"
    log.touch()
    try:
        os.setxattr(log, b"user.loguru_crtime", str(CREATED.timestamp()).encode())
    except OSError:
        pytest.skip("this file system keeps no creation time for the reference")
    logger = loguru.logger.patch(lambda record: record.update({"time": moment}))
    handler = logger.add(log, rotation=rule)
    logger.info("x")
    logger.remove(handler)
    return len(list(directory.iterdir())) == 2
