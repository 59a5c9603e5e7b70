"""A link: one process's way to the owner of a session. It makes the ring at the first record and publishes into it.

Handshakes: `push` with Drain.round (ring.py), with Writer._sleep (WAKE), with Host.finish (STOPPED), and with
Drain.answer_flushes (FLUSH_TARGET / FLUSHED).
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from mplog._capture import process
from mplog._ring import descriptor, drops
from mplog._ring.clock import monotonic, monotonic_ns
from mplog._ring.layout import (
    BLOCKED_NS,
    CLOSED,
    DATA_RECORD,
    FLUSH_TARGET,
    FLUSHED,
    HEAD,
    KIND_SPILLED_DATA,
    LOG,
    RECLAIMED,
    REGISTERED,
    SAID,
    SPILL,
    SPILLED,
    STATE,
    STOPPED,
    TAIL,
    WAKE,
)
from mplog._ring.ring import Producer
from mplog._ring.ring_file import MINIMUM_CAPACITY, RingFile
from mplog._session import rings
from mplog._session.account import Account, Told, dropped_of, in_ring
from mplog._session.directory import private
from mplog._session.identity import myself
from mplog._session.place import SILENCE, Place
from mplog._session.queue_options import DEFAULTS, QueueOptions
from mplog._sinks import report
from mplog._writer.doorbell import Doorbell

LOOK_EVERY = 0.25
"""Seconds between two looks at the owner's heartbeat, at the next record after that."""

LIFE_EVERY = 0.1
"""Seconds between two looks at the owner's life while calls find no room."""

SPILL_BOUND = 32 * 1024 * 1024
"""Bytes of too large records that may lie beside the rings of one process and wait for the owner."""

SPARE = 3
"""Descriptors that a process keeps for its ring, so that its first record may be about having none left."""

EARLY_CAPACITY = 64 * 1024
"""Bytes of a ring that is made in case this process may make none later."""

LARGEST = 16 * 1024 * 1024
"""Bytes of the largest record; a longer one is cut, with a mark."""


Shorten = Callable[[int], bytes]
"""Makes the body of one record again, of at most so many bytes, so that its sink still gets what it is for."""


class Orphan(Protocol):
    """What takes the producer's place when the owner is gone: it writes in this process."""

    def push(self, wall: float, route: int, level: int, body: bytes, kind: int = LOG) -> bool:
        """Deliver one record here."""

    def complete(self) -> None:
        """Wait for what is in progress."""

    def reopen(self) -> None:
        """Open its files again."""

    def account(self, published: int, told: Told) -> Account:
        """What has become of what was *published* before, of which the owner has *told*, and of all since."""

    @property
    def has_caught_up(self) -> bool:
        """Whether nothing older is left in the rings of this process."""


class Adopter(Protocol):
    """Makes the orphan of a link, after writing what its rings still hold. See orphan.py."""

    def __call__(self, link: Link) -> Orphan: ...


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
    ) -> None:
        """*options* gives the queue options as they are when it is called."""
        self.place = place
        self._options = options
        self.words = place.control.words
        self._adopter = adopter
        self._doorbell = place.open_doorbell() if doorbell is None else doorbell
        self._producer: Producer | Orphan | None = None
        self.ring: RingFile | None = None
        self.filled: list[RingFile] = []
        self._spare = self._doorbell.copies(SPARE)
        self._early: RingFile | None = None
        """The ring of a process that perhaps may make none any more when it has its first record."""
        self._generation = 0
        self._mutex = threading.RLock()
        """Held while this process begins a ring, changes to another one, or goes on without an owner."""
        self._changing: Callable[[], bool] = self._mutex._is_owned  # type: ignore[attr-defined]  # as Condition does
        self._parked: deque[tuple[Any, ...]] = deque()
        """What was logged by calls that interrupted such a change in its own thread; it is pushed at its end."""
        self._largest_inline = 0
        self._spilled: deque[tuple[str, int]] = deque()
        """Paths and sizes of too large records that may still wait beside the rings."""
        self._look_at = 0.0
        self._life_at = 0.0
        """When (`monotonic()`) calls that find no room look at the owner's life again."""
        self.orphaned = False
        self._stalled_at: int | None = None
        """The head of our ring when a call had waited for it in vain; until it moves no other call waits again."""
        self.published = 0
        """Records in rings that this process has left."""
        self.dropped = 0
        """Records dropped while it had those."""
        self.dropped_at: float | None = None
        """When (`monotonic()`) a record was dropped last."""
        self._told = Told()
        self._uncounted: deque[tuple[int, int]] = deque()
        self._counting = False
        self.pid = process.pid()

    def inherit(self) -> Link:
        """The link of a forked child to the same session: same mappings, nothing of the parent's ring.

        A log call that forked, in a value's `__str__` say, goes on with this link in the child, too: it is led to the
        new one.
        """
        made = Link(self.place, self._adopter, self._doorbell, self._options)
        for ring in (self.ring, self._early, *self.filled):
            if ring is not None:
                ring.forget()
        self._doorbell.close_copies(self._spare)
        self._mutex, self._parked = made._mutex, deque()
        self._changing = made._changing
        self._producer, self.ring, self._largest_inline, self.orphaned = _Led(made), None, sys.maxsize, True
        return made

    def push(
        self, wall: float, route: int, level: int, body: bytes, kind: int = LOG, shorten: Shorten | None = None
    ) -> bool:
        """Deliver one record to *route*. Returns False when it was dropped (and counted).

        After True the record survives the death of this process. Waits for room as the queue options say.

        Args:
            shorten: for a body that is too large for the ring where there is no room beside it either. Without it a
                body must be UTF-8 text, which is cut at its end.
        """
        producer = self._producer
        if producer is None or len(body) > self._largest_inline or not producer.push(wall, route, level, body, kind):
            return self._push_with_patience(wall, route, level, body, kind, shorten)
        # SYNC wake: pairs with Writer._sleep. The record is published; the mutex of the ring was released since.
        if self.words[WAKE] or wall > self._look_at:
            self._attend(wall)
        return True

    def emitter(self, route: int) -> Callable[[str, float, int], object]:
        """What `push` does for finished UTF-8 text of one route, in one call less; for the hot path.

        The returned function takes the text (which has no lone surrogates), the epoch second and the level number.
        """
        words, push = self.words, self.push

        def emit(text: str, wall: float, level: int) -> object:
            body = text.encode()
            producer = self._producer
            if producer is None or len(body) > self._largest_inline:
                return push(wall, route, level, body)
            if not producer.push(wall, route, level, body):
                return self._push_with_patience(wall, route, level, body, LOG, None)
            # SYNC wake: as in push.
            if words[WAKE] or wall > self._look_at:
                self._attend(wall)
            return True

        return emit

    @contextlib.contextmanager
    def _change(self) -> Iterator[None]:
        """Hold the mutex, and push afterwards what was parked meanwhile."""
        with self._mutex:
            yield
        while self._parked and not self._changing():
            try:
                item = self._parked.popleft()
            except IndexError:  # Another call was first.
                return
            self.push(*item)

    def _begin(self) -> Producer | Orphan:
        with self._change():
            if self._producer is None:
                if not self._is_unserved():
                    self._open_ring()
                # SYNC link -> recover, finish: whoever looks for rings to decide that the session may go has found
                # this one, or the owner was gone by now.
                if self._is_unserved():
                    self._adopt()
            assert self._producer is not None
            return self._producer

    def _is_unserved(self) -> bool:
        """Whether the owner has stopped, or is proven dead."""
        return bool(self.words[WAKE] == STOPPED) or self.place.owner_is_gone

    def _open_ring(self) -> None:
        """Make a ring and register it, or go on without one where there is no room."""
        self._doorbell.close_copies(self._spare)
        early, self._early = self._early, None
        try:
            ring = self._make_ring(self._options().ring_size)
        except OSError as error:
            if early is not None:
                early.begin(process.name())
                self._use(early)
                return
            if not self._is_unserved():  # Else it has just been removed.
                report.once(
                    "no ring",
                    f"no room for a ring of {MINIMUM_CAPACITY} bytes in {self.place.ring_directories} ({error}). "
                    f"Process {self.pid} writes its files by itself; free some space or set MPLOG_RUNTIME_DIR.",
                )
            self._adopt()
            return
        if early is not None:
            self._give_up(early)
        self._use(ring)

    def begin_early(self) -> None:
        """Make a ring now, for a process that may lose the right to, before its first record. Never raises."""
        if self._producer is None and self._early is None and self.words[WAKE] != STOPPED:
            with contextlib.suppress(OSError):
                self._early = self._make_ring(EARLY_CAPACITY, early=True)

    def _make_ring(self, capacity: int, *, early: bool = False) -> RingFile:
        """A ring of this process in the first directory with room.

        Raises:
            OSError: nowhere is room for the smallest one, or no right to make one.
        """
        who, name = myself(), process.name()
        directories = [path for path in self.place.ring_directories if self.place.make_ring_directory(path)]
        while True:
            try:
                self._generation += 1
                return rings.create(directories, self._generation, who, self.place.id, name, capacity, early=early)
            except FileExistsError:  # This process had it before an exec.
                continue

    def _use(self, ring: RingFile) -> None:
        """Publish into *ring* from now on. The owner lists the rings whenever the bell rings."""
        if not ring.path.startswith(self.place.path) and not self.words[SAID]:
            self.words[SAID] = 1
            report.once(
                "ring elsewhere",
                f"{self.place.path} has no room for another ring; process {self.pid} and those after it "
                f"use {os.path.dirname(ring.path)}.",
            )
        self.ring = ring
        self._largest_inline = ring.capacity // 4
        self._producer = ring.producer(self._options().reserve)
        # SYNC register -> step: the file is there under its name before the number changes.
        self.words[REGISTERED] = monotonic_ns() ^ self.pid << 40
        self._doorbell.ring()

    def _attend(self, wall: float) -> None:
        """The writer sleeps, or it is time to see whether it lives."""
        wake = self.words[WAKE]
        if wake == STOPPED:
            self._become_orphan()
            return
        if wake:
            self._doorbell.ring()
        if wall > self._look_at:
            self._look_at = wall + LOOK_EVERY
            if self.place.control.silent_for() > SILENCE and self.place.owner_is_gone:
                self._become_orphan()
        elif self._look_at > wall + 10 * LOOK_EVERY:
            self._look_at = wall  # The clock was put back.

    def _become_orphan(self) -> None:
        """The owner is gone: write what our rings still hold, then go on in this process."""
        producer = self._producer
        if self._changing() or (isinstance(producer, Producer) and producer.interrupted):
            return  # We interrupt a change or a push of this thread, which comes here by itself.
        with self._change():
            self._adopt()

    def _adopt(self) -> None:
        """As `_become_orphan`, with the mutex held."""
        if self.orphaned:
            return
        self.orphaned = True
        early, self._early = self._early, None
        if early is not None:
            self._give_up(early)
        # Sealed first: a record that another thread publishes after the last look at the ring would be lost.
        self._leave(self._producer)
        self._producer = self._adopter(self)
        self._largest_inline = sys.maxsize

    def _push_with_patience(
        self, wall: float, route: int, level: int, body: bytes, kind: int, shorten: Shorten | None
    ) -> bool:
        """There is no ring yet, the record is too large for it, or it is full."""
        if self._changing():
            self._parked.append((wall, route, level, body, kind, shorten))
            return True
        if self._producer is None:
            self._begin()
        waited_from = monotonic_ns()
        deadline: float | None = None
        pause = 0.0002
        while True:
            producer = self._producer or self._begin()
            fits = len(body) <= self._largest_inline
            if not fits and self._has_spill_room(len(body)):
                body, kind = self._spill(body, kind, shorten)
                fits = True
            if fits and producer.push(wall, route, level, body, kind):
                ring = self.ring
                if ring is not None:
                    ring.words[BLOCKED_NS] += monotonic_ns() - waited_from
                self._attend(wall)
                return True
            now = monotonic()
            if self._owner_is_gone(now):
                self._become_orphan()
                if self._producer is producer:  # It failed, with an error that has been raised.
                    return self._drop(route, level, body, kind)
                continue
            if self.words[WAKE]:
                self._doorbell.ring()  # An awake writer comes by itself, with a larger batch.
            options = self._options()
            if deadline is None:
                patience = 0.0 if options.overflow == "drop" or self._is_stalled() else options.block_timeout
                deadline = now + (float("inf") if patience is None else patience)
            if now >= deadline:
                grows = fits and options.overflow == "grow"
                if not grows or not self._next_ring(producer, options.further_rings):
                    return self._drop(route, level, body, kind)
                continue  # Its patience is used up: what fills the new ring at once must not hold it up again.
            time.sleep(min(pause, max(0.0, deadline - now)))
            pause = min(pause * 2, 0.001)

    def _owner_is_gone(self, now: float) -> bool:
        """Whether the owner has ended its session or, as far as was looked at lately, is proven dead."""
        if self.words[WAKE] == STOPPED:
            return True
        if now < self._life_at:
            return False
        # Not in every call: this costs much more than dropping a record does.
        self._life_at = now + LIFE_EVERY
        control = self.place.control
        return control.silent_for() > SILENCE and self.place.owner_is_gone

    def _is_stalled(self) -> bool:
        """Whether nothing was drained since a call has waited in vain."""
        return self.ring is not None and self._stalled_at == self.ring.words[HEAD]

    def _told_so_far(self) -> Told:
        """What the owner has said by now about this process."""
        for ring in (*self.filled, self.ring):
            if ring is not None:
                self._told = self._told.latest(ring)
        return self._told

    def _published_by(self, producer: Producer) -> int:
        return in_ring(producer.count, max(0, self._told_so_far().total - self.published))

    def account(self) -> Account:
        """What has become of the records that this process has given to this link."""
        with self._change():
            producer, ring = self._producer, self.ring
            # First what the owner says: no more than what is published by then.
            told = self._told_so_far()
            published, dropped = self.published + len(self._parked), self.dropped
            if isinstance(producer, Producer):
                published += self._published_by(producer) + producer.nested
                if ring is not None:
                    dropped += dropped_of(ring)
            lost = Account(emitted=dropped, dropped=dropped)
            if producer is not None and not isinstance(producer, Producer):
                return lost + producer.account(published, told)
            rings = [file for file in (*self.filled, ring) if file is not None]
            return (lost + told.about(published)).with_rings(rings)

    def oldest(self) -> int | None:
        """The stamp of the oldest record of this process that is not with its sinks, in ns of the monotonic clock."""
        with self._mutex:
            if self.orphaned:
                return None
            rings = [ring for ring in (*self.filled, self.ring) if ring is not None]
        stamps = [ring.reader().oldest() for ring in rings]
        return min((stamp for stamp in stamps if stamp is not None), default=None)

    def _leave(self, producer: Producer | Orphan | None) -> None:
        """Publish no more in its ring; what interrupting calls have left there waits to be pushed elsewhere."""
        if isinstance(producer, Producer):
            self._parked.extend(producer.seal())
            self.published += self._published_by(producer)
            if self.ring is not None:
                self.dropped += dropped_of(self.ring)

    def _next_ring(self, full: Producer | Orphan, further: int) -> bool:
        """Go on in a further ring file; False when this process has *further* undrained ones already."""
        with self._change():
            if self._producer is not full:
                return True  # Another thread was first.
            undrained = sum(ring.words[HEAD] != ring.words[TAIL] for ring in self.filled)
            if undrained >= further or self.ring is None:
                return False
            self.filled = [ring for ring in self.filled if os.path.exists(ring.path)]
            try:
                ring = self._make_ring(self._options().ring_size)
            except OSError:
                return False
            old = self.ring
            self._leave(full)
            self._use(ring)
            old.words[STATE] = CLOSED
            self.filled.append(old)
            self._stalled_at = None
            if self._is_unserved():  # As in _begin.
                self._adopt()
            return True

    def _drop(self, route: int, level: int, body: bytes, kind: int) -> bool:
        """Count a record that finds no room; always False. The log tells of it, see losses.py."""
        if kind in (SPILL, KIND_SPILLED_DATA):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(self.place.spill_directory, body.decode()))
        self._uncounted.append((route, level))
        self.dropped_at = monotonic()
        with self._change():
            # A signal handler that drops something while this thread counts leaves it to this loop.
            while self._uncounted and not self._counting:
                self._counting = True
                try:
                    ring = self.ring
                    item = self._uncounted.popleft()
                    if ring is not None:
                        self._stalled_at = ring.words[HEAD]
                        drops.count(ring.words, *item)
                finally:
                    self._counting = False
        report.once(
            "dropped",
            f"process {self.pid} drops records: its queue is full and the owner (process "
            f"{self.place.control.identity.pid}) does not drain it. They are counted, and the log will tell.",
        )
        return False

    def _has_spill_room(self, size: int) -> bool:
        """Whether a too large record may be put beside the ring. What the owner has read is gone from there."""
        waiting = self._spilled
        with contextlib.suppress(IndexError):  # Another thread was first.
            while waiting and not os.path.exists(waiting[0][0]):
                waiting.popleft()
        return not waiting or sum(bytes_ for _, bytes_ in list(waiting)) + min(size, LARGEST) <= SPILL_BOUND

    def _spill(self, body: bytes, kind: int, shorten: Shorten | None) -> tuple[bytes, int]:
        """Put a body that is too large for the ring beside it. The returned body names the file."""
        if len(body) > LARGEST:
            # Only text in UTF-8 is this long here, for the others are cut where they are made.
            body = _cut(body, LARGEST, "")
        name = f"{self.pid}-{monotonic_ns()}-{threading.get_ident()}"
        for directory in (self.place.spill_directory,):
            path = os.path.join(directory, name)
            try:
                private(directory)
                fd = descriptor.create(f"{path}.tmp")
                try:
                    os.posix_fallocate(fd, 0, len(body))
                    with open(fd, "wb", closefd=False) as file:
                        file.write(body)
                finally:
                    os.close(fd)
                os.rename(f"{path}.tmp", path)
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(f"{path}.tmp")
                continue
            if self.ring is not None:
                self.ring.words[SPILLED] += 1
            self._spilled.append((path, len(body)))
            return name.encode(), KIND_SPILLED_DATA if kind == DATA_RECORD else SPILL
        if shorten is not None:
            return shorten(self._largest_inline), kind
        return _cut(body, self._largest_inline - 100, ", no room to spill"), kind

    def flush(self, timeout: float | None) -> bool:
        """Wait until everything that this process published is in its sinks; False when time is up.

        A dead owner ends the wait: this process has then written its records itself.
        """
        with self._mutex:
            producer, ring = self._producer, self.ring
        if producer is None:
            return True
        if self.orphaned or not isinstance(producer, Producer):
            producer.complete()  # type: ignore[union-attr]  # an orphan
            return True
        deadline = None if timeout is None else monotonic() + timeout
        assert ring is not None
        # Rings that were filled before hold older records, and each round drains all rings: this one is the last.
        words, target = ring.words, producer.tail
        pause = 0.0005
        # Reclaimed: another thread has gone on in a further ring, and this one is through.
        while words[FLUSHED] < target and not words[RECLAIMED]:
            if words[FLUSH_TARGET] < target:
                words[FLUSH_TARGET] = target  # In the loop: another thread may store its own, lower one over it.
            self._doorbell.ring()
            if self.words[WAKE] == STOPPED or (self.place.control.silent_for() > SILENCE and self.place.owner_is_gone):
                self._become_orphan()
                return True
            if deadline is not None and monotonic() > deadline:
                return False
            time.sleep(pause)
            pause = min(pause * 2, 0.002)
        return True

    @property
    def is_on_its_own(self) -> bool:
        """Whether the owner is gone, and everything that was meant for it has been written by this process."""
        producer = self._producer
        return self.orphaned and not isinstance(producer, Producer | None) and producer.has_caught_up

    def reopen(self) -> None:
        """Open again the files that this process writes because the owner is gone; as FileSink.reopen."""
        producer = self._producer
        if producer is not None and not isinstance(producer, Producer):
            producer.reopen()

    def close(self) -> None:
        """Say that no record follows, so that the ring is reclaimed at once; here, where the owner is gone.

        Best effort: death does it, too.
        """
        with self._change():
            early, self._early = self._early, None
            if early is not None:
                self._give_up(early)
                if self._producer is None and not self.orphaned and not self.place.is_served:
                    self._adopt()  # Nobody else may be left to remove the session.
            producer = self._producer
            if producer is not None and not isinstance(producer, Producer):
                producer.complete()
            if self.ring is None or self.orphaned or not isinstance(self._producer, Producer):
                return
            if self._producer.interrupted:
                return
            self._leave(self._producer)
            self.ring.words[STATE] = CLOSED
            # SYNC close -> finish: an owner that ends now sees CLOSED, or it has stored STOPPED before.
            if self._is_unserved():
                self._adopt()
            else:
                self._producer = None
                self.ring = None
                self._doorbell.ring()

    @staticmethod
    def _give_up(early: RingFile) -> None:
        """Another ring serves, or none was needed."""
        early.words[STATE] = CLOSED
        with contextlib.suppress(OSError):
            rings.remove(early.path)
        early.close()


class _Led:
    """Stands where the producer stood in a link that a fork took into a child: it leads to the child's own link."""

    has_caught_up = True

    def __init__(self, link: Link) -> None:
        self._link = link

    def push(self, wall: float, route: int, level: int, body: bytes, kind: int = LOG) -> bool:
        """Deliver one record by the child's own way."""
        return self._link.push(wall, route, level, body, kind)

    def complete(self) -> None:
        """Wait for it."""
        self._link.flush(None)

    def reopen(self) -> None:
        """Pass it on."""
        self._link.reopen()

    def account(self, _published: int, _told: Told) -> Account:
        """What the child has logged; what its parent had is the parent's."""
        return self._link.account()


def _cut(text: bytes, keep: int, why: str) -> bytes:
    """The first *keep* bytes of *text* in UTF-8, no half of a character, with a mark."""
    kept = text[:keep].decode("utf8", "ignore").encode()
    return kept + f"... <truncated: {len(text) - len(kept)} more bytes{why}>\n".encode()
