"""A source: one ring as the writer reads it. What is wrong in one stops that one, and no other."""

from __future__ import annotations

from dataclasses import dataclass

from mplog._ring import descriptor
from mplog._ring.clock import monotonic
from mplog._ring.layout import FAILED, FILTERED, LOST, WRITTEN
from mplog._ring.ring import Entry, Reader, RingCorrupt
from mplog._ring.ring_file import RingFile
from mplog._ring.wire import safe_repr
from mplog._sinks import report
from mplog._writer.backlog import Backlog
from mplog._writer.outlet import Outlet
from mplog._writer.tally import Tally

STUCK = 1.0
"""Seconds after which a record that never becomes whole makes its ring corrupt."""

TURN = 512 * 1024
"""Bytes that are read of one ring in one round: what it costs the others to wait for its turn."""

ATTEMPTS = 3
"""So often what is unforeseen may happen to a ring, and to no other, before it is set aside."""

LONGEST_REST = 5.0
"""Seconds between two attempts at a ring that is set aside, at most."""


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
    """Whether it is damaged, so that it is read no further."""
    failures: int = 0
    """How often in a row something unforeseen has happened to it alone."""
    rest_until: float = 0.0
    """`monotonic()` before which it is not read again, after such a thing."""
    owes: bool = False
    """Whether what was read of it last waits on its own for another attempt; see Drain."""
    dropped: int = 0
    """What its producer had dropped at the last look."""
    flush: tuple[int, list[tuple[Outlet | Backlog, int]]] | None = None
    """The position that `complete()` waits for, and what must have been taken from where before."""

    @property
    def aside(self) -> bool:
        """Whether nobody waits for what is in it: it is damaged, or has failed again and again and rests."""
        return self.broken or self.failures >= ATTEMPTS

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
            found = reader.read(index, horizon, None, TURN)
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
                found = [] if horizon is None else reader.read(index, None, None, TURN)
                self.stuck_since = None
                if not found:
                    self._quarantine(f"the record at {reader.position} has a wrong number or checksum")
        else:
            self.stuck_since = None
        return found

    def fail(self, error: BaseException, pause: float) -> None:
        """Something unforeseen has happened to this ring, and to it alone: it rests, and is set aside in the end."""
        # What the machine lacks is no ring's fault, and comes back.
        lacks = isinstance(error, MemoryError) or (isinstance(error, OSError) and descriptor.is_none_left(error))
        self.failures = min(self.failures + 1, ATTEMPTS - 1) if lacks else self.failures + 1
        self.rest_until = monotonic() + min(pause * 2 ** min(self.failures - 1, 10), LONGEST_REST)
        report.error_in_handler(-1, None, error, sink=f"a round of the writer, for the ring of {self.tally.who},")
        if self.failures == ATTEMPTS:
            report.once(
                f"aside {self.file.path}",
                f"the ring {self.file.path} of {self.tally.who} is set aside at position {self.reader.head}: each "
                f"attempt to read on has failed, the last one with {safe_repr(error, 500)}. Its "
                f"{self._count_left()} records from there on are kept in that file and tried again now and then. "
                "Other processes are not affected.",
            )

    def _count_left(self) -> int:
        """How many records are published that no head has passed."""
        reader = self.file.reader()
        return reader.count_unread()

    def _quarantine(self, why: str) -> None:
        self.broken = True
        report.once(
            f"corrupt {self.file.path}",
            f"the ring {self.file.path} of {self.tally.who} is damaged ({why}). Its records up to position "
            f"{self.reader.position} are written, the rest is kept in that file. Other processes are not affected.",
        )
