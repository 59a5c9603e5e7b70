"""How long a thread was ready to run while the machine ran something else, as the kernel counts it."""

from __future__ import annotations

import contextlib
import os
import time


class Processor:
    """How long the thread that has made this was ready to run and did not, by the kernel's count."""

    def __init__(self) -> None:
        self._fd = -1
        with contextlib.suppress(OSError):
            self._fd = os.open("/proc/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        self._missed = self._at = 0

    def look(self) -> None:
        """Begin to count."""
        if self._fd >= 0:
            self._missed, self._at = self._read(), time.perf_counter_ns()

    def missed_in(self, nanoseconds: int) -> int | None:
        """Of a call that has just taken so long, the time that it did not run, at least; None: not known.

        What was missed since the last look and cannot have been outside of the call was within it.
        """
        if self._fd < 0:
            return None
        outside = time.perf_counter_ns() - self._at - nanoseconds
        return min(max(self._read() - self._missed - outside, 0), nanoseconds)

    def close(self) -> None:
        """Let the kernel's file go."""
        if self._fd >= 0:
            os.close(self._fd)

    def _read(self) -> int:
        return int(os.pread(self._fd, 100, 0).split()[1])
