"""Which events end a log file: what ``rotation=`` of ``add()`` may be, and when a file is due by the clock."""

from __future__ import annotations

import datetime as dt
import math
import numbers
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from mplog._render.nearest import nearest
from mplog._sinks.file import grammar
from mplog._sinks.file.schedule import At, Calendar, Every, TimeRule

RotationFunction = Callable[[Any, Any], bool]
"""``f(message, file)``: whether *file*, an open text file, is to be rotated before *message* is written."""

_Rule = float | TimeRule | RotationFunction


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """The rules of one file. Any of them ends the file.

    Immutable, hence safe anywhere; it can be pickled when its functions can.
    """

    size_limit: float | None = None
    """Bytes that a file may have: a record that would exceed them goes to a new file. 0 rotates before each record."""

    functions: tuple[RotationFunction, ...] = ()
    """Functions to ask before each record, in the order given. They run in the process that writes."""

    times: tuple[TimeRule, ...] = ()

    def __str__(self) -> str:
        size = [] if self.size_limit is None else [f"{self.size_limit:.16g} bytes"]
        return " or ".join([*size, *map(str, self.times), *(["a function"] if self.functions else [])])

    @property
    def keeps_empty(self) -> bool:
        """Whether files without a record are wanted as well: asked for by a limit of 0 or by a function."""
        return self.size_limit == 0 or bool(self.functions)

    @property
    def steps(self) -> str:
        """The rules that count steps from the first file of a series, as text that tells them from others."""
        return " ".join(sorted(repr(rule.step.total_seconds()) for rule in self.times if isinstance(rule, Every)))

    def next_due(self, created: float, *, after: float | None = None) -> float | None:
        """The earliest instant at which a file created at *created* is due by its time rules, None if never.

        Both arguments and the result are seconds since the epoch; the file is due when a record's time reaches the
        result. All processes of a machine that give the same arguments get the same result: it depends on nothing
        but them and the local zone.

        Args:
            created: the creation time of the file, or of the first of a series of files whose limits move on in
                whole steps.
            after: the last rotation of such a series; the result lies after it. Default: *created*.
        """
        dues = [_due(rule, created, created if after is None else max(created, after)) for rule in self.times]
        return min((due for due in dues if due is not None), default=None)


def _due(rule: TimeRule, created: float, after: float) -> float | None:
    try:
        return rule.next_due(created, after)
    except (OverflowError, ValueError, OSError):
        return None  # the calendar, or the C library's, ends before that day


def parse_rotation(value: object) -> Rotation | None:
    """Read what ``add(rotation=)`` was given; None means no rotation.

    Accepts a number of bytes, a `datetime.time` (each day), a `datetime.timedelta`, a string of the grammar, a
    function of message and file, or a list, tuple or set of these.

    Raises:
        TypeError: for any other type; dates and datetimes among them, since they would happen once only.
        ValueError: for a string that cannot be read, a negative size, a duration that is not positive, an empty list.
    """
    if value is None:
        return None
    if isinstance(value, (list, tuple, set, frozenset)):
        return _combine(value)
    return _assemble([_parse_one(value)])


def _combine(values: Iterable[object]) -> Rotation:
    rules = [_parse_one(value) for value in values]
    if not rules:
        raise ValueError(
            "Must provide at least one rotation, but the list given is empty. "
            "Put a size, a duration, a time or a function in it, or pass rotation=None for a file without end."
        )
    return _assemble(rules)


def _assemble(rules: Iterable[_Rule]) -> Rotation:
    sizes: list[float] = []
    times: list[TimeRule] = []
    functions: list[RotationFunction] = []
    for rule in rules:
        if isinstance(rule, float):
            sizes.append(rule)
        elif isinstance(rule, (Every, At, Calendar)):
            times.append(rule)
        elif callable(rule):
            functions.append(rule)
    return Rotation(size_limit=min(sizes, default=None), functions=tuple(functions), times=tuple(times))


def _parse_one(value: object) -> _Rule:
    if isinstance(value, str):
        return _parse_text(value)
    if isinstance(value, numbers.Number) and not isinstance(value, complex):
        return _size(_as_float(value), value)
    if isinstance(value, dt.time):
        return At(dt.time(value.hour, value.minute, value.second, value.microsecond, value.tzinfo, fold=value.fold))
    if isinstance(value, dt.timedelta):
        return _every(dt.timedelta.__add__(value, dt.timedelta()), value)  # Plain, so that it travels.
    if callable(value):
        return value
    raise TypeError(
        f"Cannot infer rotation for objects of type: '{type(value).__name__}' (got {value!r}). "
        "Pass a number of bytes, a string such as '100 MB' or '18:00', a datetime.time, a datetime.timedelta, "
        "a function of (message, file), or a list of these."
    )


_ALIASES = {
    "hour": "hourly",
    "every hour": "hourly",
    "day": "daily",
    "every day": "daily",
    "week": "weekly",
    "every week": "weekly",
    "month": "monthly",
    "every month": "monthly",
    "year": "yearly",
    "midnight": "00:00",
    "noon": "12:00",
}
"""What is written for frequencies and times of day."""


def _parse_text(text: str) -> _Rule:
    size = grammar.parse_size(text)
    if size is not None:
        return _size(size, text)
    number = text.strip()
    if number.isdecimal() and len(number) > 2:  # Of less it may be the hour.
        raise ValueError(
            f"Cannot parse rotation from: '{text}'. Give a number of bytes as a number, rotation={number}, or with its "
            f"unit, '{number} B' or '{number} MB'; a time of day as '18:00'."
        )
    duration = grammar.parse_duration(text, beside_sizes=True)
    if duration is not None:
        return _every(duration, text)
    frequency = grammar.parse_frequency(text)
    if frequency is not None:
        return Calendar(frequency)
    daytime = grammar.parse_daytime(text)
    if daytime is not None:
        weekday, time = daytime
        return At(time or dt.time(), weekday)
    raise ValueError(
        f"Cannot parse rotation from: '{text}'. Write a size ('100 MB'), a duration ('1 week'), a frequency "
        "('daily'), or a day and time ('sunday at 18:00', 'w0', '23:30')."
        f"{nearest(text, (*grammar.FREQUENCIES, *grammar.WEEKDAYS), _ALIASES)}"
    )


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _size(size: float, given: object) -> float:
    if math.isnan(size) or size < 0:
        raise ValueError(
            f"A rotation size must be 0 or more bytes, but {given!r} is {size:g}. "
            "Use 0 to rotate before each record, or rotation=None for a file without end."
        )
    return size


def _every(step: dt.timedelta, given: object) -> Every:
    if step <= dt.timedelta():
        raise ValueError(
            f"A rotation duration must be longer than nothing, but {given!r} is {step.total_seconds():g} seconds. "
            "Use a positive one such as '1 h', or rotation=0 to rotate before each record."
        )
    return Every(step)
