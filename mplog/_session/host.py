"""The host: the owner's side of its session. It keeps the routes, the slots and the writer.

Made lazily: at the first fork, when a process is handed to another interpreter, or at the first `enqueue=True`.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
import time
from collections.abc import Callable
from typing import Any

from mplog._capture import process
from mplog._ring import descriptor, drops
from mplog._ring.clock import monotonic
from mplog._ring.layout import (
    DRAINING,
    DROPPED,
    ENDED,
    FLUSH_TARGET,
    FLUSHED,
    GENERATION,
    RECLAIMED,
    REGISTERED,
    RUN_STATE,
    STOPPED,
    WAKE,
)
from mplog._ring.ring_file import RingFile, RingOwner, open_existing
from mplog._session import hosts, losses, rings, slot_files, sweeping
from mplog._session.account import Account, Told, dropped_of
from mplog._session.directory import private
from mplog._session.identity import Identity, runs_apart
from mplog._session.interpreters import is_over
from mplog._session.place import REGISTRY, Place, make_place
from mplog._session.queue_options import DEFAULTS, QueueOptions
from mplog._session.shortage import Shortage, Waiting
from mplog._sinks import report
from mplog._sinks.file import slot as slots
from mplog._sinks.file.sink import FileSink
from mplog._sinks.limit import STALLED, Limit
from mplog._writer.drain import Drain
from mplog._writer.route import COROUTINE, Route
from mplog._writer.source import Source
from mplog._writer.tally import Tally
from mplog._writer.writer import HOUSEKEEPING, Writer

ACCOUNT_BOUND = 2.5
"""Seconds that a snapshot of the counts waits for the end of a round."""

MOST_UNTOLD = 8
"""Drained rings of one process that wait for it to be time to tell what found no room in them."""

ENDED_KEPT = 1000
"""Processes that have ended whose counts are kept apart; those of older ones are added up."""

SLICES = 10
"""Into so many the end divides its time, to look whether other sinks than the one it waits for take something."""

STALLED_LOOP = 1.0
"""As STALLED, for coroutine sinks, whose event loop may wait for this very call."""


def authkeys() -> list[bytes]:
    """The keys of this process's family, in `multiprocessing` and, where it is loaded, `multiprocess`."""
    keys = []
    for library in ("multiprocessing.process", "multiprocess.process"):
        module = sys.modules.get(library)
        if module is not None:
            with contextlib.suppress(AttributeError):
                keys.append(bytes(module.current_process().authkey))
    return keys


def _who(owner: RingOwner) -> tuple[Identity, int]:
    return rings.identity_of(owner), owner.interpreter


class Host:
    """One session of this process. Configuration comes under the logger's lock, draining under the writer's mutex."""

    def __init__(self, identity: Identity, options: Callable[[], QueueOptions] = lambda: DEFAULTS) -> None:
        """*options* gives the queue options as they are when it is called.

        Raises:
            OSError: no runtime directory can be used.
        """
        self._options = options
        sweeping.sweep()
        self.identity = identity
        self.place: Place = make_place(identity, authkeys())
        self.routes: dict[int, Route] = {}
        self.slots: dict[int, slots.Slot] = {}
        self._pieces = 0
        """Rings of backlogs that were made."""
        self.drain = Drain(self.routes, self.slots, self.place.spill_directory, self._make_piece, self._say)
        self.doorbell = self.place.open_doorbell()
        self.shortage = Shortage(self.doorbell)
        self.writer = Writer(self.drain, self.place.control.words, self.doorbell, self)
        self._known: dict[str, Source] = {}
        self._pages = [self.place.control]
        """The page of the session, and those that were made when its directory had been deleted."""
        self._registry = b""
        self._ignored: set[str] = set()
        self._early: set[str] = set()
        """Rings of processes that have not logged; see Link.begin_early."""
        self._told_at: dict[tuple[Identity, int], float] = {}
        self.tallies: dict[tuple[Identity, int], Tally] = {}
        """What has become of the records of each process and interpreter; living ones, and the last ended."""
        self.earlier = Tally(0, "")
        """Of all processes that have ended before those."""
        self.finished = False
        self._heed(options())

    def _heed(self, options: QueueOptions) -> None:
        self.drain.grace = options.order_window
        self.drain.files.may_drop = options.overflow != "block"

    def _make_piece(self, number: int, size: int) -> tuple[RingFile, bytes]:
        """A ring for the backlog of a route; see Drain."""
        directory = self.place.backlog_directory(number)
        for step in (os.path.dirname(directory), directory):
            private(step)
        self._pieces += 1
        name = f"backlog of handler {number}"
        ring = rings.create([directory], rings.OWN + self._pieces, self.identity, self.place.id, name, size)
        rings.try_lock(ring)
        return ring, rings.key_of(ring.path)

    def _say(self, route: Route, text: str) -> None:
        with contextlib.suppress(Exception):  # A file that refuses again; it was said on standard error.
            losses.say(route, text, direct=False)

    def add(self, route: Route) -> None:
        """Serve *route* for the processes of the session. A file gets its slot before any record can come."""
        with self.writer.mutex:
            sink = route.sink
            if isinstance(sink, FileSink):
                self.slots[route.spec.id] = slot_files.make_slot(self.place, sink, route.spec.id)
                sink.archiver.background = True
            self.routes[route.spec.id] = route
        if route.outlet is not None and self.writer.running:
            route.outlet.start()

    def start(self) -> None:
        """Drain in threads from now on."""
        self.writer.start()
        for route in list(self.routes.values()):
            if route.outlet is not None:
                route.outlet.start()

    def remove(self, number: int) -> None:
        """Stop serving a route, after writing what has been published for it."""
        route = self.routes.get(number)
        if route is None:
            return
        limit = Limit(self._options().shutdown_timeout)
        self.writer.finish(limit)
        # Without the mutex, too: a round that a user's function does not let come to its end must not keep the caller.
        held = self.writer.mutex.acquire(timeout=limit.left())
        try:
            if held:
                for source in self.drain.sources:
                    losses.tell(source.file, {number: route})
            self.routes.pop(number, None)
            if route.outlet is not None:
                self._close_outlet(route, limit)
            slot = self.slots.pop(number, None)
            if held:
                self.drain.give_up(number)
                if slot is not None:
                    self._remove_slot(slot)
        finally:
            if held:
                self.writer.mutex.release()

    def is_joined(self, number: int) -> bool:
        """Whether strangers send their records to a route, so that it must be served to the end of the session.

        If not, none can begin to from now on.
        """
        slot = self.slots.get(number)
        return slot is not None and not hosts.shut(slot)

    @property
    def is_busy_here(self) -> bool:
        """Whether the calling thread is inside of a round, or of a write: by a signal handler, or a user's function."""
        return self.writer.busy_here or any(
            isinstance(route.sink, FileSink) and route.sink.busy_here for route in list(self.routes.values())
        )

    def hand_over(self, limit: Limit) -> bool:
        """Give to the sinks what has been published by now; False when the *limit* was over."""
        if self.is_busy_here:
            return False  # Called from inside of what it would wait for: by a signal handler, or a user's function.
        published: list[tuple[Source, int]] | None = None
        while True:
            # A look takes the time of a usual round, too: that one is at work means nothing.
            if not self.writer.mutex.acquire(timeout=max(0.02, limit.left())):
                return False
            try:
                if self.finished:
                    return not self.drain.waiting  # What could be handed over has been; the rings may be others' now.
                self.find_rings()
                if published is None:
                    published = self.drain.published()
                before = self.drain.behind(published)
                found = self.drain.round(everything=True)
                if self.drain.is_through(published) and not self.shortage.waiting():
                    break
                if self.drain.behind(published) < before:
                    limit.moved()
            finally:
                self.writer.mutex.release()
            if limit.is_over:
                return False
            time.sleep(0.0 if found else 0.01)
        outlets = [
            (route.outlet, route.outlet.put_count, STALLED_LOOP if route.spec.kind == COROUTINE else STALLED)
            for route in list(self.routes.values())
            if route.outlet is not None
        ]
        deadline = limit.at if limit.is_firm else None
        return all(outlet.wait_taken(count, deadline, stalled) for outlet, count, stalled in outlets)

    def _close_outlet(self, route: Route, limit: Limit) -> bool:
        assert route.outlet is not None
        taken = route.outlet.close(limit)
        if not taken:
            why = "was removed by its own sink" if route.outlet.serves_here else f"took nothing for {limit.seconds} s"
            report.once(
                f"left {route.spec.id}",
                f"handler {route.spec.id} {why}; {route.outlet.left()} records that other processes logged to it are "
                "lost.",
            )
        return taken

    def _remove_slot(self, slot: slots.Slot) -> None:
        slot.close()
        with contextlib.suppress(OSError):  # Also when a process that went on by itself was first.
            os.unlink(slot.path)
        hosts.leave(os.path.dirname(slot.path))

    def renew(self, bound: float = -1) -> None:
        """Where somebody has deleted the session's directory, make it again: for processes that are still to come.

        Those that run have everything mapped, and go on. What waits in their rings has lost its name, so that it is not
        found any more should everything be killed.

        Args:
            bound: seconds that this may wait for the end of a round, after which the writer does it; -1 for any.
        """
        if self.finished or self.place.is_there or not self.writer.mutex.acquire(timeout=bound):
            return
        try:
            if self.finished or self.place.is_there:
                return
            try:
                page = self.place.make_again(authkeys())
                self._pages.append(page)
                page.words[GENERATION] = self.generation
                for number in self.slots:
                    sink = self.routes[number].sink
                    assert isinstance(sink, FileSink)
                    # The old one stays mapped, for a batch that is still to be finished; where it has kept its name, it
                    # goes on being used.
                    with contextlib.suppress(FileExistsError):
                        self.slots[number] = slots.create(
                            slot_files.slot_path(self.place, sink, number), self.place.id, number
                        )
                self._write(self._registry)
            except OSError as error:
                report.once("renew", f"{self.place.path} was deleted and cannot be made again: {error}")
                return
            report.once("renew", f"{self.place.path} was deleted while it was in use; it has been made again.")
        finally:
            self.writer.mutex.release()

    def publish(self, registry: dict[str, Any]) -> None:
        """Make *registry* what new workers start with and running ones change to at their next call."""
        self._heed(self._options())
        generation = (self.place.control.words[GENERATION] + 1) % (1 << 63)
        registry["generation"] = generation
        self._registry = pickle.dumps(registry)
        self._write(self._registry)
        # SYNC publish -> stale: the file is complete before the number says so.
        for page in self._pages:
            page.words[GENERATION] = generation

    def _write(self, registry: bytes) -> None:
        path = os.path.join(self.place.path, REGISTRY)
        hidden = f"{path}.tmp"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(hidden)
        fd = descriptor.create(hidden)
        with open(fd, "wb") as file:
            file.write(registry)
        os.replace(hidden, path)

    @property
    def generation(self) -> int:
        """The number of the last published registry."""
        return int(self.place.control.words[GENERATION])

    # What the writer asks for, in its thread and under its mutex.

    def beat(self) -> None:
        """Say that the writer lives."""
        words = self.place.control.words
        for page in self._pages:
            page.beat()
            if page.words[REGISTERED] and page is not self.place.control:
                words[REGISTERED], page.words[REGISTERED] = page.words[REGISTERED], 0

    def find_rings(self, *, registered: bool = True) -> None:
        """Add the rings that appeared, with their kernel locks.

        Args:
            registered: whether some process may have begun to use a ring that it had already.
        """
        for path in self.shortage.listed(self.place.ring_directories) or ():
            if path in self._known or path in self._ignored or (path in self._early and not registered):
                continue
            try:
                key = rings.key_of(path)
                ring = open_existing(path)
            except FileNotFoundError:
                continue
            except (OSError, ValueError) as error:
                if isinstance(error, OSError) and descriptor.is_none_left(error):
                    self.shortage.add(path, error)
                    report.once(
                        "none left",
                        f"process {self.identity.pid} cannot read the records of further processes ({error}). They "
                        "wait in memory that outlives the process. Raise the limit of open files (ulimit -n).",
                    )
                    continue
                self._ignored.add(path)
                report.once(f"ring {path}", f"{path} is not read: {error}")
                continue
            if ring.is_early:
                self._early.add(path)
                ring.close()
                continue
            self._early.discard(path)
            # An orphan that found us silent or stopped drains it; its own records, in its own order. It may have died
            # over it: then the next program goes on.
            if not rings.try_lock(ring) or (
                self.finished and any(slot_files.may_be_taken_over(slot, key) for slot in self.slots.values())
            ):
                ring.close()
                self._ignored.add(path)
                continue
            owner = ring.owner
            tally = self.tallies.setdefault(_who(owner), Tally(owner.pid, owner.name))
            tally.rings += 1
            source = Source(ring, ring.reader(), key, tally, monotonic())
            self._known[path] = source
            self.drain.sources.append(source)

    def keep(self) -> None:
        """Say what was dropped, and reclaim the rings of producers that closed them or are proven dead."""
        self.renew()
        now = monotonic()
        for path in list(self._early):
            if not os.path.exists(path):
                self._early.discard(path)
            elif rings.is_left_at(path):
                self._remove_early(path)
        for source in list(self.drain.sources):
            if source.file.words[DROPPED] != source.dropped:
                source.dropped = source.file.words[DROPPED]
                source.tally.dropped_at = now
            if not source.file.has_descriptor():
                rings.try_lock(source.file)  # The program has closed it, and the lock went with it.
            told = self._tell(source, now)
            source.tell_producer()
            words = source.file.words
            done = source.file.closed_by_producer and words[FLUSH_TARGET] <= words[FLUSHED]
            if not done and now - source.quiet_since > HOUSEKEEPING:
                done = self._is_over(source.file)
            # Death or closing is proven: only now is a last look at tail worth anything.
            if done and told and not source.broken and not source.reader.unread() and not self.drain.stalled:
                self._reclaim(source)

    def _tell(self, source: Source, now: float) -> bool:
        """Say in the log what the process of *source* has dropped, unless it was said of it just now."""
        if not drops.any_unsaid(source.file.words):
            return True
        who = _who(source.file.owner)
        if self.drain.waiting:
            return False
        files = [other.file for other in self.drain.sources if other.tally is source.tally]
        # A ring goes when it is told of: a process that fills one after the other must not wait with all of them.
        untold = sum(file.closed_by_producer and not file.is_unread() for file in files)
        if untold < MOST_UNTOLD and now - self._told_at.get(who, -losses.EVERY) < losses.EVERY:
            return False
        self._told_at[who] = now
        return losses.tell_of(files, self.routes, leave_others=False)

    def _is_over(self, ring: RingFile) -> bool:
        """Whether the producer of *ring* is proven to be no more: its process, or, of this one, its interpreter."""
        who, interpreter = _who(ring.owner)
        return rings.is_left(ring) or (who == self.identity and interpreter != 0 and is_over(interpreter))

    def own_tally(self) -> Tally | None:
        """That of this process, as its own worker."""
        return self.tallies.get((self.identity, process.interpreter()))

    def _set(self, index: int, value: int) -> None:
        for page in self._pages:
            page.words[index] = value

    def _remove_early(self, path: str) -> None:
        self._early.discard(path)
        with contextlib.suppress(OSError):
            rings.remove(path)

    def _reclaim(self, source: Source) -> None:
        tally, owner = source.tally, source.file.owner
        tally.dropped += source.file.words[DROPPED]
        tally.rings -= 1
        source.tell_producer()
        source.file.words[RECLAIMED] = 1
        self.drain.sources.remove(source)
        self._known.pop(source.file.path, None)
        rings.remove(source.file.path)
        source.file.close()
        if not tally.rings:
            self._told_at.pop(_who(owner), None)
            if len(self.tallies) > ENDED_KEPT:
                self._forget_oldest()

    def _forget_oldest(self) -> None:
        """Add the counts of a process that has ended long ago to those of the earlier ones."""
        for who, tally in self.tallies.items():
            if not tally.rings and tally.read == tally.settled:
                self.earlier.absorb(self.tallies.pop(who))
                return

    def accounts(self) -> list[tuple[Tally, Account]]:
        """What has become of the records of each process of this session; of those that ended long ago together, last.

        A record that lies in a damaged ring is in flight for ever.
        """
        # Within a bound: a round may wait for a file. Without the mutex some figure may be of a moment later.
        held = self.writer.mutex.acquire(timeout=ACCOUNT_BOUND)
        try:
            files: dict[Tally, list[Source]] = {}
            for source in list(self.drain.sources):
                files.setdefault(source.tally, []).append(source)
            found = []
            for tally in [*list(self.tallies.values()), self.earlier]:
                sources = files.get(tally, [])
                told = Told(tally.written, tally.filtered, tally.failed, tally.lost)
                read = tally.read + sum(source.reader.count_unread() for source in sources)
                dropped = tally.dropped + sum(dropped_of(source.file) for source in sources)
                account = Account(emitted=dropped, dropped=dropped) + told.about(read)
                found.append((tally, account.with_rings([source.file for source in sources])))
            return found + (self._unopened(found) if held else [])
        finally:
            if held:
                self.writer.mutex.release()

    def unopened(self) -> list[Waiting]:
        """What waits in rings for which this process has no descriptor."""
        if not self.shortage.is_there or not self.writer.mutex.acquire(timeout=ACCOUNT_BOUND):
            return []
        try:
            return self.shortage.waiting()
        finally:
            self.writer.mutex.release()

    def _unopened(self, known: list[tuple[Tally, Account]]) -> list[tuple[Tally, Account]]:
        """The same of processes whose rings could not be opened; what is *known* of them gets its share there."""
        places = {id(tally): at for at, (tally, _) in enumerate(known)}
        found = []
        for owner, account in self.shortage.waiting():
            tally = self.tallies.get(_who(owner)) if owner is not None else None
            if tally is not None and id(tally) in places:
                at = places[id(tally)]
                known[at] = (tally, known[at][1] + account)
            elif owner is not None:
                found.append((Tally(owner.pid, owner.name), account))
        return found

    def oldest(self) -> int | None:
        """The stamp of the oldest record in any ring that is not with its sinks, in ns of `monotonic_ns()`."""
        stamps = [source.reader.oldest() for source in list(self.drain.sources) if not source.broken]
        stamps += [backlog.oldest() for backlog in list(self.drain.files.backlogs.values())]
        return min((stamp for stamp in stamps if stamp is not None), default=None)

    # Around a fork; see fork.py.

    def pause(self, deadline: float) -> None:
        """Before a fork: no thread of the session runs, nor holds a lock, unless it is too busy until *deadline*."""
        self.writer.stop(max(0.0, deadline - monotonic()))
        for route in list(self.routes.values()):
            if route.outlet is not None:
                route.outlet.pause(deadline)
            if isinstance(route.sink, FileSink):
                route.sink.archiver.pause(deadline)

    def resume(self) -> None:
        """After a fork, in the parent: go on."""
        if self.finished:
            return
        for route in list(self.routes.values()):
            if route.outlet is not None:
                route.outlet.resume()
            if isinstance(route.sink, FileSink):
                route.sink.archiver.resume()
        self.writer.start()

    def forget(self) -> None:
        """In a forked child: close what must not stay open here, for a copy would keep the parent's locks alive."""
        self.writer.forget()
        self.shortage.end()
        for route in self.routes.values():
            if route.outlet is not None:
                route.outlet.forget()
        for page in self._pages:
            page.forget()
        for source in self._known.values():
            source.file.close()
        for slot in self.slots.values():
            slot.close()
        self.drain.files.let_go()

    def _parts_of_others(self, slot: slots.Slot) -> list[slots.Part]:
        return slot_files.parts_of_others(self.place, slot.route, [source.key for source in self.drain.sources])(slot)

    def finish(self, limit: Limit | None = None) -> bool:
        """End the session: drain what is published, tell the producers, remove what nobody needs.

        False when something could not be written, which was said.

        Args:
            limit: how long it may take; None: as the queue options say.
        """
        if self.finished:
            return True
        limit = limit or Limit(self._options().shutdown_timeout)
        self.finished = True
        self._set(RUN_STATE, DRAINING)
        self.writer.stop(limit.left())
        complete = self.writer.finish(limit)
        # Whoever takes its ring over while we still write uses our slots, too.
        self.drain.files.others = self._parts_of_others
        # SYNC finish -> attend: whoever publishes from now on sees it and takes its own ring over.
        self._set(WAKE, STOPPED)
        complete = self.writer.finish(limit) and complete and self._read_further(limit)
        self._set(RUN_STATE, ENDED)
        idle = self.writer.mutex.acquire(timeout=limit.left())
        if idle:
            try:
                self._let_go()
            finally:
                self.writer.mutex.release()
        self._empty_outlets(limit)
        taken = True
        for route in self.routes.values():
            if route.outlet is not None:
                taken = self._close_outlet(route, limit) and taken
        for page in self._pages:
            page.let_go()
        for path in list(self._early):
            # Whoever begins to use it after STOPPED has been stored takes it over before its first call returns. One
            # that has given up our rights cannot, and leaves there what it logs.
            if rings.is_left_at(path) or not runs_apart(rings.pid_of(path)):
                self._remove_early(path)
        left = self.shortage.waiting() if idle else []
        rest = self.shortage.listed(self.place.ring_directories)
        self.shortage.end()
        if idle:
            self.doorbell.close()
        if complete and rest == []:
            for slot in self.slots.values():
                self._remove_slot(slot)
            self.place.remove()
        else:
            for slot in self.slots.values() if idle else ():
                slot.close()
        if left:
            count = sum(waiting.account.in_flight for waiting in left)
            report.once(
                "unread",
                f"process {self.identity.pid} ends and could not read {count} records in {len(left)} rings "
                f"({self.shortage.error}); they are kept in {self.place.path}. The next program that adds the same "
                "file writes them, and so does `mplog recover`. Raise the limit of open files (ulimit -n).",
            )
        elif not complete:
            report.once(
                "incomplete",
                f"some records could not be written before the end of process {self.identity.pid}; they are kept in "
                f"{self.place.path}. The next program that adds the same file writes them, and so does `mplog "
                "recover`.",
            )
        return complete and taken

    def _read_further(self, limit: Limit) -> bool:
        """Read the rings for which there was no descriptor, a few at a time, with those of rings that are through."""
        while True:
            if not self.writer.mutex.acquire(timeout=limit.left()):
                return False
            try:
                if not self.shortage.waiting():
                    return True
                self._let_go()
                with self.shortage.relieved():
                    self.find_rings()
                if not self.drain.sources:
                    return False
            finally:
                self.writer.mutex.release()
            if not self.writer.finish(limit):
                return False

    def _empty_outlets(self, limit: Limit) -> None:
        """Let all sinks that are no files take what waits for them. One that takes nothing costs no other its time,
        nor does a file that has used up all of it."""
        outlets = [route.outlet for route in self.routes.values() if route.outlet is not None]
        while True:
            taken = sum(outlet.taken for outlet in outlets)
            busy = next((outlet for outlet in outlets if outlet.left() and not outlet.serves_here), None)
            if busy is None:
                return
            busy.wait_empty(Limit(limit.seconds / SLICES, firm=True))
            if sum(outlet.taken for outlet in outlets) != taken:
                limit.moved()
            if limit.is_over:
                return

    def _let_go(self) -> None:
        """At the end, with the writer's mutex: reclaim the rings that are through, and give the others back."""
        for source in list(self.drain.sources):
            if not self.drain.waiting:
                losses.tell(source.file, self.routes, leave_others=False)
            source.tell_producer()
            done = source.file.closed_by_producer or self._is_over(source.file)
            if done and not source.broken and not source.reader.unread() and not self.drain.stalled:
                self._reclaim(source)
            else:
                self.drain.sources.remove(source)
                source.file.close()  # And with it the kernel lock: a living producer may take its ring over.
        self.drain.files.let_go()
