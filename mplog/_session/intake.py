"""The intake of a session: its rings, as the owner finds them, looks after them and reclaims them.

All but `oldest` and what ends it happens with the writer's mutex held.
"""

from __future__ import annotations

import contextlib
import os

from mplog._ring import descriptor, drops
from mplog._ring.clock import monotonic
from mplog._ring.layout import DROPPED, FLUSH_TARGET, FLUSHED, RECLAIMED
from mplog._ring.ring_file import RingFile, open_existing
from mplog._session import losses, rings, slot_files
from mplog._session.account import dropped_of
from mplog._session.identity import Identity, runs_apart
from mplog._session.interpreters import is_over
from mplog._session.place import Place
from mplog._session.shortage import Shortage
from mplog._session.tallies import Tallies, Who, who
from mplog._sinks import report
from mplog._writer.drain import Drain
from mplog._writer.source import Source
from mplog._writer.writer import HOUSEKEEPING

MOST_DAMAGED = 16
"""Rings that are damaged or set aside and stay mapped, because their processes may wait for an answer there."""

MOST_UNTOLD = 8
"""Drained rings of one process that wait for it to be time to tell what found no room in them."""


class Intake:
    """The rings of the session at *place*, which *drain* reads."""

    def __init__(self, identity: Identity, place: Place, drain: Drain, shortage: Shortage) -> None:
        self._identity = identity
        self._place = place
        self._drain = drain
        self.shortage = shortage
        self.tallies = Tallies(identity)
        self.known: dict[str, Source] = {}
        self.ignored: set[str] = set()
        self._early: set[str] = set()
        """Rings of processes that have not logged; see Link.begin_early."""
        self._told_at: dict[Who, float] = {}
        self.damaged = 0
        """Rings, damaged or set aside, that were let go; their files are kept."""
        self.is_ending = False
        """Whether processes may have begun to take their rings over, for the session ends."""

    def find(self, *, registered: bool = True) -> None:
        """Add the rings that appeared, with their kernel locks.

        Args:
            registered: whether some process may have begun to use a ring that it had already.
        """
        for path in self.shortage.listed(self._place.ring_directories) or ():
            if path in self.known or path in self.ignored or (path in self._early and not registered):
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
                        f"process {self._identity.pid} cannot read the records of further processes ({error}). They "
                        "wait in memory that outlives the process. Raise the limit of open files (ulimit -n).",
                    )
                    continue
                self.ignored.add(path)
                report.once("unread ring", f"{path} is not read: {error}", counted=True)  # There may be thousands.
                continue
            if ring.is_early:
                self._early.add(path)
                ring.close()
                continue
            self._early.discard(path)
            # An orphan that found us silent or stopped drains it; its own records, in its own order. It may have died
            # over it: then the next program goes on.
            if not rings.try_lock(ring) or (
                self.is_ending and any(slot_files.may_be_taken_over(slot, key) for slot in self._drain.slots.values())
            ):
                ring.close()
                self.ignored.add(path)
                continue
            tally = self.tallies.of(ring.owner)
            tally.rings += 1
            source = Source(ring, ring.reader(), key, tally, monotonic())
            self.known[path] = source
            self._drain.sources.append(source)

    def keep(self) -> None:
        """Say what was dropped, and reclaim the rings of producers that closed them or are proven dead."""
        now = monotonic()
        for path in list(self._early):
            if not os.path.exists(path):
                self._early.discard(path)
            elif rings.is_left_at(path):
                self._remove_early(path)
        for source in list(self._drain.sources):
            try:
                self._look_after(source, now)
            except Exception as error:  # noqa: BLE001 - whatever it is that one ring has, the others are looked after
                report.error_in_handler(-1, None, error, sink=f"the care for the ring of {source.tally.who}")
        damaged = [source for source in self._drain.sources if source.aside and not source.owes]
        for source in damaged[: max(0, len(damaged) - MOST_DAMAGED)]:
            self._leave(source)

    def _look_after(self, source: Source, now: float) -> None:
        if source.file.words[DROPPED] != source.dropped:
            source.dropped = source.file.words[DROPPED]
            source.tally.dropped_at = now
        if source.broken:
            source.file.rest()  # Nothing is read there, so nobody needs to be kept from it.
        elif not source.file.has_descriptor():
            rings.try_lock(source.file)  # The program has closed it, and the lock went with it.
        told = self._tell(source, now)
        source.tell_producer()
        words = source.file.words
        done = source.file.closed_by_producer and words[FLUSH_TARGET] <= words[FLUSHED]
        if not done and now - source.quiet_since > HOUSEKEEPING:
            done = self.is_over(source.file)
        # Death or closing is proven: only now is a last look at tail worth anything.
        if done and told and self._is_through(source):
            self._reclaim(source)
        elif done and source.broken:
            self._leave(source)

    def _is_through(self, source: Source) -> bool:
        """Whether everything in it has been given to its sinks."""
        if source.aside or source.owes or self._drain.stalled:
            return False
        return not source.reader.unread()

    def _leave(self, source: Source) -> None:
        """Let a ring go that is damaged or set aside, which takes memory and a place; its file stays as it is."""
        self.ignored.add(source.file.path)
        self.damaged += 1
        source.tally.read += source.reader.count_unread()  # They are in flight for ever.
        self._forget(source)

    def _tell(self, source: Source, now: float) -> bool:
        """Say in the log what the process of *source* has dropped, unless it was said of it just now."""
        if not drops.any_unsaid(source.file.words):
            return True
        process = who(source.file.owner)
        files = [other.file for other in self._drain.sources if other.tally is source.tally]
        # A ring goes when it is told of: a process that fills one after the other must not wait with all of them.
        untold = sum(file.closed_by_producer and not file.is_unread() for file in files)
        if untold < MOST_UNTOLD and now - self._told_at.get(process, -losses.EVERY) < losses.EVERY:
            return False
        numbers = {drop.route for file in files for drop in drops.read(file.words) if drop.total != drop.said}
        # All others would wait with it for the lock of a busy file.
        held = self._drain.held() | {number for number in numbers if self._drain.files.is_busy(number)}
        if held >= numbers:
            return False
        self._told_at[process] = now
        return losses.tell_of(files, self._drain.routes, leave_others=False, held=held)

    def is_over(self, ring: RingFile) -> bool:
        """Whether the producer of *ring* is proven to be no more: its process, or, of this one, its interpreter."""
        process, interpreter = who(ring.owner)
        return rings.is_left(ring) or (process == self._identity and interpreter != 0 and is_over(interpreter))

    def _reclaim(self, source: Source) -> None:
        source.tell_producer()
        source.file.words[RECLAIMED] = 1
        rings.remove(source.file.path)
        # Not before: what interrupts the end of a session here leaves the rest of it to the next attempt.
        self._forget(source)

    def _forget(self, source: Source) -> None:
        tally = source.tally
        tally.dropped += dropped_of(source.file)
        tally.rings -= 1
        self.known.pop(source.file.path, None)
        self._drain.sources.remove(source)
        source.file.close()
        if not tally.rings:
            self._told_at.pop(who(source.file.owner), None)
            self.tallies.forget_oldest()

    def let_go(self) -> None:
        """At the end: reclaim the rings that are through, and give the others back."""
        for source in list(self._drain.sources):
            told = losses.tell(source.file, self._drain.routes, leave_others=False, held=self._drain.held())
            source.tell_producer()
            done = source.file.closed_by_producer or self.is_over(source.file)
            if done and told and self._is_through(source):
                self._reclaim(source)
            else:
                source.file.close()  # And with it the kernel lock: a living producer may take its ring over.
                self._drain.sources.remove(source)
        self._drain.files.let_go()

    def forget_closed(self) -> None:
        """Forget the ring that a `let_go` which was interrupted has closed, or begun to."""
        for source in list(self._drain.sources):
            if source.file.is_closed:
                source.file.close()
                self._drain.sources.remove(source)

    def remove_early(self) -> None:
        """At the end: remove the rings of processes that have not logged."""
        for path in list(self._early):
            # Whoever begins to use it after STOPPED has been stored takes it over before its first call returns. One
            # that has given up our rights cannot, and leaves there what it logs.
            if rings.is_left_at(path) or not runs_apart(rings.pid_in(rings.key_of(path))):
                self._remove_early(path)

    def _remove_early(self, path: str) -> None:
        self._early.discard(path)
        with contextlib.suppress(OSError):
            rings.remove(path)

    def oldest(self) -> int | None:
        """The stamp of the oldest record in any ring that is not with its sinks, in ns of `monotonic_ns()`."""
        stamps = [source.reader.oldest() for source in list(self._drain.sources) if not source.aside]
        stamps += [backlog.oldest() for backlog in list(self._drain.files.backlogs.values())]
        return min((stamp for stamp in stamps if stamp is not None), default=None)

    def forget(self) -> None:
        """In a forked child: close what would keep the parent's locks alive."""
        self.shortage.end()
        for source in self.known.values():
            source.file.close()
        self._drain.files.let_go()
