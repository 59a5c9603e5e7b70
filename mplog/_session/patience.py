"""Patience: what a call does that finds no room in its ring, as the queue options say.

It waits for the writer, puts a record that is too large beside the ring, goes on in a further ring, or drops the record
and counts it.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from mplog._ring import drops
from mplog._ring.clock import monotonic, monotonic_ns
from mplog._ring.layout import (
    BLOCKED_NS,
    DATA_RECORD,
    HEAD,
    KIND_SPILLED_DATA,
    SPILL,
    SPILLED,
    SPILLED_KINDS,
    WAKE,
)
from mplog._ring.ring import Producer
from mplog._ring.ring_file import RingFile
from mplog._session.spills import LARGEST, Shorten, Spills, cut
from mplog._sinks import report

if TYPE_CHECKING:
    from mplog._session.link import Link

LIFE_EVERY = 0.02
"""Seconds between two looks at the owner's life while calls find no room."""


class Patience:
    """The slow way of one link's `push`. Safe from any thread, signal handler and `__del__`."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._spills = Spills(link.place)
        self._life_at = 0.0
        """When (`monotonic()`) calls that find no room look at the owner's life again."""
        self.stalled_at: int | None = None
        """The head of our ring when a call had waited for it in vain; until it moves no other call waits again."""
        self.dropped_at: float | None = None
        """When (`monotonic()`) a record was dropped last."""
        self._adding = threading.RLock()
        """Held for a moment while a word of the ring is added to."""

    def push(self, wall: float, route: int, level: int, body: bytes, kind: int, shorten: Shorten | None) -> bool:
        """Deliver one record, as `Link.push`: there is no ring yet, it is too large for it, or that is full."""
        link = self._link
        waited_from = monotonic_ns()
        deadline: float | None = None
        pause = 0.0002
        whole: tuple[bytes, int] | None = None
        while True:
            producer = link.producer
            if producer is None or (isinstance(producer, Producer) and producer.is_sealed):
                producer = link.membership.begin()
            if whole is not None and not isinstance(producer, Producer):
                # The owner is gone since; what lay beside the ring may be removed with the session.
                self._take_back(body, kind)
                (body, kind), whole = whole, None
            if not isinstance(producer, Producer):
                link.largest_inline = producer.largest_inline  # It changes with what the files take.
            fits = len(body) <= link.largest_inline
            if not fits and self._spills.have_room(len(body)):
                whole = body, kind
                body, kind = self._spill(body, kind, shorten)
                fits = True
            if fits and producer.push(wall, route, level, body, kind):
                ring = link.ring
                if ring is not None:
                    self._count(ring, BLOCKED_NS, monotonic_ns() - waited_from)
                link.attend(wall)
                return True
            if fits and not isinstance(producer, Producer) and len(body) > producer.largest_inline:
                continue  # It has found just now that a file takes nothing, and it is to be put beside the ring.
            now = monotonic()
            if self._owner_is_gone(now):
                link.membership.become_orphan()
                if link.producer is producer:  # It failed, with an error that has been raised.
                    return self._drop(route, level, body, kind)
                continue
            if link.words[WAKE]:
                link.doorbell.ring()  # An awake writer comes by itself, with a larger batch.
            options = link.options()
            if deadline is None:
                patience = 0.0 if options.overflow == "drop" or self._is_stalled() else options.block_timeout
                deadline = now + (float("inf") if patience is None else patience)
            if now >= deadline:
                grows = fits and options.overflow == "grow"
                if not grows or not link.membership.next_ring(producer, options.further_rings):
                    return self._drop(route, level, body, kind)
                self.stalled_at = None
                continue  # Its patience is used up: what fills the new ring at once must not hold it up again.
            time.sleep(min(pause, max(0.0, deadline - now)))
            pause = min(pause * 2, 0.001)

    def _owner_is_gone(self, now: float) -> bool:
        """Whether the owner has ended its session or, as far as was looked at lately, is proven dead."""
        link = self._link
        if link.place.has_stopped:
            return True
        if now < self._life_at:
            return False
        # Not in every call: this costs much more than dropping a record does.
        self._life_at = now + LIFE_EVERY
        return link.is_left()

    def _is_stalled(self) -> bool:
        """Whether nothing was drained since a call has waited in vain."""
        ring = self._link.ring
        return ring is not None and self.stalled_at == ring.words[HEAD]

    def spill(self, body: bytes, kind: int) -> tuple[bytes, int] | None:
        """As `_spill`, where nothing is shortened: None when there is no room beside the ring."""
        if not self._spills.have_room(len(body)):
            return None
        name, new_kind = self._spill(body, kind, lambda _: b"")
        return (name, new_kind) if name else None

    def _spill(self, body: bytes, kind: int, shorten: Shorten | None) -> tuple[bytes, int]:
        """Put a body that is too large for the ring beside it. The returned body names the file."""
        link = self._link
        if len(body) > LARGEST:
            # Only text in UTF-8 is this long here, for the others are cut where they are made.
            body = cut(body, LARGEST, "")
        name = self._spills.put(body)
        if name is not None:
            if link.ring is not None:
                self._count(link.ring, SPILLED, 1)
            return name.encode(), KIND_SPILLED_DATA if kind == DATA_RECORD else SPILL
        if shorten is not None:
            return shorten(link.largest_inline), kind
        return cut(body, link.largest_inline - 100, ", no room to spill"), kind

    def _count(self, ring: RingFile, word: int, more: int) -> None:
        with self._adding:
            ring.words[word] += more

    def _take_back(self, body: bytes, kind: int) -> None:
        if kind in SPILLED_KINDS:
            self._spills.take_back(body.decode())

    def _drop(self, route: int, level: int, body: bytes, kind: int) -> bool:
        """Count a record that finds no room; always False. The log tells of it, see losses.py."""
        link = self._link
        self._take_back(body, kind)
        self.dropped_at = monotonic()
        # A signal handler that drops something meanwhile counts for itself: each count is one store.
        with link.membership.steady():
            ring = link.ring
            if ring is None:
                link.dropped += 1
            else:
                self.stalled_at = ring.words[HEAD]
                drops.count(ring.words, route, level)
        report.once(
            "dropped",
            f"process {link.pid} drops records: its queue is full and the owner (process "
            f"{link.place.control.identity.pid}) does not drain it. They are counted, and the log will tell.",
        )
        return False
