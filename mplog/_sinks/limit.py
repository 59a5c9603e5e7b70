"""A limit: one deadline for everything that somebody waits for, however many sinks, files and threads that are."""

from __future__ import annotations

from mplog._ring.clock import monotonic

STALLED = 5.0
"""Seconds that `complete()` without a time-out waits for sinks that take nothing."""

LONGEST = 1e8
"""Seconds that locks take for a time-out; three years."""


class Limit:
    """Seconds from now on. Made where the waiting begins, and passed down."""

    __slots__ = ("at", "is_firm", "seconds")

    def __init__(self, seconds: float, *, firm: bool = False) -> None:
        """*seconds* count for sinks that take nothing: each time that one does they begin anew, unless *firm*."""
        self.seconds = min(seconds, LONGEST)
        self.at = monotonic() + self.seconds
        """The end of it, by `monotonic()`."""
        self.is_firm = firm

    def left(self, most: float = float("inf")) -> float:
        """Seconds that are left, and no more than *most*; 0 when it is over."""
        return max(0.0, min(most, self.at - monotonic()))

    @property
    def is_over(self) -> bool:
        """Whether nothing is left."""
        return monotonic() >= self.at

    def moved(self) -> None:
        """Something was taken."""
        if not self.is_firm:
            self.at = max(self.at, monotonic() + self.seconds)
