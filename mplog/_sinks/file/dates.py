"""What stands in a path where its template has a time: which texts a field can give, and which go together.

The reverse of `mplog._render.times`: there a moment becomes text, here a text is asked whether a moment can have become
it. What cannot be told for sure (a name of a month in a language that is not the present one) is no date.
"""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Iterable
from itertools import pairwise
from typing import Final, NamedTuple

from mplog._render.times import day_name, month_name, read_tokens, strip_utc


class Token(NamedTuple):
    """A part of a moment as text."""

    name: str
    """One of the tokens of formats, or ``%`` and a letter for what only `strftime` has."""
    in_utc: bool
    """Whether the moment is shown in UTC."""


Value = tuple[Token, str]
"""What a token has become in a name."""

Items = list["str | Token"]
"""Literal texts and tokens, one after the other."""

_ISO: Final = "YYYY-MM-DDTHH:mm:ss.SSSSSSZZ"

_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_OFFSET: Final = r"[+-][0-2][0-9]{sep}[0-5][0-9](?:{sep}[0-5][0-9])?(?:\.[0-9]{{6}})?"
_TEXTS: Final[dict[str, str]] = {
    "YYYY": "[0-9]{4}",
    "YY": "[0-9]{2}",
    "Q": "[1-4]",
    "MM": "0[1-9]|1[0-2]",
    "M": "[1-9]|1[0-2]",
    "DDDD": "[0-3][0-9]{2}",
    "DDD": "[1-9][0-9]{0,2}",
    "DD": "0[1-9]|[12][0-9]|3[01]",
    "D": "[1-9]|[12][0-9]|3[01]",
    "d": "[0-6]",
    "E": "[1-7]",
    "HH": "[01][0-9]|2[0-3]",
    "H": "[0-9]|1[0-9]|2[0-3]",
    "hh": "0[1-9]|1[0-2]",
    "h": "[1-9]|1[0-2]",
    "mm": "[0-5][0-9]",
    "m": "[0-9]|[1-5][0-9]",
    "ss": "[0-5][0-9]",
    "s": "[0-9]|[1-5][0-9]",
    **{"S" * digits: f"[0-9]{{{digits}}}" for digits in range(1, 7)},
    "A": "AM|PM",
    "ZZ": _OFFSET.format(sep=""),
    "Z": _OFFSET.format(sep=":"),
    "X": "-?[0-9]+",
    "x": "-?[0-9]+",
    "%e": " [1-9]|[12][0-9]|3[01]",
    "%w": "[0-6]",
    "%U": "[0-5][0-9]",
    "%W": "[0-5][0-9]",
    "%V": "0[1-9]|[1-4][0-9]|5[0-3]",
    "%G": "[0-9]{4}",
}

_OF_ANY_LENGTH: Final = frozenset(
    ("MMMM", "MMM", "M", "DDD", "D", "dddd", "ddd", "H", "h", "m", "s", "ZZ", "Z", "zz", "X", "x")
)

_DIRECTIVES: Final[dict[str, str]] = {
    "Y": "YYYY",
    "y": "YY",
    "m": "MM",
    "-m": "M",
    "d": "DD",
    "-d": "D",
    "j": "DDDD",
    "-j": "DDD",
    "B": "MMMM",
    "b": "MMM",
    "h": "MMM",
    "A": "dddd",
    "a": "ddd",
    "u": "E",
    "H": "HH",
    "-H": "H",
    "I": "hh",
    "-I": "h",
    "M": "mm",
    "-M": "m",
    "S": "ss",
    "-S": "s",
    "f": "SSSSSS",
    "s": "X",
    "Z": "zz",
    "F": "YYYY-MM-DD",
    "T": "HH:mm:ss",
    "R": "HH:mm",
    "D": "MM/DD/YY",
    "x": "MM/DD/YY",
    "X": "HH:mm:ss",
}
"""What directives of `strftime` are in tokens; `%x` and `%X` as the C locale has them."""

_NAMED: Final = {
    "MMMM": (month_name, "%B", 1, _MONTHS, None),
    "MMM": (month_name, "%b", 1, _MONTHS, 3),
    "dddd": (day_name, "%A", 0, _DAYS, None),
    "ddd": (day_name, "%a", 0, _DAYS, 3),
}
"""Tokens that are names: what gives the present language's, by which directive, from which number on, and the English
ones, with how much of them."""

_DIRECTIVE: Final = re.compile(r"%(-?[a-zA-Z%])")


def items_of(spec: str) -> Items:
    """The texts and tokens that a time specification consists of; an empty one is not ISO 8601 but nothing."""
    if not spec:
        return []
    text, in_utc = strip_utc(spec)
    if "%" not in text:
        return [Token(piece, in_utc) if is_token else piece for piece, is_token in read_tokens(text or _ISO)]
    items: Items = []
    end = 0
    for match in _DIRECTIVE.finditer(text):
        items.append(text[end : match.start()])
        end = match.end()
        directive = match[1]
        if directive == "%":
            items.append("%")
        elif directive in _DIRECTIVES:
            for piece, is_token in read_tokens(_DIRECTIVES[directive]):
                items.append(Token(piece, in_utc) if is_token else piece)
        else:
            items.append(Token(f"%{directive}", in_utc))
    items.append(text[end:])
    return [item for item in items if item != ""]


def is_clear(items: Items) -> bool:
    """Whether it is clear where each token ends in a text. Of ``MD`` it is not: 111 is both January and November."""
    return not any(
        isinstance(item, Token) and (item.name in _OF_ANY_LENGTH or item.name[0] == "%") and not _is_border(after)
        for item, after in pairwise(items)
    )


def _is_border(item: str | Token) -> bool:
    return isinstance(item, str) and not item[0].isalnum()


def pattern_of(name: str) -> str:
    """The regular expression of what a token can become."""
    known = _TEXTS.get(name)
    if known is not None:
        return known
    names = _names(name)
    if names is not None:
        return "|".join(re.escape(each) for each in sorted({each for each, _ in names}, key=len, reverse=True))
    if name == "zz":
        return "|".join(["[A-Za-z]{1,6}", "[+-][0-9]{2}(?:[0-9]{2})?", *map(re.escape, time.tzname)])
    return _as_now(name)


def _names(name: str) -> list[tuple[str, int]] | None:
    """The names of months (from 1) or days (from 0), in English and in the present language; None for other tokens."""
    if name not in _NAMED:
        return None
    named, directive, first, english, length = _NAMED[name]
    found = [(named(number, directive), number) for number in range(first, first + len(english))]
    return found + [(each[:length], number) for number, each in enumerate(english, first)]


def _as_now(directive: str) -> str:
    """For what only the C library knows: the shape of what it gives now, digits and letters left open."""
    try:
        sample = time.strftime(directive)
    except ValueError:
        sample = ""
    shape = re.sub(r"[0-9]+|[^\W\d_]+|[\W_]", _left_open, sample)
    return f"(?:{shape})"


def _left_open(match: re.Match[str]) -> str:
    text = match[0]
    if text[0].isdigit():
        return "[0-9]+"
    return r"[^\W\d_]+" if text[0].isalpha() else re.escape(text)


def language() -> str:
    """What tells one language of the names of months and days from another."""
    return f"{month_name(5, '%B %b')} {day_name(0, '%A %a')}"


def go_together(values: Iterable[Value]) -> bool:
    """Whether one moment can have given all *values*: each by itself is what its token allows."""
    for in_utc in (False, True):
        parts: dict[str, int] = {}
        for token, text in values:
            if token.in_utc is not in_utc:
                continue
            part, number = _read(token.name, text)
            if part and parts.setdefault(part, number) != number:
                return False
        if not _is_moment(parts):
            return False
    return True


def _read(name: str, text: str) -> tuple[str, int]:
    """The part of a moment that a token shows, and its value; no part where it says nothing that could be compared."""
    part = _PARTS.get(name, "")
    if not part:
        return "", 0
    names = _names(name)
    if names is not None:
        return part, next(number for each, number in names if each == text)
    if name == "A":
        return part, int(text == "PM")
    return part, int(text) - (name == "E")


_PARTS: Final[dict[str, str]] = {
    **dict.fromkeys(("YYYY",), "year"),
    **dict.fromkeys(("YY",), "year of century"),
    **dict.fromkeys(("Q",), "quarter"),
    **dict.fromkeys(("MMMM", "MMM", "MM", "M"), "month"),
    **dict.fromkeys(("DDDD", "DDD"), "day of year"),
    **dict.fromkeys(("DD", "D", "%e"), "day"),
    **dict.fromkeys(("dddd", "ddd", "d", "E"), "weekday"),
    **dict.fromkeys(("HH", "H"), "hour"),
    **dict.fromkeys(("hh", "h"), "half hour"),
    **dict.fromkeys(("A",), "half"),
    **dict.fromkeys(("mm", "m"), "minute"),
    **dict.fromkeys(("ss", "s"), "second"),
    **{"S" * digits: f"fraction {digits}" for digits in range(1, 7)},
    **dict.fromkeys(("X",), "epoch"),
    **dict.fromkeys(("x",), "epoch in microseconds"),
}


def _is_moment(parts: dict[str, int]) -> bool:
    """Whether the parts contradict one another, or the calendar."""
    year, month, day = parts.get("year"), parts.get("month"), parts.get("day")
    derived: dict[str, int] = {}
    if year is not None:
        if not dt.MINYEAR <= year <= dt.MAXYEAR:
            return False
        derived["year of century"] = year % 100
    if month is not None:
        derived["quarter"] = (month + 2) // 3
    if month is not None and day is not None:
        try:
            date = dt.date(year or 2000, month, day)  # Without a year, it may be a leap year.
        except ValueError:
            return False
        if year is not None:
            derived["weekday"], derived["day of year"] = date.weekday(), date.timetuple().tm_yday
    if not 1 <= parts.get("day of year", 1) <= dt.date(year or 2000, 12, 31).timetuple().tm_yday:
        return False
    if "hour" in parts:
        derived["half hour"], derived["half"] = (parts["hour"] - 1) % 12 + 1, int(parts["hour"] >= 12)
    return all(parts.get(part, number) == number for part, number in derived.items())
