"""The grammar of sizes, durations and times of day, where the text goes beyond the installed reference.

Covers logger-api.md, section 17.
"""

from __future__ import annotations

import datetime as dt

import pytest

from mplog._sinks.file.grammar import parse_daytime, parse_duration, parse_frequency, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("100 MB", 1e8), ("0.5 GiB", 536_870_912), ("8e-6MB", 8), ("64b", 8), ("100 mb", 12_500_000), ("1kb", 125)],
)
def test_sizes_of_the_manual(text: str, size: float) -> None:
    """A size is read as documented: powers of 1000 or 1024, bytes or bits."""
    assert size == parse_size(text)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("1:30 PM", dt.time(13, 30)),
        ("12:05 am", dt.time(0, 5)),
        ("12:00:01 PM", dt.time(12, 0, 1)),
        ("1 pm", dt.time(13)),
        ("23:59:59.000001", dt.time(23, 59, 59, 1)),
    ],
)
def test_times_of_day(text: str, time: dt.time) -> None:
    """Half-day clocks work with hours alone, with minutes and with seconds."""
    assert (None, time) == parse_daytime(text)


@pytest.mark.parametrize(("text", "day"), [("w0", 0), ("w00", 0), ("W06", 6), ("w0003 at 13", 3)])
def test_numbered_days(text: str, day: int) -> None:
    """A day's number may have zeros before it."""
    found = parse_daytime(text)
    assert found is not None
    assert found[0] == day


def test_the_same_sum_in_every_python() -> None:
    """The durations are added one after the other, whose rounding shows in the last microsecond."""
    assert parse_duration("3.3333335 s 0.3 h 2.3 h 2.3 min 0.1 s") == dt.timedelta(seconds=9501, microseconds=433334)


@pytest.mark.parametrize("text", ["w7", "w07", "w10", "w" + "9" * 5000])
def test_numbers_of_no_day(text: str) -> None:
    """Whatever their length."""
    with pytest.raises(ValueError, match=r"^Invalid day"):
        parse_daytime(text)


def test_one_pm_alone_reads_as_a_duration_first() -> None:
    """A number with AM or PM has the shape of a duration; the error says how to write the time."""
    with pytest.raises(ValueError, match=r"^Invalid unit value while parsing duration: 'PM'\. .*'1:00 PM'"):
        parse_duration("1 PM")


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (parse_size, "1.1.1 kb", r"^Invalid float value while parsing size: '1\.1\.1'\. Write"),
        (parse_duration, "1.1.1 h", r"^Invalid float value while parsing duration: '1\.1\.1'\. Write"),
        (parse_duration, "1 m", r"^Invalid unit value while parsing duration: 'm'\. Units"),
        (parse_duration, "1e20 y", r"^The duration '1e20 y' is .* Use a shorter"),
        (parse_daytime, "w7", r"^Invalid day while parsing daytime: 'w7'\. Days"),
        (parse_daytime, "sunday at 25", r"^Invalid time while parsing daytime: '25'\. Times"),
        (parse_daytime, "13 PM", r"^Invalid time while parsing daytime: '13 PM'\. Times"),
    ],
)
def test_errors_say_what_to_write(parse: object, text: str, message: str) -> None:
    """Each error names the part that cannot be read and what would do."""
    assert callable(parse)
    with pytest.raises(ValueError, match=message):
        parse(text)


def test_long_nonsense_is_refused_at_once() -> None:
    """No text takes time that grows faster than its length."""
    assert parse_duration("e" * 5_000 + "!") is None


def test_frequencies() -> None:
    """Frequencies are single words in any case."""
    assert [parse_frequency(text) for text in (" HOURLY ", "weekly", "every day")] == ["hourly", "weekly", None]
