"""A link: one process's way to the owner of a session. It makes the ring at the first record and publishes into it.

Handshakes: `push` with Drain.round (ring.py), with Writer._sleep (WAKE), with Host.finish (STOPPED), and with
Drain.answer_flushes (FLUSH_TARGET / FLUSHED). A process that logs nothing has lookout.py look at the owner.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable

from mplog._capture import process
from mplog._ring.clock import monotonic_ns
from mplog._ring.holding import holding
from mplog._ring.layout import (
    CLOSED,
    FLUSH_TARGET,
    FLUSHED,
    HEAD,
    LOG,
    RECLAIMED,
    REGISTERED,
    SAID,
    STATE,
    STOPPED,
    WAKE,
)
from mplog._ring.ring import Producer
from mplog._ring.ring_file import MINIMUM_CAPACITY, RingFile
from mplog._session import rings
from mplog._session.account import Account, Told, dropped_of, in_ring
from mplog._session.adoption import Adopter, Led, Orphan
from mplog._session.identity import myself
from mplog._session.lookout import Lookout
from mplog._session.patience import Patience
from mplog._session.place import Place
from mplog._session.queue_options import DEFAULTS, QueueOptions
from mplog._session.spills import LARGEST, Shorten
from mplog._sinks import report
from mplog._sinks.limit import STALLED, Limit
from mplog._writer.doorbell import Doorbell

LOOK_EVERY = 0.02
"""Seconds between two looks at the owner's heartbeat, at the next record after that."""

QUIET = 0.02
"""Seconds of silence of the owner's writer after which a look asks the kernel whether the process lives."""

SPARE = 2
"""Descriptors that a process keeps for its ring, so that its first record may be about having none left."""

EARLY_CAPACITY = 64 * 1024
"""Bytes of a ring that is made in case this process may make none later."""


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
        self._lookout = lookout
        self.options = options
        self.words = place.control.words
        self._adopter = adopter
        self.doorbell = place.open_doorbell() if doorbell is None else doorbell
        self.producer: Producer | Orphan | None = None
        self.ring: RingFile | None = None
        self.filled: list[RingFile] = []
        self._spare = self.doorbell.copies(SPARE)
        self._early: RingFile | None = None
        """The ring of a process that perhaps may make none any more when it has its first record."""
        self._generation = int.from_bytes(os.urandom(4), "little") >> 1
        """Of the last ring. Not from 1 on: two processes, in two namespaces, may have the same pid and start."""
        self._mutex = threading.RLock()
        """Held while this process begins a ring, changes to another one, or goes on without an owner."""
        # A call that interrupts such a change in its own thread goes through with what it needs; the interrupted one
        # sees it before it stores anything. So everything is prepared first, and stored where no signal handler runs.
        self.largest_inline = 0
        self._look_at = 0.0
        self.orphaned = False
        self.published = 0
        """Records in rings that this process has left."""
        self.dropped = 0
        """Records dropped while it had those."""
        self._told = Told()
        self._patience = Patience(self)
        self.pid = process.pid()
        owner, interpreter = place.control.identity, place.control.interpreter
        self.is_owner = owner.pid == self.pid and owner == myself() and interpreter == process.interpreter()
        """Whether this interpreter of this process has made the session. Pids are the same in several namespaces."""

    def inherit(self) -> Link:
        """The link of a forked child to the same session: same mappings, nothing of the parent's ring.

        A log call that forked, in a value's `__str__` say, goes on with this link in the child, too: it is led to the
        new one.
        """
        made = Link(self.place, self._adopter, self.doorbell, self.options, self._lookout)
        self.abandon()
        self._mutex = made._mutex
        self.producer, self.ring, self.largest_inline, self.orphaned = Led(made), None, sys.maxsize, True
        self._early = None
        return made

    def abandon(self) -> None:
        """In a forked child: the rings are the parent's. What uses them goes on until it has come to its end."""
        for ring in (self.ring, self._early, *self.filled):
            if ring is not None:
                ring.forget()
        self.doorbell.close_copies(self._spare)

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

    def begin(self) -> Producer | Orphan:
        """What this process publishes into by now: a ring that it makes here, where it has none that takes anything."""
        with self._mutex:
            if not self._can_publish():
                if not self._is_unserved():
                    self._open_ring()
                # SYNC link -> recover, finish: whoever looks for rings to decide that the session may go has found
                # this one, or the owner was gone by now.
                if self._is_unserved():
                    self._adopt()
            assert self.producer is not None
            return self.producer

    def _can_publish(self) -> bool:
        producer = self.producer
        return producer is not None and not (isinstance(producer, Producer) and producer.is_sealed)

    def _is_unserved(self) -> bool:
        """Whether the owner has stopped, or is proven dead."""
        return self.place.has_stopped or self.place.owner_is_gone

    def _open_ring(self) -> None:
        """Make a ring and register it, or go on without one where there is no room."""
        self.doorbell.close_copies(self._spare)
        instead_of = self.producer
        early = self._early
        try:
            ring = self._make_ring(self.options().ring_size)
        except OSError as error:
            if self.producer is not instead_of:
                return  # A call that has interrupted this one had more luck.
            if early is not None:
                self._use_early(early, instead_of)
                return
            if not self._is_unserved():  # Else it has just been removed.
                report.once(
                    "no ring",
                    f"no room for a ring of {MINIMUM_CAPACITY} bytes in {self.place.ring_directories}, or no right to "
                    f"make one ({error}). Process {self.pid} writes its files by itself; free some space or set "
                    "MPLOG_RUNTIME_DIR.",
                )
            self._adopt()
            return
        self._use(ring, instead_of)
        self._give_up_early()

    def _use_early(self, early: RingFile, instead_of: Producer | Orphan | None) -> None:
        """Go on in the ring that was made in time. No further one can be made, nor a file beside it: all is in this."""
        if self._early is not early:
            return  # A call that has interrupted this one uses it.
        try:
            self._early = None
            room = self._room()
            allowed = early.free_bytes() // rings.SHARE
            while room > early.capacity and room > allowed:
                room //= 2
            early.begin(process.name(), room)
            self._use(early, instead_of)
        except BaseException:
            if self.ring is not early:
                self._early = early  # For the next call: there may never be another one.
            raise

    def _room(self) -> int:
        """Bytes of the only ring that a process can have: as many as all that it might have had otherwise."""
        options = self.options()
        rings_ = 1 + options.further_rings if options.overflow == "grow" else 1
        return 1 << int((options.ring_size * rings_).bit_length() - 1)

    def begin_early(self) -> None:
        """Make a ring now, for a process that may lose the right to, before its first record. Never raises."""
        if self.producer is None and self._early is None and not self.place.has_stopped:
            with contextlib.suppress(OSError):
                self._early = self._make_ring(EARLY_CAPACITY, self._room())

    def _make_ring(self, capacity: int, room: int = 0) -> RingFile:
        """A ring of this process in the first directory with room.

        Raises:
            OSError: nowhere is room for the smallest one, or no right to make one that the owner finds.
        """
        who, name = myself(), process.name()
        directories = self.place.make_ring_directories()
        while True:
            try:
                self._generation += 1
                return rings.create(directories, self._generation, who, self.place.id, name, capacity, room=room)
            except FileExistsError:  # This process had it before an exec.
                continue

    def _use(self, ring: RingFile, instead_of: Producer | Orphan | None) -> None:
        """Publish into *ring* from now on, *instead_of* what this process had, unless that has changed meanwhile.

        The owner lists the rings whenever the bell rings.
        """
        if not ring.path.startswith(self.place.path) and not self.words[SAID]:
            self.words[SAID] = 1
            report.once(
                "ring elsewhere",
                f"{self.place.path} has no room for another ring; process {self.pid} and those after it "
                f"use {os.path.dirname(ring.path)}.",
            )
        producer, old = ring.producer(self.options().reserve), self.ring
        inline = min(ring.capacity // 4, LARGEST)  # Nobody reads more of one record.
        filled = [*self.filled, *([] if old is None else [old])]
        # SYNC register -> step: the file is there under its name before the number changes.
        published, dropped = self._sealed(instead_of)
        # No call from here to the last store: a call that interrupts this one has changed everything, or nothing.
        if self.producer is instead_of:
            self.filled, self.published, self.dropped = filled, published, dropped
            self.ring, self.largest_inline, self.producer = ring, inline, producer
        else:
            self._give_up(ring)
            return
        self.words[REGISTERED] = monotonic_ns() ^ self.pid << 40
        self.doorbell.ring()
        if old is not None:
            old.words[STATE] = CLOSED
        if self._lookout is not None and not self.is_owner:
            self._lookout.watch(self)

    def _sealed(self, producer: Producer | Orphan | None) -> tuple[int, int]:
        """Publish no more in its ring. `published` and `dropped` as they are to be when that ring is left."""
        if not isinstance(producer, Producer):
            return self.published, self.dropped
        producer.seal()
        dropped = 0 if self.ring is None else dropped_of(self.ring)
        return self.published + self._published_by(producer), self.dropped + dropped

    def attend(self, wall: float) -> None:
        """The writer sleeps, or it is time to see whether it lives."""
        wake = self.words[WAKE]
        if wake == STOPPED and self.place.has_stopped:
            self.become_orphan()
            return
        if wake:
            self.doorbell.ring()
        if wall > self._look_at:
            self._look_at = wall + LOOK_EVERY
            self.tidy()
            if self.is_left():
                self.become_orphan()
        elif self._look_at > wall + 10 * LOOK_EVERY:
            self._look_at = wall  # The clock was put back.

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
            self.become_orphan()
        elif self.producer is not None:
            self.producer.catch_up()
        orphan = self.producer
        if orphan is not None and not isinstance(orphan, Producer) and orphan.has_caught_up:
            orphan.leave()

    def _is_unread(self) -> bool:
        return any(ring is not None and ring.is_unread() for ring in (*self.filled, self.ring))

    def become_orphan(self) -> None:
        """The owner is gone: write what our rings still hold, then go on in this process."""
        if self._is_interrupted():
            return  # We interrupt a push of this thread, which comes here by itself.
        with self._mutex:
            self._adopt()

    def _adopt(self) -> None:
        """As `become_orphan`, with the mutex held.

        Whatever is raised in between leaves the ring as it was, or sealed, or the orphan in its place with older
        records still to be written: each is taken up by the next call.
        """
        if not self.orphaned:
            self.doorbell.close_copies(self._spare)
            self._let_go_of_drained()
            early = self._early
            if early is not None and early.is_named and self.producer is None:
                self._use_early(early, None)  # Perhaps the only place where somebody finds what comes now.
            producer = self.producer
            # Sealed first: a record that another thread publishes after the last look at the ring would be lost.
            published, dropped = self._sealed(producer)
            orphan = self._adopter(self)
            inline = orphan.largest_inline
            # No call from here to the last store: as in _use.
            if self.producer is producer:
                self.published, self.dropped, self.orphaned = published, dropped, True
                self.largest_inline, self.producer = inline, orphan
        self._give_up_early()
        now = self.producer
        if now is not None and not isinstance(now, Producer):
            now.catch_up()
            self.largest_inline = now.largest_inline

    def _told_so_far(self) -> Told:
        """What the owner has said by now about this process."""
        for ring in (*self.filled, self.ring):
            if ring is not None:
                self._told = self._told.latest(ring)
        return self._told

    def _is_interrupted(self) -> bool:
        """Whether this thread is in a push, for whose end another one may wait that has the mutex."""
        producer = self.producer
        return isinstance(producer, Producer) and producer.interrupted

    def _wait(self) -> float:
        """Seconds to wait for the mutex: none where whoever has it may wait for the end of a push of this thread."""
        return 0 if self._is_interrupted() else -1

    def steady(self) -> contextlib.AbstractContextManager[object]:
        """While held no other thread changes to another ring; nothing where this thread must not wait for others."""
        return contextlib.nullcontext() if self._is_interrupted() else self._mutex

    def _published_by(self, producer: Producer) -> int:
        return in_ring(producer.count, max(0, self._told_so_far().total - self.published))

    def account(self) -> Account:
        """What has become of the records that this process has given to this link."""
        with self.steady():
            producer, ring = self.producer, self.ring
            # First what the owner says: no more than what is published by then.
            told = self._told_so_far()
            published, dropped = self.published, self.dropped
            if isinstance(producer, Producer):
                published += self._published_by(producer)
                if ring is not None:
                    dropped += dropped_of(ring)
            lost = Account(emitted=dropped, dropped=dropped)
            if producer is not None and not isinstance(producer, Producer):
                return lost + producer.account(published, told)
            rings = [file for file in (*self.filled, ring) if file is not None]
            return (lost + told.about(published)).with_rings(rings)

    @property
    def dropped_at(self) -> float | None:
        """When (`monotonic()`) a record was dropped last."""
        return self._patience.dropped_at

    def oldest(self) -> int | None:
        """The stamp of the oldest record of this process that is not with its sinks, in ns of the monotonic clock."""
        with self.steady():
            if self.orphaned:
                return None
            rings = [ring for ring in (*self.filled, self.ring) if ring is not None]
        stamps = [ring.reader().oldest() for ring in rings]
        return min((stamp for stamp in stamps if stamp is not None), default=None)

    def next_ring(self, full: Producer | Orphan, further: int) -> bool:
        """Go on in a further ring file; False when this process has *further* undrained ones already."""
        return holding(self._mutex, lambda: self._go_on(full, further), False, self._wait())

    def _go_on(self, full: Producer | Orphan, further: int) -> bool:
        if self.producer is not full:
            return True  # Another call was first.
        self._let_go_of_drained()
        undrained = sum(ring.is_unread() for ring in self.filled)
        if undrained >= further or self.ring is None:
            return False
        try:
            ring = self._make_ring(self.options().ring_size)
        except OSError:
            return False
        self._use(ring, full)
        self._patience.stalled_at = None
        if self._is_unserved():  # As in begin.
            self.become_orphan()
        return True

    def spill(self, body: bytes, kind: int) -> tuple[bytes, int] | None:
        """Put a body that is too large for the ring beside it: what the ring gets instead; None where no room is."""
        return self._patience.spill(body, kind)

    def _let_go_of_drained(self) -> None:
        """Keep no descriptor of rings that the owner has drained, and nothing of those that it has removed."""
        filled, left, told = self.filled, [], self._told
        for ring in filled:
            if not ring.is_unread():
                ring.rest()
                if not os.path.exists(ring.path):
                    told = told.latest(ring)
                    continue
            left.append(ring)
        if self.filled is filled:  # Else a call that has interrupted this one has changed it.
            self.filled, self._told = left, told

    def tidy(self) -> None:
        """`_let_go_of_drained`, unless something else is just going on. For calls, which may interrupt anything, and
        for the lookout where none comes."""
        if self.filled and not self.orphaned:
            holding(self._mutex, self._let_go_of_drained, None, 0)

    def flush(self, limit: Limit) -> bool:
        """Wait until everything that this process published is in its sinks; False when the *limit* is over.

        A dead owner ends the wait: this process has then written its records itself.
        """
        now: tuple[Producer | Orphan | None, RingFile | None] | None
        now = holding(self._mutex, lambda: (self.producer, self.ring), None, self._wait())
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
                self.become_orphan()
                producer = self.producer
                return isinstance(producer, Producer | None) or producer.complete(limit)
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
        producer = self.producer
        return self.orphaned and not isinstance(producer, Producer | None) and producer.has_caught_up

    def reopen(self) -> None:
        """Open again the files that this process writes because the owner is gone; as FileSink.reopen."""
        producer = self.producer
        if producer is not None and not isinstance(producer, Producer):
            producer.reopen()

    def close(self, limit: Limit | None = None) -> None:
        """Say that no record follows, so that the ring is reclaimed at once; here, where the owner is gone.

        Best effort: death does it, too.

        Args:
            limit: how long it may take; None: as long as sinks that take nothing are given.
        """
        limit = limit or Limit(STALLED)
        if self._is_interrupted():
            return
        with self._mutex:
            if self._early is not None:
                self._give_up_early()
                if self.producer is None and not self.orphaned and not self.place.is_served:
                    self._adopt()  # Nobody else may be left to remove the session.
            producer, ring = self.producer, self.ring
            if producer is not None and not isinstance(producer, Producer):
                producer.complete(limit)
            self.doorbell.close_copies(self._spare)
            if ring is None or self.orphaned or not isinstance(producer, Producer):
                return
            published, dropped = self._sealed(producer)
            # SYNC close -> finish: an owner that ends now sees CLOSED, or it has stored STOPPED before.
            ring.words[STATE] = CLOSED
            if self._is_unserved():
                self._adopt()
                orphan = self.producer
                if not isinstance(orphan, Producer | None):
                    orphan.complete(limit)
                return
            filled = [*self.filled, ring]
            # No call from here to the last store: as in _use.
            if self.producer is producer:
                self.published, self.dropped, self.filled = published, dropped, filled
                self.producer = self.ring = None
            ring.rest()
            self.doorbell.ring()

    def _give_up_early(self) -> None:
        early, self._early = self._early, None
        if early is not None:
            self._give_up(early)

    def end(self) -> None:
        """As `close`, of a way that nobody goes any more: give everything back."""
        if not self.orphaned:  # That one has been waited for when it was left.
            self.close()
        self.doorbell.close()
        with self._mutex:
            for ring in (*self.filled, self.ring):
                if ring is not None:
                    self._told = self._told.latest(ring)
                    ring.rest()
            self.filled, self.ring = [], None

    @staticmethod
    def _give_up(ring: RingFile) -> None:
        """Another ring serves, or none was needed."""
        ring.words[STATE] = CLOSED
        with contextlib.suppress(OSError):
            rings.remove(ring.path)
        ring.close()
