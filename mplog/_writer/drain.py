"""One round of the writer: read what the rings hold, merge it by time, hand it to the sinks, move the heads.

A round is taken up again where it failed: what a sink has is not given to it twice, and no head moves before every
sink of the round has its share. A file that takes nothing has it in its backlog, so that the others go on.
"""

from __future__ import annotations

import contextlib
import os

from mplog._ring.clock import monotonic, monotonic_ns
from mplog._ring.layout import FLUSH_TARGET, FLUSHED
from mplog._sinks import report
from mplog._sinks.file.slot import MAXIMUM_RINGS
from mplog._writer.backlog import MOST_PIECES, Backlog
from mplog._writer.batch import Batches
from mplog._writer.files import Files
from mplog._writer.outlet import Outlet
from mplog._writer.pending import Pending
from mplog._writer.source import ATTEMPTS, Source

RETRY = 0.25
"""Seconds between two attempts at a round that could not be finished."""

MOST_RINGS = MAXIMUM_RINGS - MOST_PIECES
"""Rings of one round: a promise names those of a backlog, too."""


class Drain:
    """The rings of one session and the routes they lead to. Used by one thread at a time."""

    def __init__(self, files: Files, batches: Batches) -> None:
        """Both are of this session's routes."""
        self.files = files
        self.batches = batches
        self.routes = files.routes
        self.slots = files.slots
        self.sources: list[Source] = []
        self._pending: Pending | None = None
        self._rest_until = 0.0
        self.grace = 0.005
        """Seconds a record waits for older ones of other processes."""

    def round(self, *, everything: bool = False) -> int:
        """Drain once; the number of records that have come further.

        An error, such as one of memory, puts the readers back: the batch is read again a moment later. What is no
        `Exception` is raised, after the same.

        Args:
            everything: wait neither for older records of other processes nor between turns of a backlog (flush, end).
        """
        if monotonic() < self._rest_until:
            return 0
        try:
            return self._round(everything)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next round is tried
            self._rest_until = monotonic() + RETRY
            report.error_in_handler(-1, None, error, sink="a round of the writer")
            return 0

    def _round(self, everything: bool) -> int:
        if self.files.apart:
            self._settle_apart()
        settled = self._pending is None or self._settle_owed(self._pending)
        moved = self.files.work_off(self._pending, everything=everything) if self.files.backlogs else 0
        if not settled:
            return moved
        sources = self._in_turn()
        horizon = None if everything or len(sources) < 2 else monotonic_ns() - int(self.grace * 1e9)
        try:
            self._read(sources, horizon)
        except Exception as error:  # noqa: BLE001 - unforeseen: some ring's, which shows when each is read alone
            if self._pending is None:
                return moved + self._read_apart(sources, horizon, error)
            report.error_in_handler(-1, None, error, sink="a round of the writer")  # After all was read and shared.
        if self._pending is None:
            return moved
        count = sum(self._pending.counts)
        self._settle_owed(self._pending)
        return moved + count

    def _in_turn(self) -> list[Source]:
        """The rings of this round: all that fit, without those that rest."""
        known = self.sources
        sources = known[:MOST_RINGS]
        if len(known) > MOST_RINGS:
            self.sources = known[MOST_RINGS:] + sources  # The others come first in the next round.
        now = monotonic()
        chosen = [source for source in sources if not (source.owes or source.rest_until > now)]
        return chosen if len(chosen) == len(known) else _without_overtakers(chosen, known)

    def _read(self, sources: list[Source], horizon: int | None) -> None:
        """Make one batch of *sources* the one that is owed. Without that, the readers are where they were."""
        starts = [source.reader.position for source in sources]
        marks = [source.reader.mark() for source in sources]
        try:
            self._pending = self.batches.read_all(sources, starts, horizon, self.grace)
        finally:
            if self._pending is None:
                for source, mark in zip(sources, marks):  # noqa: B905 - made from one another
                    source.reader.return_to(mark)

    def _read_apart(self, sources: list[Source], horizon: int | None, error: Exception) -> int:
        """After an *error* that came of reading them together: read each on its own, and give what it holds; how many
        records. The one that fails again is the guilty one, and no other pays for it."""
        if len(sources) == 1:
            sources[0].fail(error, RETRY)
            return 0
        report.error_in_handler(-1, None, error, sink="a round of the writer")
        moved = 0
        for source in sorted(sources, key=lambda source: source.reader.oldest() or 0):
            if not _without_overtakers([source], self.sources):
                continue  # Its turn comes when what its process has logged before has been read.
            try:
                self._read([source], horizon)
            except Exception as own:  # noqa: BLE001 - as in _round
                source.fail(own, RETRY)
            if self._pending is not None:
                moved += sum(self._pending.counts)
                if not self._settle_owed(self._pending):
                    break  # The others come in the next round.
        return moved

    def _settle_owed(self, pending: Pending) -> bool:
        """Give what the last round owes; True when it is over. What fails again and again, though no file refuses, is
        taken apart: whose ring it is shows then, and the others go on."""
        if monotonic() < pending.retry_at:
            return False
        try:
            settled = self._settle(pending)
        except Exception as error:
            pending.failures += 1
            pending.retry_at = monotonic() + RETRY
            if pending.failures < ATTEMPTS or pending.is_open:
                raise
            report.error_in_handler(-1, None, error, sink="a round of the writer")
            parts = pending.taken_apart(self.files.backlogs)
            for part in parts:
                part.sources[0].owes = True
            # One store: what interrupts here leaves all of it to the next attempt.
            self.files.apart, self._pending = self.files.apart + parts, None
            self._settle_apart()
            return True
        if settled:
            pending.forgive()
            self._pending = None
        return settled

    def _settle_apart(self) -> None:
        """Give what is owed of single rings, as far as that succeeds."""
        for pending in list(self.files.apart):
            source = pending.sources[0]
            if monotonic() < max(pending.retry_at, source.rest_until):
                continue
            try:
                settled = self._settle(pending)
            except Exception as error:  # noqa: BLE001 - unforeseen, as in `_settle_owed`
                source.fail(error, RETRY)
                continue
            if settled:
                pending.forgive()
                self.files.apart = [other for other in self.files.apart if other is not pending]

    def _settle(self, pending: Pending) -> bool:
        """Give what is owed; True when nothing is left and the heads have moved."""
        while pending.uncounted:
            pending.sources[len(pending.uncounted) - 1].tally.read += pending.uncounted.pop()
        while pending.messages:
            # What raises here has been taken: these sinks get a record at most once.
            item = outlet, message, tally = pending.messages.popleft()
            before = outlet.put_count
            try:
                outlet.put(message, tally)
            except BaseException:
                if outlet.put_count == before:
                    pending.messages.appendleft(item)
                raise
        if not self.files.give_all(pending):
            pending.retry_at = monotonic() + RETRY
            return False
        pending.count_others(self.routes)
        for source, end, count in zip(pending.sources, pending.ends, pending.counts, strict=True):
            if count:
                source.tell_producer()
            if not source.broken or end > source.reader.head:
                source.reader.release(end)
        for path in pending.spills:
            with contextlib.suppress(OSError):
                os.unlink(path)
        return True

    @property
    def stalled(self) -> bool:
        """Whether a round is owed to some file that takes nothing, so that nothing can be read before it does."""
        return self._pending is not None

    @property
    def waiting(self) -> bool:
        """Whether some file has not got what has been read for it."""
        if self._pending is not None or any(not pending.sources[0].aside for pending in self.files.apart):
            return True
        return any(backlog.waiting or not self.files.tells(at) for at, backlog in self.files.backlogs.items())

    def held(self) -> set[int]:
        """The routes of files that have not got what has been read for them: what is said there now comes too early."""
        found = set(self.files.backlogs)
        owed = [pending for pending in self.files.apart if not pending.sources[0].aside]
        for pending in [*owed, *(() if self._pending is None else (self._pending,))]:
            found.update(share.route.spec.id for share in pending.shares if share.counted < len(share.entries))
        return found

    def answer_flushes(self) -> bool:
        """Tell producers that wait in `complete()` how far their records are in the sinks; True while some wait."""
        waiting = False
        for source in self.sources:
            words = source.file.words
            target = min(words[FLUSH_TARGET], source.reader.tail)  # Nobody waits for what is not published.
            if target <= words[FLUSHED]:
                continue
            if source.flush is None or source.flush[0] < target:
                if source.reader.head < target and not source.aside:
                    waiting = True
                    continue
                queues: list[Outlet | Backlog] = [*self.files.backlogs.values()]
                queues += [route.outlet for route in list(self.routes.values()) if route.outlet is not None]
                source.flush = target, [(queue, queue.put_count) for queue in queues]
            if all(queue.taken_up_to(count) for queue, count in source.flush[1]):
                source.tell_producer()
                words[FLUSHED] = source.flush[0]
                source.flush = None
            else:
                source.tell_producer()  # By which it sees that its sinks take something.
                waiting = True
        return waiting

    def give_up(self, number: int) -> None:
        """The handler *number* was removed: what still waits for its file is lost, which is counted and said."""
        self.files.give_up(number, self._pending)

    def published(self) -> list[tuple[Source, int]]:
        """How far each ring has been filled by now; see `is_through`."""
        return [(source, source.reader.tail) for source in self.sources]

    @staticmethod
    def behind(published: list[tuple[Source, int]]) -> int:
        """How many bytes up to there have not been read."""
        return sum(max(0, end - source.reader.position) for source, end in published if not source.aside)

    def is_through(self, published: list[tuple[Source, int]]) -> bool:
        """Whether everything up to there has been handed to its sinks, but for rings that are damaged."""
        return not self.waiting and all(source.aside or source.reader.position >= end for source, end in published)

    def unread(self) -> bool:
        """Whether any ring has something that was not read."""
        return any(not source.aside and source.reader.unread() for source in self.sources)


def _without_overtakers(chosen: list[Source], known: list[Source]) -> list[Source]:
    """Those of the *chosen* that overtake no older record in a ring of the same process that is not among them."""
    read, served = {id(source) for source in chosen}, {id(source.tally) for source in chosen}
    waiting: dict[int, int] = {}
    for other in known:
        if id(other) in read or id(other.tally) not in served or other.aside:
            continue
        stamp = other.reader.oldest()
        if stamp is not None:
            waiting[id(other.tally)] = min(stamp, waiting.get(id(other.tally), stamp))
    if not waiting:
        return chosen
    return [
        source
        for source in chosen
        # One that holds nothing may hold something in a moment, which comes too early, too.
        if (before := waiting.get(id(source.tally))) is None
        or ((mine := source.reader.oldest()) is not None and mine <= before)
    ]
