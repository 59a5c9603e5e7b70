"""Which files a retention lets go.

Covers logger-api.md, section 16.9.
"""

from __future__ import annotations

import datetime as dt
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mplog._sinks.file import codec
from mplog._sinks.file.retention import OwnedFile, Retention, parse_retention

DATE = "2026-01-31_18-04-05_123456"


def expired(value: object, files: list[OwnedFile], now: float = 1000.0) -> list[str]:
    retention = parse_retention(value)
    assert retention is not None
    return retention.expired(files, now)


class TestParse:
    def test_none_keeps_everything(self) -> None:
        """Without a retention nothing goes."""
        assert parse_retention(None) is None

    @pytest.mark.parametrize("value", [1.5, dt.time(1), [1], b"1 h", object()])
    def test_other_types(self, value: object) -> None:
        """Anything else is a type error that shows the value and lists the kinds."""
        with pytest.raises(TypeError, match=r"^Cannot infer retention .* \(got .*\)\. Pass"):
            parse_retention(value)

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            (-1, r"must keep 0 or more files, but -1 was given\. Use 0"),
            ("-1 h", r"duration of 0 or more, but '-1 h' is -3600 seconds\. Use"),
            ("daily", r"^Cannot parse retention from: 'daily'"),
            ("1 foo", r"^Invalid unit value while parsing duration: 'foo'"),
        ],
    )
    def test_senseless_values(self, value: object, message: str) -> None:
        """Values that cannot mean a retention are refused with the value and a way out."""
        with pytest.raises(ValueError, match=message):
            parse_retention(value)

    def test_can_be_pickled(self) -> None:
        """A retention travels to another process."""
        assert Retention(age=3600.0) == pickle.loads(pickle.dumps(parse_retention("1 h")))


class TestCount:
    def test_keeps_the_newest(self) -> None:
        """The newest by modification time stay; names break ties in ascending order."""
        files = [OwnedFile("d", 5), OwnedFile("c", 9), OwnedFile("b", 5), OwnedFile("a", 1)]
        assert expired(2, files) == ["d", "a"]

    def test_zero_keeps_nothing(self) -> None:
        """A count of 0 lets every file go."""
        assert expired(0, [OwnedFile("a", 1)]) == ["a"]

    def test_compression_under_way_changes_no_count(self) -> None:
        """A file and its archive count as one and stay together, whatever their times."""
        files = [OwnedFile(f"app.{DATE}.log", 9), OwnedFile(f"app.{DATE}.log.gz", 11), OwnedFile("app.1.log", 5)]
        assert expired(2, files) == []
        assert expired(1, files) == ["app.1.log"]
        assert {f"app.{DATE}.log", f"app.{DATE}.log.gz", "app.1.log"} == set(expired(0, files))

    @pytest.mark.parametrize("format_", codec.FORMATS)
    def test_archives_of_all_formats_count_beside_their_file(self, format_: str) -> None:
        """As one, whichever of the two is looked at first."""
        both = [OwnedFile(f"app.{DATE}.log", 9), OwnedFile(f"app.{DATE}.log.{format_}", 9)]
        other = OwnedFile("app.1.log", 5)
        assert expired(2, [*both, other]) == expired(2, [other, *reversed(both)]) == []
        assert expired(1, [*both, other]) == ["app.1.log"]

    def test_old_archive_of_a_reused_name_counts_by_itself(self) -> None:
        """An undated file in use and the archive of its predecessor are two files."""
        assert expired(1, [OwnedFile("app.log", 9), OwnedFile("app.log.gz", 5)]) == ["app.log.gz"]
        assert expired(1, [OwnedFile("app.log", 9), OwnedFile("app.log.gz", 9)]) == []

    @given(st.lists(st.floats(allow_nan=False), max_size=8), st.integers(0, 9), st.floats(allow_nan=False))
    def test_a_wrong_clock_lets_no_more_go(self, times: list[float], count: int, now: float) -> None:
        """So many stay, whatever the clock showed when the files were written, and shows now."""
        gone = expired(count, [OwnedFile(f"app.{number}.log", time) for number, time in enumerate(times)], now)
        assert len(gone) == max(0, len(times) - count)


class TestAge:
    @pytest.mark.parametrize("value", ["1 min", dt.timedelta(minutes=1)])
    def test_goes_at_the_age(self, value: object) -> None:
        """A file goes when its age reaches the duration, not before."""
        assert expired(value, [OwnedFile("a", 940.0), OwnedFile("b", 1.0), OwnedFile("c", 940.1)]) == ["a", "b"]


class TestFunction:
    @pytest.mark.parametrize("files", [[], [OwnedFile("a", 1), OwnedFile("b", 2)]])
    def test_gets_the_paths(self, files: list[OwnedFile]) -> None:
        """A function is called once with all paths, also with none, and nothing else is removed."""
        calls: list[list[str]] = []
        assert expired(calls.append, files) == []
        assert [[file.path for file in files]] == calls
