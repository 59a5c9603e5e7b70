"""The host: the owner's side of its session. It keeps the routes, the slots and the writer, and brings all to an end.

Made lazily: at the first fork, when a process is handed to another interpreter, or at the first `enqueue=True`. What
its workers look at is in front.py, and where their rings come in is intake.py.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from typing import Any

from mplog._ring.clock import monotonic
from mplog._ring.layout import DRAINING, ENDED, RUN_STATE, STOPPED, WAKE
from mplog._ring.ring_file import RingFile
from mplog._session import cut_short, guarding, hosts, losses, rings, slot_files, sweeping
from mplog._session.account import Account
from mplog._session.directory import private
from mplog._session.front import Front
from mplog._session.identity import Identity
from mplog._session.intake import Intake
from mplog._session.queue_options import DEFAULTS, QueueOptions
from mplog._session.shortage import Shortage, Waiting
from mplog._sinks import report
from mplog._sinks.file import slot as slots
from mplog._sinks.file.sink import FileSink
from mplog._sinks.kinds import COROUTINE
from mplog._sinks.limit import STALLED, Limit
from mplog._writer.batch import Batches
from mplog._writer.drain import Drain
from mplog._writer.files import Files
from mplog._writer.route import Route
from mplog._writer.source import Source
from mplog._writer.tally import Tally
from mplog._writer.writer import Writer

ACCOUNT_BOUND = 2.5
"""Seconds that a snapshot of the counts waits for the end of a round."""

SLICES = 10
"""Into so many the end divides its time, to look whether other sinks than the one it waits for take something."""

STALLED_LOOP = 1.0
"""As STALLED, for coroutine sinks, whose event loop may wait for this very call."""


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
        self.front = Front(identity)
        self.place = self.front.place
        self.routes: dict[int, Route] = {}
        self.slots: dict[int, slots.Slot] = {}
        self._cut_short = cut_short.News()
        self._pieces = 0
        """Rings of backlogs that were made."""
        self.doorbell = self.place.open_doorbell()
        self.shortage = Shortage(self.doorbell)
        spills, relieved = self.place.spill_directory, self.shortage.relieved
        self.drain = Drain(
            Files(self.routes, self.slots, spills, self._make_piece, self._say, relieved),
            Batches(self.routes, self.slots, spills, relieved),
        )
        self.intake = Intake(identity, self.place, self.drain, self.shortage)
        self.tallies = self.intake.tallies
        self.writer = Writer(self.drain, self.place.control.words, self.doorbell, self)
        self.finished = False
        """Whether it ends, or has ended."""
        self._is_finishing = self._is_over = False
        self._heed(options())

    def _heed(self, options: QueueOptions) -> None:
        self.drain.grace = options.order_window
        self.drain.files.may_drop = options.overflow != "block"

    def _make_piece(self, number: int, size: int) -> tuple[RingFile, bytes]:
        """A ring for the backlog of a route; see Files."""
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
        slot_files.remove(slot.path)

    def renew(self, bound: float = -1) -> None:
        """Where somebody has deleted the session's directory, make it again: for processes that are still to come.

        Args:
            bound: seconds that this may wait for the end of a round, after which the writer does it; -1 for any.
        """
        if self.finished or self.front.is_whole or not self.writer.mutex.acquire(timeout=bound):
            return
        try:
            if not (self.finished or self.front.is_whole):
                self.front.renew(self._make_slots_again)
        finally:
            self.writer.mutex.release()

    def _make_slots_again(self) -> None:
        for number in self.slots:
            sink = self.routes[number].sink
            assert isinstance(sink, FileSink)
            # The old one stays mapped, for a batch that is still to be finished; where it has kept its name, it goes on
            # being used.
            self.slots[number] = slot_files.make_again(self.place, sink, number) or self.slots[number]

    def publish(self, registry: dict[str, Any]) -> None:
        """Make *registry* what new workers start with and running ones change to at their next call."""
        self._heed(self._options())
        self.front.publish(registry)

    @property
    def generation(self) -> int:
        """The number of the last published registry."""
        return self.front.generation

    # What the writer asks for, in its thread and under its mutex.

    def beat(self) -> None:
        """Say that the writer lives."""
        self.front.beat()

    def find_rings(self, *, registered: bool = True) -> None:
        """As `Intake.find`."""
        self.intake.find(registered=registered)

    def keep(self) -> None:
        """Look after the directory and the rings."""
        self.renew()
        self.intake.keep()
        self._say_what_is_cut_short()

    def _say_what_is_cut_short(self) -> None:
        if self._cut_short.has_come():
            cut_short.say(self.place, list(self.slots.values()))
            self._cut_short.heed()

    def accounts(self) -> list[tuple[Tally, Account]]:
        """What has become of the records of each process of this session; of those that ended long ago together, last.

        A record that lies in a damaged ring is in flight for ever.
        """
        # Within a bound: a round may wait for a file. Without the mutex some figure may be of a moment later.
        held = self.writer.mutex.acquire(timeout=ACCOUNT_BOUND)
        try:
            found = self.tallies.accounts(list(self.drain.sources))
            return found + (self.tallies.unopened(found, self.shortage.waiting()) if held else [])
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
        routes = list(self.routes.values())
        for route in routes:
            if isinstance(route.sink, FileSink):
                route.sink.archiver.resume()
        if self.finished:
            return
        for route in routes:
            if route.outlet is not None:
                route.outlet.resume()
        self.writer.start()

    def forget(self) -> None:
        """In a forked child: close what must not stay open here, for a copy would keep the parent's locks alive."""
        self.writer.forget()
        for route in self.routes.values():
            if route.outlet is not None:
                route.outlet.forget()
        self.front.forget()
        for slot in self.slots.values():
            slot.close()
        self.intake.forget()

    def _parts_of_others(self, slot: slots.Slot) -> list[slots.Part]:
        return slot_files.parts_of_others(self.place, slot.route, [source.key for source in self.drain.sources])(slot)

    def finish(self, limit: Limit | None = None) -> bool:
        """End the session: drain what is published, tell the producers, remove what nobody needs.

        False when something could not be written, which was said.

        Args:
            limit: how long it may take; None: as the queue options say.
        """
        if self._is_finishing or self._is_over:
            return True
        self._is_finishing = True
        try:
            done = self._finish(limit or Limit(self._options().shutdown_timeout))
            self._is_over = True
            return done
        finally:
            self._is_finishing = False

    def _finish(self, limit: Limit) -> bool:
        """Each step can be done twice: what interrupts one, such as Ctrl-C, leaves the rest to the next `finish`."""
        self.finished = self.intake.is_ending = True
        self.front.set(RUN_STATE, DRAINING)
        self.writer.stop(limit.left())
        self.intake.forget_closed()
        complete = self.writer.finish(limit)
        # Whoever takes its ring over while we still write uses our slots, too.
        self.drain.files.others = self._parts_of_others
        self.front.stop_service()
        # SYNC finish -> attend: whoever publishes from now on sees it and takes its own ring over.
        self.front.set(WAKE, STOPPED)
        complete = self.writer.finish(limit) and complete and self._read_further(limit)
        self.front.set(RUN_STATE, ENDED)
        idle = self.writer.mutex.acquire(timeout=limit.left())
        if idle:
            try:
                self.intake.let_go()
            finally:
                self.writer.mutex.release()
        self._empty_outlets(limit)
        taken = True
        for route in self.routes.values():
            if route.outlet is not None:
                taken = self._close_outlet(route, limit) and taken
        self._say_what_is_cut_short()
        self.front.let_go()
        self.intake.remove_early()
        left = self.shortage.waiting() if idle else []
        rest = self.shortage.listed(self.place.ring_directories)
        self.shortage.end()
        if complete and rest == []:
            for slot in self.slots.values():
                self._remove_slot(slot)
            self.place.remove()
        else:
            for slot in self.slots.values() if idle else ():
                slot.close()
            if rest:
                guarding.start(self.place)  # Workers that live on may be killed, or are just dying.
        if idle:
            # SYNC finish -> guard: one that hears that nobody is left finds no session that is still being removed.
            self.doorbell.close()
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
                self.intake.let_go()
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
