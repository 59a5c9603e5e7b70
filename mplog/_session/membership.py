"""Membership: what one process publishes into in a session, and each change of that.

It makes a ring at the first record, goes on in a further one, takes its own over when the owner is gone, and leaves.
Here a link (link.py) changes; publishing and looking are the link's own.

Each change is prepared first and stored last, where no signal handler runs: a call that interrupts it in its own thread
goes through with what it needs, and the interrupted one sees that before it stores anything.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from mplog._capture import process
from mplog._ring import descriptor
from mplog._ring.clock import monotonic_ns
from mplog._ring.holding import holding
from mplog._ring.layout import CLOSED, REGISTERED, SAID, STATE
from mplog._ring.ring import Producer
from mplog._ring.ring_file import MINIMUM_CAPACITY, RingFile
from mplog._session import rings
from mplog._session.account import Told, dropped_of, in_ring
from mplog._session.adoption import Adopter, Orphan
from mplog._session.identity import myself
from mplog._session.lookout import Lookout
from mplog._session.spills import LARGEST
from mplog._sinks import report
from mplog._sinks.limit import Limit

if TYPE_CHECKING:
    from mplog._session.link import Link

SPARE = 2
"""Descriptors that a process keeps for its ring, so that its first record may be about having none left."""

EARLY_CAPACITY = 64 * 1024
"""Bytes of a ring that is made in case this process may make none later."""

Result = TypeVar("Result")


class Membership:
    """The part of one link that changes what it publishes into. Safe from any thread, signal handler and `__del__`."""

    def __init__(self, link: Link, adopter: Adopter, lookout: Lookout | None) -> None:
        self._link = link
        self.adopter = adopter
        self.lookout = lookout
        self._spare = link.doorbell.copies(SPARE)
        self._early: RingFile | None = None
        """The ring of a process that perhaps may make none any more when it has its first record."""
        self._generation = int.from_bytes(os.urandom(4), "little") >> 1
        """Of the last ring. Not from 1 on: two processes, in two namespaces, may have the same pid and start."""
        self._mutex = threading.RLock()
        """Held while this process begins a ring, changes to another one, or goes on without an owner."""
        self._told = Told()

    def abandon(self) -> None:
        """In a forked child: the rings are the parent's. What uses them goes on until it has come to its end."""
        link = self._link
        for ring in (link.ring, self._early, *link.filled):
            if ring is not None:
                ring.forget()
        link.doorbell.close_copies(self._spare)

    def give_way(self, other: Membership) -> None:
        """In a forked child, after `abandon`: *other* is its own, and what still comes here must not wait elsewhere."""
        self._mutex = other._mutex
        self._early = None

    @property
    def is_interrupted(self) -> bool:
        """Whether this thread is in a push, for whose end another one may wait that is at a change."""
        producer = self._link.producer
        return isinstance(producer, Producer) and producer.interrupted

    def steady(self) -> contextlib.AbstractContextManager[object]:
        """While held no other thread changes anything; nothing where this thread must not wait for others."""
        return contextlib.nullcontext() if self.is_interrupted else self._mutex

    def between(self, action: Callable[[], Result], refused: Result) -> Result:
        """Do *action* while no other thread changes anything; *refused* where one does and must not be waited for."""
        return holding(self._mutex, action, refused, 0 if self.is_interrupted else -1)

    def begin(self) -> Producer | Orphan:
        """What this process publishes into by now: a ring that it makes here, where it has none that takes anything."""
        link = self._link
        with self._mutex:
            if not self._can_publish():
                if not self._is_unserved():
                    self._open_ring()
                # SYNC link -> recover, finish: whoever looks for rings to decide that the session may go has found
                # this one, or the owner was gone by now.
                if self._is_unserved():
                    self._adopt()
            assert link.producer is not None
            return link.producer

    def _can_publish(self) -> bool:
        producer = self._link.producer
        return producer is not None and not (isinstance(producer, Producer) and producer.is_sealed)

    def _is_unserved(self) -> bool:
        """Whether the owner has stopped, or is proven dead."""
        place = self._link.place
        return place.has_stopped or place.owner_is_gone

    def _open_ring(self) -> None:
        """Make a ring and register it, or go on without one where there is no room."""
        link = self._link
        link.doorbell.close_copies(self._spare)
        instead_of = link.producer
        early = self._early
        try:
            ring = self._make_ring(link.options().ring_size)
        except OSError as error:
            if link.producer is not instead_of:
                return  # A call that has interrupted this one had more luck.
            if early is not None:
                self._use_early(early, instead_of)
                return
            if not self._is_unserved():  # Else it has just been removed.
                report.once(
                    "no ring",
                    f"no room for a ring of {MINIMUM_CAPACITY} bytes in {link.place.ring_directories}, or no right to "
                    f"make one ({error}). Process {link.pid} writes its files by itself; free some space or set "
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
            if self._link.ring is not early:
                self._early = early  # For the next call: there may never be another one.
            raise

    def _room(self) -> int:
        """Bytes of the only ring that a process can have: as many as all that it might have had otherwise."""
        options = self._link.options()
        rings_ = 1 + options.further_rings if options.overflow == "grow" else 1
        return 1 << int((options.ring_size * rings_).bit_length() - 1)

    def begin_early(self) -> None:
        """Make a ring now, for a process that may lose the right to, before its first record. Never raises."""
        link = self._link
        if link.producer is None and self._early is None and not link.place.has_stopped:
            with contextlib.suppress(OSError):
                self._early = self._make_ring(EARLY_CAPACITY, self._room())

    def _make_ring(self, capacity: int, room: int = 0) -> RingFile:
        """A ring of this process in the first directory with room.

        Raises:
            OSError: nowhere is room for the smallest one, or no right to make one that the owner finds.
        """
        who, name, place = myself(), process.name(), self._link.place
        directories = place.make_ring_directories()
        while True:
            try:
                self._generation += 1
                return rings.create(directories, self._generation, who, place.id, name, capacity, room=room)
            except FileExistsError:  # This process had it before an exec.
                continue

    def _use(self, ring: RingFile, instead_of: Producer | Orphan | None) -> None:
        """Publish into *ring* from now on, *instead_of* what this process had, unless that has changed meanwhile.

        The owner lists the rings whenever the bell rings.
        """
        link = self._link
        if not ring.path.startswith(link.place.path) and not link.words[SAID]:
            link.words[SAID] = 1
            report.once(
                "ring elsewhere",
                f"{link.place.path} has no room for another ring; process {link.pid} and those after it "
                f"use {os.path.dirname(ring.path)}.",
            )
        producer, old = ring.producer(link.options().reserve), link.ring
        inline = min(ring.capacity // 4, LARGEST)  # Nobody reads more of one record.
        filled = link.rings
        # SYNC register -> step: the file is there under its name before the number changes.
        published, dropped = self._sealed(instead_of)
        # No call from here to the last store: a call that interrupts this one has changed everything, or nothing.
        if link.producer is instead_of:
            link.filled, link.published, link.dropped = filled, published, dropped
            link.ring, link.largest_inline, link.producer = ring, inline, producer
        else:
            self._give_up(ring)
            return
        link.words[REGISTERED] = monotonic_ns() ^ link.pid << 40
        link.doorbell.ring()
        if old is not None:
            old.words[STATE] = CLOSED
        if self.lookout is not None and not link.is_owner:
            self.lookout.watch(link)

    def _sealed(self, producer: Producer | Orphan | None) -> tuple[int, int]:
        """Publish no more in its ring. `published` and `dropped` as they are to be when that ring is left."""
        link = self._link
        if not isinstance(producer, Producer):
            return link.published, link.dropped
        producer.seal()
        dropped = 0 if link.ring is None else dropped_of(link.ring)
        return link.published + self.published_by(producer), link.dropped + dropped

    def published_by(self, producer: Producer) -> int:
        """How many records are in the ring of *producer*, or were."""
        return in_ring(producer.count, max(0, self.told().total - self._link.published))

    def told(self) -> Told:
        """What the owner has said by now about this process."""
        for ring in self._link.rings:
            self._told = self._told.latest(ring)
        return self._told

    def next_ring(self, full: Producer | Orphan, further: int) -> bool:
        """Go on in a further ring file; False when this process has *further* undrained ones already."""
        return self.between(lambda: self._go_on(full, further), refused=False)

    def _go_on(self, full: Producer | Orphan, further: int) -> bool:
        link = self._link
        if link.producer is not full:
            return True  # Another call was first.
        self._let_go_of_drained()
        undrained = sum(ring.is_unread() for ring in link.filled)
        if undrained >= further or link.ring is None:
            return False
        try:
            self._use_further(full)
        except OSError:
            return False
        return True

    def _use_further(self, instead_of: Producer | Orphan) -> None:
        """Publish into another ring than that of *instead_of*. Raises OSError where none can be made."""
        self._use(self._make_ring(self._link.options().ring_size), instead_of)
        if self._is_unserved():  # As in begin.
            self.become_orphan()

    def leave(self, producer: Producer) -> bool:
        """Publish nothing more by *producer*, but in another ring or, where none can be made, without one; False when
        that has to be tried again."""
        return self.between(lambda: self._leave(producer), refused=False)

    def _leave(self, producer: Producer) -> bool:
        if self._link.producer is not producer:
            return True  # Another call was first.
        try:
            self._use_further(producer)
        except OSError as error:
            if descriptor.is_none_left(error):
                return False  # It comes back; no file could be opened now either.
            self._adopt()
        return True

    def _let_go_of_drained(self) -> None:
        """Keep no descriptor of rings that the owner has drained, and nothing of those that it has removed."""
        link = self._link
        filled, left, told = link.filled, [], self._told
        for ring in filled:
            if not ring.is_unread():
                ring.rest()
                if not os.path.exists(ring.path):
                    told = told.latest(ring)
                    continue
            left.append(ring)
        if link.filled is filled:  # Else a call that has interrupted this one has changed it.
            link.filled, self._told = left, told

    def tidy(self) -> None:
        """`_let_go_of_drained`, unless something else is just going on. For calls, which may interrupt anything, and
        for the lookout where none comes."""
        if self._link.filled and not self._link.orphaned:
            holding(self._mutex, self._let_go_of_drained, None, 0)

    def become_orphan(self) -> None:
        """The owner is gone: write what our rings still hold, then go on in this process."""
        if self.is_interrupted:
            return  # We interrupt a push of this thread, which comes here by itself.
        with self._mutex:
            self._adopt()

    def _adopt(self) -> None:
        """As `become_orphan`, with the mutex held.

        Whatever is raised in between leaves the ring as it was, or sealed, or the orphan in its place with older
        records still to be written: each is taken up by the next call.
        """
        link = self._link
        if not link.orphaned:
            link.doorbell.close_copies(self._spare)
            self._let_go_of_drained()
            early = self._early
            if early is not None and early.is_named and link.producer is None:
                self._use_early(early, None)  # Perhaps the only place where somebody finds what comes now.
            producer = link.producer
            # Sealed first: a record that another thread publishes after the last look at the ring would be lost.
            published, dropped = self._sealed(producer)
            orphan = self.adopter(link)
            inline = orphan.largest_inline
            # No call from here to the last store: as in _use.
            if link.producer is producer:
                link.published, link.dropped, link.orphaned = published, dropped, True
                link.largest_inline, link.producer = inline, orphan
        self._give_up_early()
        now = link.orphan
        if now is not None:
            now.catch_up()
            link.largest_inline = now.largest_inline

    def close(self, limit: Limit) -> None:
        """As `Link.close`."""
        link = self._link
        if self.is_interrupted:
            return
        with self._mutex:
            if self._early is not None:
                self._give_up_early()
                if link.producer is None and not link.orphaned and not link.place.is_served:
                    self._adopt()  # Nobody else may be left to remove the session.
            orphan = link.orphan
            if orphan is not None:
                orphan.complete(limit)
            producer, ring = link.producer, link.ring
            link.doorbell.close_copies(self._spare)
            if ring is None or link.orphaned or not isinstance(producer, Producer):
                return
            published, dropped = self._sealed(producer)
            # SYNC close -> finish: an owner that ends now sees CLOSED, or it has stored STOPPED before.
            ring.words[STATE] = CLOSED
            if self._is_unserved():
                self._adopt()
                orphan = link.orphan
                if orphan is not None:
                    orphan.complete(limit)
                return
            filled = link.rings
            # No call from here to the last store: as in _use.
            if link.producer is producer:
                link.published, link.dropped, link.filled = published, dropped, filled
                link.producer = link.ring = None
            ring.rest()
            link.doorbell.ring()

    def end(self) -> None:
        """Of a way that nobody goes any more: give everything back, after `close`."""
        link = self._link
        link.doorbell.close()
        with self._mutex:
            for ring in link.rings:
                self._told = self._told.latest(ring)
                ring.rest()
            link.filled, link.ring = [], None

    def _give_up_early(self) -> None:
        early, self._early = self._early, None
        if early is not None:
            self._give_up(early)

    @staticmethod
    def _give_up(ring: RingFile) -> None:
        """Another ring serves, or none was needed."""
        ring.words[STATE] = CLOSED
        with contextlib.suppress(OSError):
            rings.remove(ring.path)
        ring.close()
