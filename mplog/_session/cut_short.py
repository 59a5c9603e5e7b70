"""Files of a session that somebody cuts short under a process that has them mapped, and goes on: what is said of it.

Where the native half is not there, such a process has ended; see truncation.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from mplog._capture import process
from mplog._ring import truncation
from mplog._ring.ring_file import RingFile
from mplog._session import control
from mplog._session.place import Place
from mplog._sinks import report
from mplog._sinks.file.slot import Slot

_FIND_OUT = "Find out what else writes in that directory: nothing but mplog should."


class News:
    """Whether this process has met such a file since it last did something about it."""

    __slots__ = ("_heeded", "_seen")

    def __init__(self) -> None:
        self._seen = self._heeded = 0

    def has_come(self) -> bool:
        """Cheap: nothing is asked of the system."""
        self._seen = truncation.cuts()
        return self._seen != self._heeded

    def heed(self) -> None:
        """What has come by the last look is done with."""
        self._heeded = self._seen


def say_of_own(ring: RingFile) -> None:
    """Say once that *ring* is one, which this process was logging into and has left."""
    report.once(
        f"cut short {ring.path}",
        f"somebody has cut the ring {ring.path} short, which process {process.pid()} was logging into. What it held "
        f"and its files did not have is lost; the process has left it, and goes on without it. {_FIND_OUT}",
    )


def say(place: Place, slots: Iterable[Slot]) -> None:
    """Say once which of the owner's own files are among them. (Of a ring it says that it is damaged.)"""
    path = os.path.join(place.path, control.NAME)
    if place.control.is_cut_short:
        report.once(
            f"cut short {path}",
            f"somebody has cut {path} short, by which processes find process {process.pid()} and each other. Those "
            "that run go on; new ones write for themselves, and what is on its way when all are killed waits for "
            f"`mplog recover --list`. {_FIND_OUT}",
        )
    for slot in slots:
        if slot.is_cut_short:
            report.once(
                f"cut short {slot.path}",
                f"somebody has cut {slot.path} short, where process {process.pid()} notes how far a file is. It goes "
                f"on without the note: should it be killed now, records may be written twice. {_FIND_OUT}",
            )
