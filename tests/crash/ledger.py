"""What each process of a play knows it has logged, kept outside mplog, and the texts that it logs."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Final

WHO: Final = ("owner", "worker0", "worker1", "next1", "next2")
BEGUN, RETURNED, ENDED, PID = range(4)

LARGE: Final = 5000
"""Characters of every fiftieth record: too large for a ring of 16 KiB, so that it is spilled."""


class Ledger:
    """Numbers in a mapped file: they survive every process that stores them."""

    def __init__(self, path: Path) -> None:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(fd, 8 * 4 * len(WHO))
        self._words = memoryview(mmap.mmap(fd, 0)).cast("Q")
        os.close(fd)

    def get(self, who: str, what: int) -> int:
        """One number of the process *who*."""
        return self._words[4 * WHO.index(who) + what]

    def put(self, who: str, what: int, number: int) -> None:
        """Store one number of the process *who*."""
        self._words[4 * WHO.index(who) + what] = number


def text(who: str, number: int) -> str:
    """The message that *who* logs as its record *number*."""
    size = LARGE if number % 50 == 49 else number * 37 % 120
    return f"{who} {number} {'x' * size}|"
