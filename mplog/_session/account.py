"""What has become of the records of one process, as both ends of its rings count it.

The producing process knows how many it has emitted; the owner stores in the ring's header what became of them, after
each round and before it answers a flush. The owner itself counts what it reads, and what lies unread.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mplog._ring import drops
from mplog._ring.layout import DROPPED, FAILED, FILTERED, HEAD, LOST, TAIL, WRITTEN
from mplog._ring.ring_file import RingFile


@dataclass(frozen=True, slots=True)
class Account:
    """Counts of records, each once for every handler that it is for."""

    emitted: int = 0
    written: int = 0
    dropped: int = 0
    filtered: int = 0
    failed: int = 0
    waiting_bytes: int = 0
    ring_bytes: int = 0

    @property
    def in_flight(self) -> int:
        """Those of which nobody knows yet what becomes of them."""
        return self.emitted - self.written - self.dropped - self.filtered - self.failed

    def __add__(self, other: Account) -> Account:
        return Account(
            self.emitted + other.emitted,
            self.written + other.written,
            self.dropped + other.dropped,
            self.filtered + other.filtered,
            self.failed + other.failed,
            self.waiting_bytes + other.waiting_bytes,
            self.ring_bytes + other.ring_bytes,
        )

    def without_rings(self) -> Account:
        """The counts alone, for what is over."""
        return replace(self, waiting_bytes=0, ring_bytes=0)

    def with_rings(self, files: list[RingFile]) -> Account:
        """With the room that *files* have, and how much of it is in use."""
        return replace(
            self,
            waiting_bytes=sum(max(0, ring.words[TAIL] - ring.words[HEAD]) for ring in files),
            ring_bytes=sum(ring.capacity for ring in files),
        )


@dataclass(frozen=True, slots=True)
class Told:
    """What the owner has said about all records of one process. Each count only grows."""

    written: int = 0
    filtered: int = 0
    failed: int = 0
    lost: int = 0

    @property
    def total(self) -> int:
        """Of how many records it has spoken."""
        return self.written + self.filtered + self.failed + self.lost

    def about(self, published: int) -> Account:
        """What has become of *published* records."""
        # What the program logged that this process ran before an exec is told of, too.
        written = self.written - max(0, self.total - published)
        return Account(published, written, self.lost, self.filtered, self.failed)

    def latest(self, ring: RingFile) -> Told:
        """This, or what the header of *ring* says, whichever is more."""
        words = ring.words
        said = Told(words[WRITTEN], words[FILTERED], words[FAILED], words[LOST])
        return said if said.total > self.total else self


def in_ring(count: int, least: int) -> int:
    """How many records were published in a ring whose number is *count* modulo 2**32, when *least* are known of."""
    ahead = (count - least) & 0xFFFFFFFF
    return least + ahead if ahead < 1 << 31 else count


def dropped_of(ring: RingFile) -> int:
    """Records that found no room, while that ring was in use."""
    return drops.believed(ring.words[DROPPED])
