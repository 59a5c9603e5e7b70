"""A link: one process's way to the owner of a session. It publishes, waits, and looks whether the owner lives.

What it publishes into, a ring or what stands in its place, is made and changed in membership.py.

Handshakes: `push` with Drain.round (ring.py), with Writer._sleep (WAKE), with Host.finish (STOPPED), and with
Drain.answer_flushes (FLUSH_TARGET / FLUSHED). A process that logs nothing has lookout.py look at the owner.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from mplog._capture import process
from mplog._ring.layout import FLUSH_TARGET, FLUSHED, HEAD, LOG, RECLAIMED, STOPPED, WAKE
from mplog._ring.ring import Producer
from mplog._ring.ring_file import RingFile
from mplog._session import cut_short
from mplog._session.account import Account, Told, dropped_of
from mplog._session.adoption import Adopter, Led, Orphan
from mplog._session.identity import myself
from mplog._session.lookout import Lookout
from mplog._session.membership import Membership
from mplog._session.patience import Patience
from mplog._session.place import Place
from mplog._session.queue_options import DEFAULTS, QueueOptions
from mplog._session.spills import Shorten
from mplog._sinks.limit import STALLED, Limit
from mplog._writer.doorbell import Doorbell

LOOK_EVERY = 0.02
"""Seconds between two looks at the owner's heartbeat, at the next record after that."""

QUIET = 0.02
"""Seconds of silence of the owner's writer after which a look asks the kernel whether the process lives."""


class Link:
    """One process's connection to one session. Safe from any thread, signal handler and `__del__`.

    A forked child must not use its parent's link; it makes its own with `inherit`.
    """

    def __init__(
        self,
        place: Place,
        adopter: Adopter,
        doorbell: Doorbell | None = None,
        options: Callable[[], QueueOptions] = lambda: DEFAULTS,
        lookout: Lookout | None = None,
    ) -> None:
        """*options* gives the queue options as they are when it is called; *lookout* looks at the owner."""
        self.place = place
        self.options = options
        self.words = place.control.words
        self.doorbell = place.open_doorbell() if doorbell is None else doorbell
        self.producer: Producer | Orphan | None = None
        self.ring: RingFile | None = None
        self.filled: list[RingFile] = []
        self.largest_inline = 0
        self._look_at = 0.0
        self._cut_short = cut_short.News()
        self.orphaned = False
        self.published = 0
        """Records in rings that this process has left."""
        self.dropped = 0
        """Records dropped while it had those."""
        self.pid = process.pid()
        owner, interpreter = place.control.identity, place.control.interpreter
        self.is_owner = owner.pid == self.pid and owner == myself() and interpreter == process.interpreter()
        """Whether this interpreter of this process has made the session. Pids are the same in several namespaces."""
        self._patience = Patience(self)
        self.membership = Membership(self, adopter, lookout)

    def inherit(self) -> Link:
        """The link of a forked child to the same session: same mappings, nothing of the parent's ring.

        A log call that forked, in a value's `__str__` say, goes on with this link in the child, too: it is led to the
        new one.
        """
        membership = self.membership
        made = Link(self.place, membership.adopter, self.doorbell, self.options, membership.lookout)
        membership.abandon()
        membership.give_way(made.membership)
        self.producer, self.ring, self.largest_inline, self.orphaned = Led(made), None, sys.maxsize, True
        return made

    def abandon(self) -> None:
        """In a forked child: the rings are the parent's. What uses them goes on until it has come to its end."""
        self.membership.abandon()

    @property
    def rings(self) -> list[RingFile]:
        """All that it has: the filled ones, of which something may be unread, then the one in use."""
        ring = self.ring
        return [*self.filled, *([] if ring is None else [ring])]

    @property
    def orphan(self) -> Orphan | None:
        """What stands in the producer's place, if anything does."""
        producer = self.producer
        return None if isinstance(producer, Producer | None) else producer

    def push(
        self, wall: float, route: int, level: int, body: bytes, kind: int = LOG, shorten: Shorten | None = None
    ) -> bool:
        """Deliver one record to *route*. Returns False when it was dropped (and counted).

        After True the record survives the death of this process. Waits for room as the queue options say.

        Args:
            shorten: for a body that is too large for the ring where there is no room beside it either. Without it a
                body must be UTF-8 text, which is cut at its end.
        """
        producer = self.producer
        if producer is None or len(body) > self.largest_inline or not producer.push(wall, route, level, body, kind):
            return self._patience.push(wall, route, level, body, kind, shorten)
        # SYNC wake: pairs with Writer._sleep. The record is published; the mutex of the ring was released since.
        if self.words[WAKE] or wall > self._look_at:
            self.attend(wall)
        return True

    def emitter(self, route: int) -> Callable[[str, float, int], object]:
        """What `push` does for finished UTF-8 text of one route, in one call less; for the hot path.

        The returned function takes the text (which has no lone surrogates), the epoch second and the level number.
        """
        words, push = self.words, self.push

        def emit(text: str, wall: float, level: int) -> object:
            body = text.encode()
            producer = self.producer
            if producer is None or len(body) > self.largest_inline:
                return push(wall, route, level, body)
            if not producer.push(wall, route, level, body):
                return self._patience.push(wall, route, level, body, LOG, None)
            # SYNC wake: as in push.
            if words[WAKE] or wall > self._look_at:
                self.attend(wall)
            return True

        return emit

    def begin_early(self) -> None:
        """Make a ring now, for a process that may lose the right to, before its first record. Never raises."""
        self.membership.begin_early()

    def attend(self, wall: float) -> None:
        """The writer sleeps, or it is time to see whether it lives."""
        if self.orphaned and (orphan := self.orphan) is not None:
            # There is none, and what stands in the producer's place sees to what is left.
            self.largest_inline = orphan.largest_inline
            self._look_at = wall + LOOK_EVERY
            return
        wake = self.words[WAKE]
        if wake == STOPPED and self.place.has_stopped:
            self.membership.become_orphan()
            return
        if wake:
            self.doorbell.ring()
        if wall > self._look_at:
            self._look_at = wall + LOOK_EVERY
            self.tidy()
            if self._cut_short.has_come() and self._leaves_what_is_cut_short():
                self._cut_short.heed()
            if self.is_left():
                self.membership.become_orphan()
        elif self._look_at > wall + 10 * LOOK_EVERY:
            self._look_at = wall  # The clock was put back.

    def _leaves_what_is_cut_short(self) -> bool:
        """Go on without this ring, if somebody has cut it short; False when that has to be tried again."""
        ring, producer = self.ring, self.producer
        if ring is not None and isinstance(producer, Producer) and ring.is_cut_short:
            if not self.membership.leave(producer):
                return False
            cut_short.say_of_own(ring)
        return True

    def is_left(self) -> bool:
        """Whether the owner is proven dead. One that has just shown signs of life is not even asked after."""
        return self.place.control.silent_for() > QUIET and self.place.owner_is_gone

    def is_watched(self) -> bool:
        """Whether there is anything for the lookout here: an owner that may die, or records that it has left."""
        producer = self.producer
        return isinstance(producer, Producer) or not (producer is None or producer.has_caught_up)

    def needs_help(self) -> bool:
        """Whether it is time for `go_on_alone`. For the lookout."""
        if not isinstance(self.producer, Producer):
            return True
        # What an owner that ends in good order has not written by then, it leaves to us.
        return self._is_unread() if self.place.ended else self.is_left()

    def go_on_alone(self) -> None:
        """Do what a call would that finds the owner gone, where none comes. For the lookout, in its thread."""
        if isinstance(self.producer, Producer):
            self.membership.become_orphan()
        elif self.producer is not None:
            self.producer.catch_up()
        orphan = self.orphan
        if orphan is not None and orphan.has_caught_up:
            orphan.leave()

    def _is_unread(self) -> bool:
        return any(ring.is_unread() for ring in self.rings)

    def account(self) -> Account:
        """What has become of the records that this process has given to this link."""
        membership = self.membership
        with membership.steady():
            producer, ring = self.producer, self.ring
            # First what the owner says: no more than what is published by then.
            told = membership.told()
            published, dropped = self.published, self.dropped
            if isinstance(producer, Producer):
                published += membership.published_by(producer)
                if ring is not None:
                    dropped += dropped_of(ring)
            lost = Account(emitted=dropped, dropped=dropped)
            if producer is not None and not isinstance(producer, Producer):
                return lost + producer.account(published, told)
            return (lost + told.about(published)).with_rings(self.rings)

    @property
    def dropped_at(self) -> float | None:
        """When (`monotonic()`) a record was dropped last."""
        return self._patience.dropped_at

    def oldest(self) -> int | None:
        """The stamp of the oldest record of this process that is not with its sinks, in ns of the monotonic clock."""
        with self.membership.steady():
            if self.orphaned:
                return None
            rings = self.rings
        stamps = [ring.reader().oldest() for ring in rings]
        return min((stamp for stamp in stamps if stamp is not None), default=None)

    def spill(self, body: bytes, kind: int) -> tuple[bytes, int] | None:
        """Put a body that is too large for the ring beside it: what the ring gets instead; None where no room is."""
        return self._patience.spill(body, kind)

    def tidy(self) -> None:
        """Let go of what the owner has drained and removed. At any time, beside any call."""
        self.membership.tidy()

    def flush(self, limit: Limit) -> bool:
        """Wait until everything that this process published is in its sinks; False when the *limit* is over.

        A dead owner ends the wait: this process has then written its records itself.
        """
        now: tuple[Producer | Orphan | None, RingFile | None] | None
        now = self.membership.between(lambda: (self.producer, self.ring), refused=None)
        if now is None:
            return False
        producer, ring = now
        if producer is None:
            return True
        if not isinstance(producer, Producer):
            return producer.complete(limit)
        assert ring is not None
        # Rings that were filled before hold older records, and each round drains all rings: this one is the last.
        words, target = ring.words, producer.tail
        pause, seen = 0.0005, (-1, -1)
        # Reclaimed: another thread has gone on in a further ring, and this one is through.
        while words[FLUSHED] < target and not words[RECLAIMED]:
            if words[FLUSH_TARGET] < target:
                words[FLUSH_TARGET] = target  # In the loop: another thread may store its own, lower one over it.
            self.doorbell.ring()
            # Orphaned: another call has taken that ring over since, and nobody answers there any more.
            if self.orphaned or self.place.has_stopped or self.is_left():
                self.membership.become_orphan()
                orphan = self.orphan
                return orphan is None or orphan.complete(limit)
            progress = words[HEAD], Told().latest(ring).total
            if progress != seen:
                seen = progress
                limit.moved()
            if limit.is_over:
                return False
            time.sleep(pause)
            pause = min(pause * 2, 0.002)
        return True

    @property
    def is_on_its_own(self) -> bool:
        """Whether the owner is gone, and everything that was meant for it has been written by this process."""
        orphan = self.orphan
        return self.orphaned and orphan is not None and orphan.has_caught_up

    def reopen(self) -> None:
        """Open again the files that this process writes because the owner is gone; as FileSink.reopen."""
        orphan = self.orphan
        if orphan is not None:
            orphan.reopen()

    def close(self, limit: Limit | None = None) -> None:
        """Say that no record follows, so that the ring is reclaimed at once; here, where the owner is gone.

        Best effort: death does it, too.

        Args:
            limit: how long it may take; None: as long as sinks that take nothing are given.
        """
        self.membership.close(limit or Limit(STALLED))

    def end(self) -> None:
        """As `close`, of a way that nobody goes any more: give everything back."""
        if not self.orphaned:  # That one has been waited for when it was left.
            self.close()
        self.membership.end()
