"""Which values rotate a file, and when a file is due by the clock, also where clocks change.

Covers logger-api.md, sections 16.3 and 17.1.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
import pickle
import time
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mplog._sinks.file.rotation import Rotation, parse_rotation


def rotation(value: object) -> Rotation:
    parsed = parse_rotation(value)
    assert parsed is not None
    return parsed


@pytest.fixture
def local_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ZoneInfo]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield ZoneInfo(request.param)
    monkeypatch.undo()
    time.tzset()


berlin = pytest.mark.parametrize("local_zone", ["Europe/Berlin"], indirect=True)
new_york = pytest.mark.parametrize("local_zone", ["America/New_York"], indirect=True)


def instant(text: str, zone: ZoneInfo, fold: int = 0) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


def dues(rule: object, created: float, count: int) -> list[float]:
    """The due times of a file and of its successors, each created when the one before was due."""
    found: list[float] = []
    for _ in range(count):
        due = rotation(rule).next_due(created)
        assert due is not None
        found.append(due)
        created = due
    return found


class TestParse:
    def test_none_is_no_rotation(self) -> None:
        """Without a rotation there is nothing to ask."""
        assert parse_rotation(None) is None

    @pytest.mark.parametrize(
        ("value", "limit"),
        [(0, 0), (1.5, 1.5), (decimal.Decimal(10), 10), ("1 kB", 1000), (10**400, math.inf), (True, 1)],
    )
    def test_sizes(self, value: object, limit: float) -> None:
        """Numbers of any kind and size strings limit the size."""
        assert Rotation(size_limit=limit) == parse_rotation(value)

    def test_lists_take_the_smallest_size(self) -> None:
        """In a list every kind counts, and the smallest of several sizes."""
        parsed = rotation(["1 kB", 500, dt.time(3), "1 h", max])
        assert (500.0, (max,), 2) == (parsed.size_limit, parsed.functions, len(parsed.times))

    @pytest.mark.parametrize("values", [[1, "daily"], (1, "daily"), {1, "daily"}])
    def test_list_tuple_and_set(self, values: object) -> None:
        """Lists, tuples and sets mean the same."""
        assert rotation([1, "daily"]) == parse_rotation(values)

    @pytest.mark.parametrize(
        "value", [1j, b"1 kB", dt.date(2026, 1, 1), dt.datetime(2026, 1, 1), object(), [None], [[1]], {"a": 1}]
    )
    def test_other_types(self, value: object) -> None:
        """Anything else is a type error that shows the value and lists the kinds."""
        with pytest.raises(TypeError, match=r"^Cannot infer rotation for objects of type: '\w+' \(got .*Pass a number"):
            parse_rotation(value)

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            ([], r"^Must provide at least one"),
            ("foo", r"^Cannot parse rotation from: 'foo'"),
            (-5, r"^A rotation size must be 0 or more bytes, but -5 is -5\. Use 0"),
            ("-5 MB", r"must be 0 or more bytes, but '-5 MB' is -5e\+06"),
            (math.nan, r"must be 0 or more bytes, but nan is nan"),
            (dt.timedelta(0), r"^A rotation duration must be longer than nothing.* is 0 seconds\. Use"),
            ("-1 h", r"longer than nothing, but '-1 h' is -3600 seconds"),
        ],
    )
    def test_senseless_values(self, value: object, message: str) -> None:
        """Values that can never mean a rotation are refused with the value and a way out."""
        with pytest.raises(ValueError, match=message):
            parse_rotation(value)

    def test_can_be_pickled(self) -> None:
        """A rotation travels to another process when its functions do."""
        parsed = rotation(["1 kB", "daily", dt.time(3, tzinfo=dt.timezone.utc), "w3 at 4", "1 h", print])
        assert parsed == pickle.loads(pickle.dumps(parsed))


class TestDue:
    def test_without_time_rules_never(self) -> None:
        """Sizes and functions have no due time."""
        assert rotation([100, print]).next_due(0.0) is None

    def test_earliest_of_several(self) -> None:
        """The first of several time rules counts."""
        assert rotation(["1 h", "1 min", "yearly"]).next_due(0.0) == 60.0

    def test_beyond_the_calendar_never(self) -> None:
        """A due time after the year 9999 is none."""
        assert rotation(dt.timedelta.max).next_due(0.0) is None

    def test_intervals_move_by_whole_steps(self) -> None:
        """After a late rotation the limit stays in the series of the first file."""
        hourly = rotation("1 h")
        assert [hourly.next_due(0.0, after=after) for after in (0.0, 3600.0, 5000.5, 7200.0)] == [
            3600.0,
            7200.0,
            7200.0,
            10800.0,
        ]

    @berlin
    def test_leap_day(self, local_zone: ZoneInfo) -> None:
        """The day after 28 February is the 29th in a leap year."""
        expected = [instant("2028-02-29", local_zone), instant("2028-03-01", local_zone)]
        assert expected == dues("daily", instant("2028-02-28T12:00", local_zone), 2)
        assert expected[1:] == dues("monthly", instant("2028-02-29T23:59:59", local_zone), 1)
        assert [instant("2029-01-01", local_zone)] == dues("yearly", instant("2028-02-29", local_zone), 1)

    @berlin
    def test_restart_just_before_midnight(self, local_zone: ZoneInfo) -> None:
        """A file of 23:59:59 is due a second later, whoever asks and when."""
        created = instant("2026-05-05T23:59:59", local_zone)
        assert [created + 1, created + 1 + 86_400] == dues("daily", created, 2)

    @berlin
    def test_clock_put_forward_does_not_skip_a_day(self, local_zone: ZoneInfo) -> None:
        """A time that does not exist that day is due when the clock jumps over it, once."""
        expected = [
            instant("2026-03-29T03:00", local_zone),
            instant("2026-03-30T02:30", local_zone),
        ]
        assert expected == dues("02:30", instant("2026-03-28T12:00", local_zone), 2)

    @new_york
    def test_clock_put_back_does_not_rotate_twice(self, local_zone: ZoneInfo) -> None:
        """A time that occurs twice that day is due the first time only."""
        expected = [instant("2026-11-01T01:30", local_zone), instant("2026-11-02T01:30", local_zone)]
        assert expected == dues("01:30", instant("2026-10-31T12:00", local_zone), 2)
        late = instant("2026-11-01T01:15", local_zone, fold=1)
        assert expected[1:] == dues("01:30", late, 1)

    @pytest.mark.parametrize("local_zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"], indirect=True)
    @pytest.mark.parametrize("month", [3, 4, 10, 11])
    def test_each_day_rotates_once(self, local_zone: ZoneInfo, month: int) -> None:
        """Through a month with a change of clocks each local date has exactly one daily rotation."""
        start = instant(f"2026-{month:02d}-01T12:00", local_zone)
        for rule in ("daily", "01:30", "02:30", "02:00"):
            dates = [dt.datetime.fromtimestamp(due, local_zone).date() for due in dues(rule, start, 28)]
            assert [dt.date(2026, month, 2) + dt.timedelta(days=day) for day in range(28)] == dates

    @berlin
    def test_hours_where_clocks_change(self, local_zone: ZoneInfo) -> None:
        """Hourly rotation follows the wall clock: no extra file in spring, a longer one in autumn."""
        spring = instant("2026-03-29T00:30", local_zone)
        assert [spring + 1800, spring + 5400, spring + 9000] == dues("hourly", spring, 3)
        autumn = instant("2026-10-25T01:30", local_zone)
        assert [autumn + 1800, autumn + 1800 + 2 * 3600] == dues("hourly", autumn, 2)

    @pytest.mark.parametrize("local_zone", ["Australia/Lord_Howe"], indirect=True)
    def test_a_step_is_not_due_again_when_the_clock_is_put_back(self, local_zone: ZoneInfo) -> None:
        """The half hour that comes twice has the limit of "1 h" once."""
        created = instant("2026-04-05T00:59:59", local_zone)
        assert dues("1 h", created, 2) == [created + 3600, instant("2026-04-05T02:59:59", local_zone)]
        assert rotation("1 h").next_due(created, after=created + 3600) == instant("2026-04-05T02:59:59", local_zone)

    @berlin
    def test_aware_time_keeps_its_own_zone(self, local_zone: ZoneInfo) -> None:
        """A time with a zone is due by that zone's clock, daylight saving included."""
        rule = dt.time(12, tzinfo=ZoneInfo("America/New_York"))
        expected = [instant(f"2026-03-{day:02d}T12:00", ZoneInfo("America/New_York")) for day in (7, 8, 9)]
        assert expected == dues(rule, instant("2026-03-07T00:00", local_zone), 3)

    @new_york
    @given(
        created=st.floats(1.7e9, 1.9e9).map(lambda number: round(number, 6)),
        rule=st.sampled_from(["1 h", "25 min", "3 d", "hourly", "daily", "weekly", "monthly", "w3 at 01:30", "02:30"]),
    )
    @settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_due_is_reached_and_not_before(self, local_zone: ZoneInfo, created: float, rule: str) -> None:
        """Due times lie after the creation, and the wall clock is then at or just jumped over the limit."""
        due = rotation(rule).next_due(created)
        assert due is not None
        assert created < due <= created + 367 * 86_400
        assert due == rotation(rule).next_due(created, after=(created + due) / 2)
