"""Moments as text, and the moment of a record.

Time tokens of formats and of file names are read here, once for each distinct specification. Nothing here reads the
clock: the caller hands in a moment or a time stamp. Everything is safe from any thread.
"""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_UTC_SUFFIX: Final = "!UTC"
_ISO_SECONDS: Final = "YYYY-MM-DDTHH:mm:ss"
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_FINEST_FRACTION: Final = 6

_Piece = Callable[[dt.datetime], str]


def _since_epoch(moment: dt.datetime) -> int:
    """Microseconds since the epoch, in integers: floats are off by some already for today's dates."""
    return (moment.astimezone(dt.timezone.utc) - _EPOCH) // _MICROSECOND


def _whole_seconds(moment: dt.datetime) -> str:
    micros = _since_epoch(moment)
    return str(micros // 1_000_000 if micros >= 0 else -(-micros // 1_000_000))


def _offset(moment: dt.datetime, separator: str) -> str:
    """``+01:00`` with the given separator; seconds and microseconds only where there are some."""
    offset = moment.utcoffset() or dt.timedelta()
    sign, offset = ("-", -offset) if offset < dt.timedelta() else ("+", offset)
    minutes, seconds = divmod(offset.days * 86_400 + offset.seconds, 60)
    text = f"{sign}{minutes // 60:02d}{separator}{minutes % 60:02d}"
    if seconds or offset.microseconds:
        text += f"{separator}{seconds:02d}"
    if offset.microseconds:
        text += f".{offset.microseconds:06d}"
    return text


def _zone_name(moment: dt.datetime) -> str:
    return "UTC" if moment.tzinfo is None else moment.tzname() or ""


def _half_day_hour(moment: dt.datetime) -> int:
    return (moment.hour - 1) % 12 + 1


def _day_of_year(moment: dt.datetime) -> int:
    return moment.timetuple().tm_yday


def _iso(moment: dt.datetime) -> str:
    text = dt.datetime.isoformat(moment, timespec="microseconds")
    return text[:26] + text[26:].replace(":", "")


def month_name(number: int, directive: str) -> str:
    """The name of a month, from 1 on, in the present language, by ``%B`` or ``%b``.

    `calendar` would do the same, and every program that logs would wait for its import.
    """
    return dt.date(2001, number, 1).strftime(directive)


def day_name(number: int, directive: str) -> str:
    """The name of a day of the week, from Monday, 0, on, in the present language, by ``%A`` or ``%a``."""
    return dt.date(2001, 1, 1 + number).strftime(directive)  # That year began on a Monday.


def _fraction(digits: int) -> _Piece:
    return lambda moment: f"{moment.microsecond:06d}"[:digits]


_TOKENS: Final[dict[str, _Piece]] = {
    "YYYY": lambda moment: f"{moment.year:04d}",
    "YY": lambda moment: f"{moment.year % 100:02d}",
    "Q": lambda moment: str((moment.month + 2) // 3),
    "MMMM": lambda moment: month_name(moment.month, "%B"),
    "MMM": lambda moment: month_name(moment.month, "%b"),
    "MM": lambda moment: f"{moment.month:02d}",
    "M": lambda moment: str(moment.month),
    "DDDD": lambda moment: f"{_day_of_year(moment):03d}",
    "DDD": lambda moment: str(_day_of_year(moment)),
    "DD": lambda moment: f"{moment.day:02d}",
    "D": lambda moment: str(moment.day),
    "dddd": lambda moment: day_name(moment.weekday(), "%A"),
    "ddd": lambda moment: day_name(moment.weekday(), "%a"),
    "d": lambda moment: str(moment.weekday()),
    "E": lambda moment: str(moment.isoweekday()),
    "HH": lambda moment: f"{moment.hour:02d}",
    "H": lambda moment: str(moment.hour),
    "hh": lambda moment: f"{_half_day_hour(moment):02d}",
    "h": lambda moment: str(_half_day_hour(moment)),
    "mm": lambda moment: f"{moment.minute:02d}",
    "m": lambda moment: str(moment.minute),
    "ss": lambda moment: f"{moment.second:02d}",
    "s": lambda moment: str(moment.second),
    **{"S" * digits: _fraction(digits) for digits in range(1, _FINEST_FRACTION + 1)},
    "A": lambda moment: "AM" if moment.hour < 12 else "PM",
    "ZZ": lambda moment: _offset(moment, ""),
    "Z": lambda moment: _offset(moment, ":"),
    "zz": _zone_name,
    "X": _whole_seconds,
    "x": lambda moment: str(_since_epoch(moment)),
}

_ANY_TOKEN: Final = "|".join(sorted(_TOKENS, key=len, reverse=True))
_TOKEN: Final = re.compile(rf"\[(?P<literal>{_ANY_TOKEN}|!UTC|)\]|(?P<token>{_ANY_TOKEN})")


@dataclass(frozen=True, slots=True)
class TimeSpec:
    """A time specification, read once. Make it with `compile_time`."""

    in_utc: bool
    pieces: tuple[str | _Piece, ...]

    def format(self, moment: dt.datetime) -> str:
        """Render *moment*.

        Raises OverflowError where ``!UTC`` leads out of the years 1 to 9999.
        """
        if self.in_utc:
            moment = moment.astimezone(dt.timezone.utc)
        return "".join([piece if isinstance(piece, str) else piece(moment) for piece in self.pieces])


def strip_utc(spec: str) -> tuple[str, bool]:
    """A specification without `!UTC` at its end, and whether that was there."""
    if spec.endswith(_UTC_SUFFIX):
        return spec[: -len(_UTC_SUFFIX)], True
    return spec, False


def _refuse_too_fine(spec: str) -> None:
    if "S" * (_FINEST_FRACTION + 1) in spec:
        raise ValueError(
            f"Invalid time format: {spec!r} has more than {_FINEST_FRACTION} 'S' in a row, but a record's time is "
            f"known to the microsecond. Use at most {'S' * _FINEST_FRACTION!r}, and [] between runs to separate them."
        )


def read_tokens(text: str) -> Iterator[tuple[str, bool]]:
    """The literal texts and tokens of a specification without `!UTC`, and whether each is a token. None is empty."""
    end = 0
    for match in _TOKEN.finditer(text):
        found = (text[end : match.start()], False), (match["literal"] or "", False), (match["token"] or "", True)
        yield from (piece for piece in found if piece[0])
        end = match.end()
    if text[end:]:
        yield text[end:], False


def _tokenise(text: str) -> tuple[str | _Piece, ...]:
    return tuple(_TOKENS[piece] if is_token else piece for piece, is_token in read_tokens(text))


@lru_cache(maxsize=256)
def compile_time(spec: str) -> TimeSpec:
    """Read a time specification: tokens, or ``strftime`` when it has a ``%``, or ISO 8601 when it is empty.

    Raises ValueError for seven or more ``S`` in a row.
    """
    text, in_utc = strip_utc(spec)
    if not text:
        return TimeSpec(in_utc, (_iso,))
    if "%" in text:
        return TimeSpec(in_utc, (lambda moment: moment.strftime(text),))
    _refuse_too_fine(text)
    return TimeSpec(in_utc, _tokenise(text))


def format_time(moment: dt.datetime, spec: str) -> str:
    """Render *moment* by *spec*, as ``{time:SPEC}`` in a format does.

    A naive moment counts as UTC for its offset and zone name, and as local time for ``!UTC`` and time stamps.

    Raises ValueError for seven or more ``S`` in a row, OverflowError where ``!UTC`` leaves the calendar.
    """
    return compile_time(spec).format(moment)


def _half(text: str, in_utc: bool) -> str:
    """Make one side of a split a specification of its own."""
    if not text:
        return ""
    if text.endswith(_UTC_SUFFIX):
        # It was plain text inside the whole; at the end of a half it would become the suffix.
        text = f"{text[: -len(_UTC_SUFFIX)]}[{_UTC_SUFFIX}]"
    return text + _UTC_SUFFIX if in_utc else text


@lru_cache(maxsize=256)
def split_fraction(spec: str) -> tuple[str, int, str] | None:
    """Split *spec* around its fraction of a second, so that a caller can keep the rest for a whole second.

    Returns ``(before, digits, after)``: for an aware moment with an offset in whole seconds,
    ``before`` formatted, the first *digits* digits of its six-digit microsecond and ``after`` formatted are, one after
    the other, ``format_time(moment, spec)``. Both halves change at most once a second. Without a fraction the result
    is ``(spec, 0, "")``.

    An empty half means *nothing*: the caller must not hand it to `format_time`, to which an empty specification means
    ISO 8601.

    Returns None where there is no such split: several fractions, ``x``, ``%f``, or a specification that `format_time`
    refuses.
    """
    text, in_utc = strip_utc(spec)
    if not text:
        return _half(f"{_ISO_SECONDS}.", in_utc), _FINEST_FRACTION, _half("ZZ", in_utc)
    if "%" in text:
        return None if "%f" in text else (spec, 0, "")
    if "S" * (_FINEST_FRACTION + 1) in text:
        return None
    tokens = [match for match in _TOKEN.finditer(text) if match["token"]]
    fractions = [match for match in tokens if match["token"].startswith("S")]
    if len(fractions) > 1 or any(match["token"] == "x" for match in tokens):
        return None
    if not fractions:
        return spec, 0, ""
    start, end = fractions[0].span()
    return _half(text[:start], in_utc), end - start, _half(text[end:], in_utc)


class RecordTime(dt.datetime):
    """The time of a record: a datetime whose ``format()`` knows the time tokens.

    Pickles, copies and the results of `astimezone` and of arithmetic keep the class.
    """

    def __format__(self, spec: str) -> str:
        """Render by the tokens of `format_time`."""
        return format_time(self, spec)


@lru_cache(maxsize=64)
def _fixed_zone(seconds: float, name: str) -> dt.timezone:
    return dt.timezone(dt.timedelta(seconds=seconds), name)


def _guessed_zone(timestamp: float) -> dt.timezone:
    """The zone where the C library's answer is missing or impossible."""
    utc = dt.datetime.fromtimestamp(timestamp, dt.timezone.utc).replace(tzinfo=None)
    return dt.timezone(dt.datetime.fromtimestamp(timestamp) - utc, time.strftime("%Z"))


def _local_zone(timestamp: float) -> dt.timezone:
    try:
        parts = time.localtime(timestamp)
        return _fixed_zone(parts.tm_gmtoff, parts.tm_zone)
    except Exception:  # noqa: BLE001 - a double of a program's tests may stand there
        try:
            return _guessed_zone(timestamp)
        except (OSError, OverflowError, ValueError):
            raise
        except Exception:  # noqa: BLE001 - another double
            return dt.timezone.utc


def local_time(timestamp: float) -> RecordTime:
    """The moment *timestamp* (seconds since the epoch) in the local zone as it was then.

    The zone is a fixed offset with the offset and the name that ``time.localtime`` gives, which is looked up at each
    call so that tools which freeze time are obeyed.

    Raises ValueError, OverflowError or OSError when the calendar does not reach that far.
    """
    return RecordTime.fromtimestamp(timestamp, _local_zone(timestamp))
