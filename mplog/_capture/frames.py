"""Frames: which ones a traceback shows, and each of them as plain data."""

from __future__ import annotations

import linecache
import os.path
import sys
from collections.abc import Iterable
from itertools import groupby
from typing import Any, NamedTuple

from mplog._capture.values import Value, values_in

SHOWN = 3
"""Consecutive equal frames that are shown; of the others there is only the number."""

MOST = 2000
"""Entries of one traceback; of a longer one the middle is left out."""

FARTHEST = 50_000
"""Frames that are looked at; imitations may go round in circles."""

_LONGEST = 4096
"""Characters of a path, a name or a source line."""

_PACKAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")

OMITTED = "<omitted>"
"""The function of an entry that stands for the frames left out of the middle."""


class Frame(NamedTuple):
    """One entry of a traceback: a frame, or the number of those that are equal to the ones before it."""

    file: str
    """As compiled."""
    line: int
    function: str
    source: str
    """The source line, stripped; "" when it cannot be found."""
    values: tuple[Value, ...] = ()
    times: int = 1
    """How many frames this entry stands for."""


class Place(NamedTuple):
    """A frame that is still alive, and what it is known by."""

    frame: Any
    file: str
    line: int
    function: str


def own_limit() -> int | None:
    """How many frames Python is told to show; None for all."""
    limit = getattr(sys, "tracebacklimit", None)
    if not isinstance(limit, int):
        return None
    return max(limit, 0)


def of_traceback(trace: Any, most: int = FARTHEST) -> list[Place]:
    """The first *most* frames of a traceback, from the catching point to the error, without mplog's own."""
    places: list[Place] = []
    for _ in range(most):
        if trace is None:
            break
        try:
            _add(places, trace.tb_frame, trace.tb_lineno)
            trace = trace.tb_next
        except Exception:  # noqa: BLE001 - an imitation without the attributes of a traceback ends here
            break
    return places


def above(trace: Any) -> list[Place]:
    """The callers of the frame in which *trace* begins, from the outermost, without mplog's own."""
    places: list[Place] = []
    try:
        frame = None if trace is None else trace.tb_frame.f_back
    except Exception:  # noqa: BLE001 - an imitation
        return places
    for _ in range(FARTHEST):
        if frame is None:
            break
        try:
            _add(places, frame, frame.f_lineno)
            frame = frame.f_back
        except Exception:  # noqa: BLE001 - an imitation
            break
    places.reverse()
    return places


def _add(places: list[Place], frame: Any, line: Any) -> None:
    code = frame.f_code
    file = str.__str__(code.co_filename)
    if file.startswith(_PACKAGE):
        return
    places.append(Place(frame, file, line if isinstance(line, int) else 0, str.__str__(code.co_name)))


def as_data(places: list[Place], *, values: bool) -> tuple[Frame, ...]:
    """The frames as data. Equal ones that follow each other are counted, and of very many the middle is left out."""
    entries: list[tuple[Place, int]] = []
    for _, run in groupby(places, key=lambda place: place[1:]):
        equal = list(run)
        entries += [(place, 1) for place in equal[:SHOWN]]
        if len(equal) > SHOWN:
            entries.append((equal[-1], len(equal) - SHOWN))
    if len(entries) <= MOST:
        return _described(entries, values=values)
    half = MOST // 2
    left_out = sum(times for _, times in entries[half:-half])
    gap = Frame("", 0, OMITTED, "", (), left_out)
    return (*_described(entries[:half], values=values), gap, *_described(entries[-half:], values=values))


def _described(entries: Iterable[tuple[Place, int]], *, values: bool) -> tuple[Frame, ...]:
    checked: set[str] = set()
    return tuple(_frame(place, times, checked, values=values and times == 1) for place, times in entries)


def _frame(place: Place, times: int, checked: set[str], *, values: bool) -> Frame:
    frame, file, line, function = place
    source = source_line(file, line, getattr(frame, "f_globals", None), checked)
    found: tuple[Value, ...] = ()
    if values and source:
        try:
            found = values_in(source, frame.f_locals, frame.f_globals)
        except Exception:  # noqa: BLE001 - an imitation of a frame
            found = ()
    return Frame(file[:_LONGEST], line, function[:_LONGEST], source, found, times)


def source_line(file: str, line: int, globals_: Any, checked: set[str]) -> str:
    """Line number *line* of *file*, stripped, or "" when it cannot be found."""
    if line < 1:
        return ""
    try:
        if file not in checked:
            checked.add(file)
            linecache.checkcache(file)
        return linecache.getline(file, line, globals_ if isinstance(globals_, dict) else None).strip()[:_LONGEST]
    except Exception:  # noqa: BLE001 - a loader of the user's, a file that is no text
        return ""
