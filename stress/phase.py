"""Where the writer was when it was killed.

The program under test stores what its writer is doing into one word of a file, see steps.py. The harness maps the same
file: it reads the word after a kill, and it may wait for a phase in order to kill right there.
"""

from __future__ import annotations

import mmap
import time
from collections import Counter
from pathlib import Path
from types import TracebackType

NAMES = ("idle", "draining", "intent written", "bytes written", "marked done", "heads moved")

IDLE, DRAINING, INTENDED, APPENDED, COMMITTED, MOVED = range(6)
COMMITTING = (INTENDED, APPENDED, COMMITTED)
"""Between the intent and the move of a head: where a kill is most likely to show a fault of the commit."""

TARGETS = (DRAINING, INTENDED, INTENDED, APPENDED, COMMITTED, MOVED)
"""What aimed and exact kills aim at: every step, the append twice, which is the longest and may be half done."""

_WORDS = 1024
_LOOKS_PER_CLOCK = 200


class PhaseWord:
    """The harness's view of the phase word."""

    def __init__(self, path: Path) -> None:
        with path.open("w+b") as file:
            file.write(bytes(4 * _WORDS))
            file.flush()
            self._map = mmap.mmap(file.fileno(), 0)
        self._bytes = memoryview(self._map)
        self._words: memoryview[int] = self._bytes.cast("I")

    @property
    def value(self) -> int:
        """The phase that was stored last; 0 also when the library does not store any."""
        return self._words[0]

    def wait_for(self, phase: int, deadline: float) -> bool:
        """Return as soon as the writer is in *phase*, or False at the monotonic *deadline*.

        It looks without a pause: some phases last a microsecond. By the time that a kill arrives the writer may be
        one further, which is why the histogram shows where it was found and not where it was aimed at.
        """
        words = self._words
        while time.monotonic() < deadline:
            for _ in range(_LOOKS_PER_CLOCK):
                if words[0] == phase:
                    return True
        return False

    def close(self) -> None:
        """Drop the mapping."""
        self._words.release()
        self._bytes.release()
        self._map.close()

    def __enter__(self) -> PhaseWord:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def share_committing(phases: Counter[int]) -> float:
    """The share of kills that fell between the intent and the move of a head."""
    kills = phases.total()
    return sum(phases[phase] for phase in COMMITTING) / kills if kills else 0.0


def name_of(phase: int) -> str:
    """The phase in words."""
    return NAMES[phase] if phase < len(NAMES) else f"unknown ({phase})"
