"""What has become of the records of one process, as the writer and the outlets count it."""

from __future__ import annotations

import threading


class Tally:
    """Counts of one process, for all its rings. `read` belongs to the writer thread; the rest may come from any."""

    __slots__ = (
        "_mutex",
        "dropped",
        "dropped_at",
        "failed",
        "filtered",
        "lost",
        "name",
        "pid",
        "read",
        "rings",
        "written",
    )

    def __init__(self, pid: int, name: str) -> None:
        self._mutex = threading.Lock()
        self.pid = pid
        self.name = name
        self.rings = 0
        """Its rings that are not reclaimed."""
        self.read = 0
        """Taken off its rings."""
        self.dropped = 0
        """Dropped before they were in a ring, as far as the rings are reclaimed."""
        self.dropped_at: float | None = None
        """When (`monotonic()`) it was seen last that something was dropped there."""
        self.written = 0
        self.filtered = 0
        self.failed = 0
        self.lost = 0
        """Dropped behind the ring, by a sink that was too slow."""

    def add(self, *, written: int = 0, filtered: int = 0, failed: int = 0, lost: int = 0) -> None:
        """Count what has become of some records."""
        with self._mutex:
            self.written += written
            self.filtered += filtered
            self.failed += failed
            self.lost += lost

    @property
    def who(self) -> str:
        """The process, for those who read of it."""
        return f"process {self.pid}" + (f" ({self.name})" if self.name else "")

    @property
    def settled(self) -> int:
        """Of how many it is known what has become of them."""
        return self.written + self.filtered + self.failed + self.lost

    def absorb(self, other: Tally) -> None:
        """Add the counts of a process that has ended."""
        self.read += other.read
        self.dropped += other.dropped
        self.add(written=other.written, filtered=other.filtered, failed=other.failed, lost=other.lost)
