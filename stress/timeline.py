"""Who had logged how much at which moment, and when somebody was killed: the course of one round."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from mplog.cli._ledger import Ledger

_FIRST_PAUSE = 0.02
_SAMPLES = 240
_SERIES = 16
"""Slots that are followed one by one. With more of them only their sum is."""


@dataclass(slots=True)
class Kill:
    """One death that the harness caused or asked for."""

    seconds: float
    """After GO."""
    what: str
    """``worker``, ``owner`` or ``all``."""
    who: str
    phase: int | None = None
    """What the writer was doing; None when nobody knows."""
    in_call: bool | None = None
    """Whether the killed process was inside of a log call; None when nobody knows."""


@dataclass(slots=True)
class Course:
    """One round over time."""

    seconds: list[float] = field(default_factory=list)
    returned: list[list[int]] = field(default_factory=list)
    """For each moment the calls that had returned, by slot; with many slots their sum alone."""
    marks: list[tuple[float, str]] = field(default_factory=list)
    """What else happened, such as a disk that was full."""


class Recorder:
    """Looks at the ledger at regular times, in a thread of the harness, until it is told to stop."""

    def __init__(self, ledger: Ledger) -> None:
        self.course = Course()
        self._slots = [ledger.slot(number) for number in range(ledger.slots)]
        self._begun = time.monotonic()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin at zero."""
        self._begun = time.monotonic()
        self._look()
        self._thread = threading.Thread(target=self._run, name="stress-recorder", daemon=True)
        self._thread.start()

    def now(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._begun

    def mark(self, what: str) -> None:
        """Note that something happened now."""
        self.course.marks.append((self.now(), what))

    def stop(self) -> Course:
        """End and return what was seen."""
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
            self._thread = None
            self._look()
        return self.course

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stop.wait(pause):
            self._look()
            if len(self.course.seconds) > _SAMPLES:
                del self.course.seconds[::2]
                del self.course.returned[::2]
                pause *= 2

    def _look(self) -> None:
        counts = [slot.returned for slot in self._slots]
        self.course.seconds.append(round(self.now(), 4))
        self.course.returned.append(counts if len(counts) <= _SERIES else [sum(counts)])
