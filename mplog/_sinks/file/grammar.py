"""The words in which sizes, durations, frequencies and times of day are written.

Each function takes a text and returns its value, or None when the text is not of that kind at all, so that the next
kind can be tried. A text that has the shape of a kind and bad content raises ValueError at once.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from mplog._render.nearest import nearest

FREQUENCIES: Final = ("hourly", "daily", "weekly", "monthly", "yearly")
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_SHORT_DAYS: Final = {day[:length]: day for day in WEEKDAYS for length in (3, 4)}

_NUMBER: Final = r"[e+\-.\d]+"
_SIZE: Final = re.compile(rf"({_NUMBER})\s*([kmgtpezy])?(i)?(b)", re.IGNORECASE)
_SIZE_PREFIXES: Final = "kmgtpezy"
_DURATION_ITEM: Final = re.compile(rf"({_NUMBER})\s*([a-z]+)[\s,]*", re.IGNORECASE)
_DAY_AT_TIME: Final = re.compile(r"(.+?)\s+at\s+(.+)", re.IGNORECASE | re.DOTALL)
_NUMBERED_DAY: Final = re.compile(r"w(\d+)", re.IGNORECASE)
_TIME_SHAPE: Final = re.compile(r"[\d.:]+\s*(?:[ap]m)?", re.IGNORECASE)
_TIME: Final = re.compile(
    r"(\d{1,2})(?::(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,6}))?)?)?(?: (am|pm))?", re.IGNORECASE | re.ASCII
)

_UNITS: Final[dict[str, float]] = {
    **dict.fromkeys(("y", "year", "years"), 31_536_000),
    **dict.fromkeys(("month", "months"), 2_628_000),
    **dict.fromkeys(("w", "week", "weeks"), 604_800),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("h", "hour", "hours"), 3_600),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), 0.001),
    **dict.fromkeys(("us", "microsecond", "microseconds"), 0.000_001),
}


_DURATION_WORDS: Final = {"m": "min", "hr": "hour", "hrs": "hours", "mo": "month", "yr": "year", "yrs": "years"}
"""What is written for units, and which of them it means."""

_SIZE_WORDS: Final = {
    word: unit
    for unit, words in {
        "B": ("byte", "bytes", "octets"),
        "KB": ("k", "kilo", "kilobyte", "kilobytes", "kbyte", "kbytes"),
        "MB": ("m", "meg", "megs", "mega", "megabyte", "megabytes", "mbyte", "mbytes"),
        "GB": ("g", "gig", "gigs", "giga", "gigabyte", "gigabytes", "gbyte", "gbytes"),
        "TB": ("t", "tera", "terabyte", "terabytes", "tbyte", "tbytes"),
        "KiB": ("ki", "kibibyte", "kibibytes"),
        "MiB": ("mi", "mebibyte", "mebibytes"),
        "GiB": ("gi", "gibibyte", "gibibytes"),
    }.items()
    for word in words
}


def _number(text: str, kind: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(
            f"Invalid float value while parsing {kind}: '{text}'. Write one number, such as 10, 0.5 or 1e3."
        ) from error


def parse_size(text: str) -> float | None:
    """Bytes meant by *text* (``100 MB``, ``0.5 GiB``, ``64b``), or None when it is no size.

    ``B`` is bytes and ``b`` is bits; an ``i`` makes the prefix a power of 1024.

    Raises ValueError when the number cannot be read.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        return None
    number, prefix, binary, unit = match.groups()
    power: int = _SIZE_PREFIXES.index(prefix.lower()) + 1 if prefix else 0
    size = _number(number, "size") * float((1024 if binary else 1000) ** power)
    return size / 8 if unit == "b" else size


def _duration_items(text: str) -> list[tuple[str, str]]:
    """Pairs of number and unit that make up all of *text*; none when something else is in it."""
    items: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        match = _DURATION_ITEM.match(text, position)
        if match is None:
            return []
        items.append((match[1], match[2]))
        position = match.end()
    return items


def _seconds_per(unit: str, beside_sizes: bool) -> float:
    seconds = _UNITS.get(unit.lower())
    if seconds is None:
        sizes = _SIZE_WORDS if beside_sizes else {}
        others = "; those of sizes are B, KB, MB, GB and TB, and KiB, MiB, GiB and TiB" if beside_sizes else ""
        raise ValueError(
            f"Invalid unit value while parsing duration: '{unit}'. Units are y, month, w, d, h, min, s, ms and us "
            f"and their long forms{others}; a time of day with AM or PM needs its minutes, as in '1:00 PM'."
            f"{nearest(unit, _UNITS, {**_DURATION_WORDS, **sizes})}"
        )
    return seconds


def parse_duration(text: str, *, beside_sizes: bool = False) -> dt.timedelta | None:
    """The sum of the durations in *text* (``1h 30 minutes``, ``1 w, 2D``), or None when it is no duration.

    Args:
        beside_sizes: a size would do, too, so that the text of an error names its units.

    Raises ValueError when a number or a unit cannot be read, or when the sum is too large for a timedelta.
    """
    items = _duration_items(text.strip())
    if not items:
        return None
    seconds = 0.0
    for number, unit in items:
        # Not `sum`, which rounds in another way from Python 3.12 on: the same text means the same everywhere.
        seconds += _number(number, "duration") * _seconds_per(unit, beside_sizes)
    try:
        return dt.timedelta(seconds=seconds)
    except (OverflowError, ValueError) as error:
        raise ValueError(
            f"The duration '{text}' is {seconds} seconds, which is more than {dt.timedelta.max.days} days. "
            "Use a shorter one, or none at all."
        ) from error


def parse_frequency(text: str) -> str | None:
    """The one of `FREQUENCIES` that *text* names, or None."""
    word = text.strip().lower()
    return word if word in FREQUENCIES else None


def _parse_day(text: str) -> int | None:
    """0 for Monday to 6 for Sunday; None when *text* has not the shape of a day."""
    if text.lower() in WEEKDAYS:
        return WEEKDAYS.index(text.lower())
    match = _NUMBERED_DAY.fullmatch(text)
    if match is None:
        return None
    # By its digits: a number of thousands of them is no integer to Python.
    day = match[1].lstrip("0") or "0"
    if day not in ("0", "1", "2", "3", "4", "5", "6"):
        raise _bad_day(text)
    return int(day)


def _bad_day(text: str) -> ValueError:
    return ValueError(
        f"Invalid day while parsing daytime: '{text}'. Days are 'monday' to 'sunday' in full, or 'w0' (Monday) to 'w6'."
        f"{nearest(text, WEEKDAYS, _SHORT_DAYS)}"
    )


def _bad_time(text: str) -> ValueError:
    return ValueError(
        f"Invalid time while parsing daytime: '{text}'. "
        "Times are H, H:M, H:M:S or H:M:S.f, with 24 hours, or with 1 to 12 hours, a space, and AM or PM."
    )


def _parse_time(text: str) -> dt.time | None:
    """A time of day; None when *text* has not the shape of one."""
    if _TIME_SHAPE.fullmatch(text) is None:
        return None
    match = _TIME.fullmatch(text)
    if match is None:
        raise _bad_time(text)
    hour, minute, second = (int(match[group] or 0) for group in (1, 2, 3))
    if match[5]:
        if not 1 <= hour <= 12:
            raise _bad_time(text)
        hour = hour % 12 + (12 if match[5].lower() == "pm" else 0)
    try:
        return dt.time(hour, minute, second, int((match[4] or "").ljust(6, "0")))
    except ValueError as error:
        raise _bad_time(text) from error


def parse_daytime(text: str) -> tuple[int | None, dt.time | None] | None:
    """Weekday (Monday 0) and time of day of *text*: ``DAY at TIME``, ``DAY`` or ``TIME``; None for anything else.

    The part which is not given is None.

    Raises ValueError when a day or a time cannot be read.
    """
    text = text.strip()
    both = _DAY_AT_TIME.fullmatch(text)
    if both is None:
        day = _parse_day(text)
        moment = None if day is not None else _parse_time(text)
        return None if day is None and moment is None else (day, moment)
    day, moment = _parse_day(both[1]), None
    if day is None:
        raise _bad_day(both[1])
    moment = _parse_time(both[2])
    if moment is None:
        raise _bad_time(both[2])
    return day, moment
