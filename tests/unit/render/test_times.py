"""Time tokens, their split around the fraction, and the moment of a record.

Covers logger-api.md, sections 6.1 and 12.
"""

from __future__ import annotations

import copy
import datetime as dt
import pickle
import time
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mplog._render.times import RecordTime, compile_time, format_time, local_time, split_fraction


def zone(**offset: int) -> dt.timezone:
    return dt.timezone(dt.timedelta(**offset))


MOMENT = RecordTime(2026, 1, 3, 4, 5, 6, 123456, tzinfo=dt.timezone(dt.timedelta(hours=1), "CET"))

TOKEN_CASES = [
    ("YYYY-MM-DD HH:mm:ss.SSS", "2026-01-03 04:05:06.123"),
    ("YY M D H m s", "26 1 3 4 5 6"),
    ("Q DDDD DDD d E", "1 003 3 5 6"),
    ("MMMM MMM dddd ddd", "January Jan Saturday Sat"),
    ("hh h A", "04 4 AM"),
    ("S SS SSS SSSS SSSSS SSSSSS", "1 12 123 1234 12345 123456"),
    ("Z ZZ zz", "+01:00 +0100 CET"),
    ("X x", "1767409506 1767409506123456"),
    ("", "2026-01-03T04:05:06.123456+0100"),
    ("!UTC", "2026-01-03T03:05:06.123456+0000"),
    ("HH zz!UTC", "03 UTC"),
    ("!UTC HH", "!UTC 04"),
    ("%Y/%m", "2026/01"),
    ("%H!UTC", "03"),
    ("[YYYY]", "YYYY"),
    ("[]", ""),
    ("HH[]mm", "0405"),
    ("[!UTC]", "!UTC"),
    ("[YYYY MM]", "[2026 01]"),
    ("[[YY]]", "[YY]"),
    ("YYYYY", "2026Y"),
    ("SSSSSS[]S", "1234561"),
]


class TestTokens:
    @pytest.mark.parametrize(("spec", "text"), TOKEN_CASES)
    def test_each_token_gives_its_text(self, spec: str, text: str) -> None:
        """Tokens are replaced longest first; all else is kept."""
        assert text == format_time(MOMENT, spec)
        assert text == format(MOMENT, spec)

    @pytest.mark.parametrize("spec", ["SSSSSSS", "HH SSSSSSSSS", "[SSSSSSS]", "SSSSSSS!UTC"])
    def test_seven_fraction_digits_are_refused(self, spec: str) -> None:
        """More than six S in a row is an error at formatting that names the limit."""
        with pytest.raises(ValueError, match=r"^Invalid time format: .* more than 6 'S'.* Use at most"):
            format_time(MOMENT, spec)

    @pytest.mark.parametrize(
        ("offset", "colons", "plain"),
        [
            (zone(hours=1, minutes=49, seconds=3), "+01:49:03", "+014903"),
            (zone(hours=-3, minutes=-26, seconds=-45, microseconds=-67020), "-03:26:45.067020", "-032645.067020"),
            (zone(minutes=-30), "-00:30", "-0030"),
            (zone(), "+00:00", "+0000"),
        ],
    )
    def test_offsets_of_any_precision(self, offset: dt.timezone, colons: str, plain: str) -> None:
        """Offsets show seconds and microseconds where they have some, also below zero."""
        moment = MOMENT.replace(tzinfo=offset)
        assert (colons, plain) == (format_time(moment, "Z"), format_time(moment, "ZZ"))
        assert format_time(moment, "").endswith(plain)

    @pytest.mark.parametrize("year", [1, 99, 1969, 2026, 9999])
    def test_microsecond_time_stamp_is_exact(self, year: int) -> None:
        """The x token counts microseconds exactly for any year."""
        moment = dt.datetime(year, 12, 30, 23, 59, 59, 999999, tzinfo=dt.timezone.utc)
        exact = (moment - dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)) // dt.timedelta(microseconds=1)
        assert str(exact) == format_time(moment, "x")

    def test_noon_and_midnight(self) -> None:
        """The hours 0 and 12 are both 12 on a half-day clock."""
        assert [format_time(MOMENT.replace(hour=hour), "hh A") for hour in (0, 12, 13)] == ["12 AM", "12 PM", "01 PM"]

    def test_zone_without_name_shows_nothing(self) -> None:
        """The zone name is empty when the zone has none."""

        class Nameless(dt.tzinfo):
            def utcoffset(self, moment: dt.datetime | None) -> dt.timedelta:
                return dt.timedelta(0)

            def dst(self, moment: dt.datetime | None) -> None:
                return None

            def tzname(self, moment: dt.datetime | None) -> None:
                return None

        assert format_time(MOMENT.replace(tzinfo=Nameless()), "(zz)") == "()"

    def test_specifications_are_read_once(self) -> None:
        """The same specification is compiled a single time."""
        assert compile_time("HH:mm") is compile_time("HH:mm")


def rejoin(moment: dt.datetime, spec: str) -> str | None:
    split = split_fraction(spec)
    if split is None:
        return None
    before, digits, after = split
    fraction = f"{moment.microsecond:06d}"[:digits]
    return (format_time(moment, before) if before else "") + fraction + (format_time(moment, after) if after else "")


class TestSplit:
    @pytest.mark.parametrize(
        ("spec", "split"),
        [
            ("HH:mm:ss.SSS zz", ("HH:mm:ss.", 3, " zz")),
            ("SSSSSS", ("", 6, "")),
            ("ss.SSS!UTC", ("ss.!UTC", 3, "")),
            ("SSS!UTC", ("", 3, "")),
            ("HH", ("HH", 0, "")),
            ("HH!UTC", ("HH!UTC", 0, "")),
            ("HH!UTCSS", ("HH[!UTC]", 2, "")),
            ("[S]SS", ("[S]", 2, "")),
            ("%H:%M", ("%H:%M", 0, "")),
        ],
    )
    def test_splits_around_the_only_fraction(self, spec: str, split: tuple[str, int, str]) -> None:
        """What stands before and after the fraction becomes a specification, or nothing."""
        assert split == split_fraction(spec)

    @pytest.mark.parametrize("spec", ["x", "ss.SSS SSS", "%H:%f", "SSSSSSS", "x!UTC"])
    def test_says_when_there_is_no_split(self, spec: str) -> None:
        """Several fractions, microsecond stamps and refused specifications cannot be split."""
        assert split_fraction(spec) is None

    @pytest.mark.parametrize("spec", ["", "!UTC"])
    def test_iso_default_splits(self, spec: str) -> None:
        """The empty specification has six digits and keeps its zone."""
        assert format_time(MOMENT, spec) == rejoin(MOMENT, spec)

    @given(
        spec=st.lists(
            st.sampled_from(["YYYY", "HH", "ss", "S", "SSS", "[", "]", "[S]", "!UTC", "zz", "Z", "X", " ", ".", "[]"])
        ).map("".join),
        micros=st.integers(0, 999_999),
    )
    def test_halves_and_digits_make_the_whole(self, spec: str, micros: int) -> None:
        """Whatever is split gives the same text when put together."""
        moment = MOMENT.replace(microsecond=micros)
        joined = rejoin(moment, spec)
        assert joined is None or joined == format_time(moment, spec)


class TestRecordTime:
    def test_keeps_its_class(self) -> None:
        """Pickles, copies, other zones and sums remain record times, hence know the tokens."""
        others = [
            pickle.loads(pickle.dumps(MOMENT)),
            copy.deepcopy(MOMENT),
            MOMENT.astimezone(dt.timezone.utc),
            MOMENT.astimezone(),
            MOMENT + dt.timedelta(hours=1),
            MOMENT.replace(hour=5),
        ]
        assert [RecordTime] * len(others) == [type(other) for other in others]
        assert others[0] == MOMENT

    def test_str_is_that_of_datetime(self) -> None:
        """Only format() differs from a datetime."""
        assert str(MOMENT) == "2026-01-03 04:05:06.123456+01:00"

    def test_zone_comes_from_localtime(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Offset and name are those of time.localtime, looked up at the call."""
        fields = types.SimpleNamespace(tm_gmtoff=6543, tm_zone="ODD")
        monkeypatch.setattr(time, "localtime", lambda timestamp: fields)
        moment = local_time(0.25)
        assert format(moment, "YYYY-MM-DD HH:mm:ss.SSSSSS Z zz") == "1970-01-01 01:49:03.250000 +01:49:03 ODD"

    @pytest.mark.parametrize(
        "answer",
        [
            OSError(),
            OverflowError(),
            types.SimpleNamespace(),
            types.SimpleNamespace(tm_gmtoff=None, tm_zone=None),
            types.SimpleNamespace(tm_gmtoff=900_000, tm_zone="FAR"),
        ],
    )
    def test_falls_back_without_localtime(self, monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
        """A missing or impossible answer is replaced by the difference of local time and UTC."""

        def localtime(timestamp: float) -> object:
            if isinstance(answer, Exception):
                raise answer
            return answer

        expected = dt.datetime.fromtimestamp(1e9)
        monkeypatch.setattr(time, "localtime", localtime)
        monkeypatch.setattr(time, "strftime", lambda spec: "GUESS")
        moment = local_time(1e9)
        assert expected == moment.replace(tzinfo=None)
        assert moment.tzname() == "GUESS"

    @given(st.floats(-1e9, 4e9))
    def test_is_the_same_instant(self, timestamp: float) -> None:
        """The moment is the time stamp, to the microsecond."""
        assert abs(local_time(timestamp).timestamp() - timestamp) < 1e-6
