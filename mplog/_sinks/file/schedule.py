"""When a file is due by the clock: rules, and the wall clock they are told in.

A rule speaks of wall-clock times ("midnight", "an hour after it was created"); a file is due at an instant. The two
differ where clocks are put forward or back. A wall-clock time that occurs twice counts the first time only, one that is
skipped counts when the clock jumps over it: so no day rotates twice, and none is left out.

Everything is a pure function of its arguments and of the zone, so that all processes reach the same instant.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final, Protocol

from mplog._render.times import local_time
from mplog._sinks.file.grammar import WEEKDAYS

_EPOCH: Final = dt.datetime(1970, 1, 1)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_AROUND: Final = 2 * 86_400.0
"""Seconds around a moment in which its zone's offsets are looked for: more than an offset can be, with one change."""


class Clock:
    """The wall clock of one zone: ``None`` is the local one, as ``time.localtime`` tells it."""

    __slots__ = ("_zone",)

    def __init__(self, zone: dt.tzinfo | None = None) -> None:
        self._zone = zone

    def wall(self, instant: float) -> dt.datetime:
        """What the clock shows at *instant* (seconds since the epoch), as a naive datetime."""
        if self._zone is None:
            return dt.datetime.combine(*_date_and_time(local_time(instant)))
        return dt.datetime.combine(*_date_and_time(dt.datetime.fromtimestamp(instant, self._zone)))

    def _offset(self, instant: float) -> float:
        if self._zone is None:
            moment: dt.datetime = local_time(instant)
        else:
            moment = dt.datetime.fromtimestamp(instant, self._zone)
        return (moment.utcoffset() or dt.timedelta()).total_seconds()

    def instants(self, wall: dt.datetime) -> list[float]:
        """When the clock shows *wall*: once, twice (set back), or, when skipped, the instant it jumps over it."""
        # Whole microseconds, divided once: a sum of floats may miss by one what the caller compares it with.
        micros = (wall - _EPOCH) // _MICROSECOND
        seconds = micros / 1_000_000
        offsets = sorted({self._offset(seconds - _AROUND), self._offset(seconds + _AROUND)}, reverse=True)
        found = [(micros - round(offset * 1_000_000)) / 1_000_000 for offset in offsets]
        shown = [instant for instant, offset in zip(found, offsets, strict=True) if self._offset(instant) == offset]
        return shown or [self._jump(found[0], found[-1])]

    def _jump(self, before: float, after: float) -> float:
        """The second between two instants at which the clock is put forward."""
        low, high = int(before) - 1, int(after) + 1
        changed = self._offset(high)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._offset(middle) == changed else (middle, high)
        return float(high)


def _date_and_time(moment: dt.datetime) -> tuple[dt.date, dt.time]:
    return moment.date(), moment.time().replace(fold=0)


class TimeRule(Protocol):
    """One way to say when a file is full by the clock."""

    def next_due(self, created: float, after: float) -> float:
        """The first instant after *after* at which a file created at *created* is due; ``created <= after``.

        Raises OverflowError, ValueError or OSError when the calendar ends before.
        """


@dataclass(frozen=True, slots=True)
class Every:
    """A fixed time after the creation, on the wall clock, and again after each such step."""

    step: dt.timedelta

    def __str__(self) -> str:
        return f"every {self.step}"

    def next_due(self, created: float, after: float) -> float:
        """See `TimeRule`."""
        clock = Clock()
        start = clock.wall(created)
        # Beyond what the clock shows: a step that has been taken is not due again when the clock is put back.
        count = max(1, (clock.wall(after) - start) // self.step + 1)
        while True:
            later = [instant for instant in clock.instants(start + count * self.step) if instant > after]
            if later:
                return later[0]
            count += 1


@dataclass(frozen=True, slots=True)
class At:
    """A time of day, each day or on one weekday (Monday 0). An aware time is told by its own zone's clock."""

    time: dt.time
    weekday: int | None = None

    def __str__(self) -> str:
        day = "" if self.weekday is None else f"{WEEKDAYS[self.weekday]} at "
        return f"{day}{self.time}"

    def next_due(self, created: float, after: float) -> float:
        """See `TimeRule`."""
        clock = Clock(self.time.tzinfo)
        naive = self.time.replace(tzinfo=None, fold=0)
        day = clock.wall(after).date()
        if self.weekday is not None:
            day += dt.timedelta(days=(self.weekday - day.weekday()) % 7)
        while True:
            due = clock.instants(dt.datetime.combine(day, naive))[0]
            if due > after:
                return due
            day += dt.timedelta(days=1 if self.weekday is None else 7)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The start of each ``hourly``, ``daily``, ``weekly``, ``monthly`` or ``yearly`` period."""

    frequency: str

    def __str__(self) -> str:
        return self.frequency

    def next_due(self, created: float, after: float) -> float:
        """See `TimeRule`."""
        clock = Clock()
        wall = clock.wall(after)
        while True:
            wall = _next_period(wall, self.frequency)
            due = clock.instants(wall)[0]
            if due > after:
                return due


def _next_period(wall: dt.datetime, frequency: str) -> dt.datetime:
    hour = wall.replace(minute=0, second=0, microsecond=0)
    if frequency == "hourly":
        return hour + dt.timedelta(hours=1)
    day = hour.replace(hour=0)
    if frequency == "daily":
        return day + dt.timedelta(days=1)
    if frequency == "weekly":
        return day + dt.timedelta(days=7 - day.weekday())
    month = day.replace(day=1)
    if frequency == "monthly":
        return (month + dt.timedelta(days=31)).replace(day=1)
    return (month.replace(month=1) + dt.timedelta(days=366)).replace(day=1)
