"""A source: one ring as the writer reads it. What is wrong in one stops that one, and no other."""

from __future__ import annotations

from dataclasses import dataclass

from mplog._ring.clock import monotonic
from mplog._ring.layout import FAILED, FILTERED, LOST, WRITTEN
from mplog._ring.ring import Entry, Reader, RingCorrupt
from mplog._ring.ring_file import RingFile
from mplog._sinks import report
from mplog._writer.backlog import Backlog
from mplog._writer.outlet import Outlet
from mplog._writer.tally import Tally

STUCK = 1.0
"""Seconds after which a record that never becomes whole makes its ring corrupt."""


@dataclass(slots=True)
class Source:
    """One ring as the writer sees it, with its kernel lock held."""

    file: RingFile
    reader: Reader
    key: bytes
    tally: Tally
    quiet_since: float = 0.0
    stuck_since: float | None = None
    broken: bool = False
    dropped: int = 0
    """What its producer had dropped at the last look."""
    flush: tuple[int, list[tuple[Outlet | Backlog, int]]] | None = None
    """The position that `complete()` waits for, and what must have been taken from where before."""

    def tell_producer(self) -> None:
        """Store in the ring what has become of the records of its process, for its own statistics."""
        words, tally = self.file.words, self.tally
        words[WRITTEN], words[FILTERED], words[FAILED] = tally.written, tally.filtered, tally.failed
        words[LOST] = tally.lost

    def read(self, index: int, horizon: int | None, grace: float) -> list[Entry]:
        """What was published since the last look, up to stamp *horizon*, with *index* as the ring of each entry.

        Args:
            grace: seconds that *horizon* is ago.
        """
        if self.broken:
            return []
        reader = self.reader
        before = reader.position
        try:
            found = reader.read(index, horizon)
        except RingCorrupt as error:
            self._quarantine(str(error))
            return []
        now = monotonic()
        if reader.position != before:
            self.quiet_since = now
            self.stuck_since = None
        elif reader.unread():
            # Published, and not acceptable yet: another look, until it is clear that it never will be.
            if self.stuck_since is None:
                self.stuck_since = now
            elif now - self.stuck_since > STUCK + (0.0 if horizon is None else grace):
                # The stamp alone is no reason: a process may have another clock, as in a time namespace of its own.
                found = [] if horizon is None else reader.read(index)
                self.stuck_since = None
                if not found:
                    self._quarantine(f"the record at {reader.position} has a wrong number or checksum")
        else:
            self.stuck_since = None
        return found

    def _quarantine(self, why: str) -> None:
        self.broken = True
        report.once(
            f"corrupt {self.file.path}",
            f"the ring {self.file.path} of process {self.file.owner.pid} is damaged ({why}). Its records up to "
            f"there are written, the rest is kept in that file. Other processes are not affected.",
        )
