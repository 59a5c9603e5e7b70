"""One round of the writer: read what the rings hold, merge it by time, hand it to the sinks, move the heads.

A round is taken up again where it failed: what a sink has is not given to it twice, and no head moves before every
sink of the round has its share. A file that takes nothing has it in its backlog, so that the others go on.
"""

from __future__ import annotations

import contextlib
import functools
import operator
import os
import stat
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mplog._capture.record import Message
from mplog._ring.clock import monotonic, monotonic_ns
from mplog._ring.layout import (
    DATA_RECORD,
    FAILED,
    FILTERED,
    FLUSH_TARGET,
    FLUSHED,
    KIND_SPILLED_DATA,
    LOG,
    LOST,
    SPILL,
    WRITTEN,
)
from mplog._ring.ring import Entry, Reader, RingCorrupt
from mplog._ring.ring_file import RingFile
from mplog._sinks import report, signals
from mplog._sinks.file import phase
from mplog._sinks.file.sink import FileBusy, FileSink
from mplog._sinks.file.slot import MAXIMUM_RINGS, Part, Slot
from mplog._sinks.stray import as_exception
from mplog._writer.backlog import MOST_PIECES, Attempt, Backlog, Piece, Share, as_it_was
from mplog._writer.outlet import Outlet
from mplog._writer.route import Route
from mplog._writer.tally import Tally

RETRY = 0.25
"""Seconds between two attempts at a round that could not be finished."""

BATCH_BOUND = 0.05
"""Seconds that a round waits for the lock of a file, before its share goes into a backlog."""

HELD_BOUND = 0.01
"""The same for what is in a backlog already."""

MOMENT = 0.001
"""The same for all but the first that is busy: the others shall not wait for each of many locked files."""

BUSY = 2.0
"""Seconds that somebody may hold the lock of a file before it is worth a word."""

CROWDED = 8
"""A ring of which a round has taken more than this part (one eighth) is looked at again without a nap."""

STUCK = 1.0
"""Seconds after which a record that never becomes whole makes its ring corrupt."""


LOAD = 32 * 1024 * 1024
"""Bytes of records beside the rings that are in memory at once, for however many processes."""

MOST_RINGS = MAXIMUM_RINGS - MOST_PIECES
"""Rings of one round: a promise names those of a backlog, too."""

SPILLED = (SPILL, KIND_SPILLED_DATA)

_RING = operator.itemgetter(1)


@dataclass(slots=True)
class Source:
    """One ring as the writer sees it, with its kernel lock held."""

    file: RingFile
    reader: Reader
    key: bytes
    tally: Tally
    quiet_since: float = 0.0
    stuck_since: float | None = None
    broken: bool = False
    dropped: int = 0
    """What its producer had dropped at the last look."""
    flush: tuple[int, list[tuple[Outlet | Backlog, int]]] | None = None
    """The position that `complete()` waits for, and what must have been taken from where before."""

    def tell_producer(self) -> None:
        """Store in the ring what has become of the records of its process, for its own statistics."""
        words, tally = self.file.words, self.tally
        words[WRITTEN], words[FILTERED], words[FAILED] = tally.written, tally.filtered, tally.failed
        words[LOST] = tally.lost


@dataclass(slots=True)
class _Pending:
    """What a round still owes."""

    sources: list[Source]
    ends: list[int]
    starts: list[int]
    counts: list[int]
    """How many records the round has read from each ring."""
    uncounted: list[int]
    """Those that their processes have not got counted as read."""
    shares: list[Share]
    messages: deque[tuple[Outlet, Message, Tally]]
    filtered: Counter[tuple[int, int]]
    """Per ring and route the records that the owner's filter rejected, or whose handler is gone."""
    failed: Counter[tuple[int, int]]
    spills: set[str]
    """Files of records too large for a ring, to be removed at the end."""
    names: dict[tuple[int, int], tuple[int, bytes]]
    """Per ring and position the kind and body of a record whose text is made here, where its backlog wants those."""
    retry_at: float = 0.0


class Drain:
    """The rings of one session and the routes they lead to. Used by one thread at a time."""

    def __init__(
        self,
        routes: dict[int, Route],
        slots: dict[int, Slot],
        spill_directory: str,
        make_piece: Callable[[int, int], tuple[RingFile, bytes]] | None = None,
        say: Callable[[Route, str], None] = lambda _route, _text: None,
    ) -> None:
        """
        Args:
            make_piece: makes a ring for the backlog of a route, of at least so many bytes; None: there are none, and a
                file that takes nothing holds up the others.
            say: writes a line of mplog's own through a route.
        """
        self.routes = routes
        self.slots = slots
        self.sources: list[Source] = []
        self.backlogs: dict[int, Backlog] = {}
        """Per route of a file that takes nothing now, or did not a moment ago."""
        self._spill_directory = spill_directory
        self._make_piece = make_piece
        self._say = say
        self._pending: _Pending | None = None
        self._rest_until = 0.0
        self._patience = BATCH_BOUND
        """Seconds that the next file of this round may be waited for."""
        self._turn = 0
        self.grace = 0.005
        """Seconds a record waits for older ones of other processes."""
        self.may_drop = True
        """Whether a record is dropped, and counted, that finds no room in the backlog of its file, rather than held up
        with all others."""
        self.refusals: dict[int, str] = {}
        """Per route of a file that refuses: its error."""
        self.others: Callable[[Slot], list[Part]] | None = None
        """At the end of the session: what a promise must repeat of those of orphans; see FileSink.commit."""
        self.crowded = False
        """Whether the last round found a ring so full that its producer may have to wait soon."""

    def round(self, *, everything: bool = False) -> int:
        """Drain once; the number of records that have come further.

        An error, such as one of memory, puts the readers back: the batch is read again a moment later. What is no
        `Exception` is raised, after the same.

        Args:
            everything: do not wait for older records of other processes (flush, end).
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
        if self._pending is not None and not self._settle(self._pending):
            return 0
        moved = self._work_off() if self.backlogs else 0
        phase.at(phase.DRAINING)
        sources = self.sources[:MOST_RINGS]
        if len(self.sources) > MOST_RINGS:
            self.sources = self.sources[MOST_RINGS:] + sources  # The others come first in the next round.
        horizon = None if everything or len(sources) < 2 else monotonic_ns() - int(self.grace * 1e9)
        starts = [source.reader.position for source in sources]
        marks = [source.reader.mark() for source in sources]
        try:
            self._pending = self._read_all(sources, starts, horizon)
        finally:
            if self._pending is None:
                for source, mark in zip(sources, marks):  # noqa: B905 - made from one another
                    source.reader.return_to(mark)
        if self._pending is None:
            phase.at(phase.IDLE)
            return moved
        count = sum(self._pending.counts)
        self._settle(self._pending)
        return moved + count

    def _read_all(self, sources: list[Source], starts: list[int], horizon: int | None) -> _Pending | None:
        """One batch of all rings, merged and split; None when there is nothing."""
        entries: list[Entry] = []
        read_from = 0
        only: int | None = None
        counts = [0] * len(sources)
        self.crowded = False
        for index, source in enumerate(sources):
            found = self._read(source, index, horizon)
            if found:
                read_from += 1
                counts[index] = len(found)
                entries += found
                only = source.reader.only if only in (None, source.reader.only) else -1
        if not entries:
            return None
        if read_from > 1:
            entries.sort()
        if only == -1:
            entries = self._bound(sources, starts, entries, counts)
        return self._share_out(sources, starts, entries, only, counts)

    def _bound(self, sources: list[Source], starts: list[int], entries: list[Entry], counts: list[int]) -> list[Entry]:
        """As many of a merged batch as can be in memory together; the readers go back to the rest."""
        fitting = loadable(entries, self._spill_directory)
        if fitting == len(entries):
            return entries
        ends, kept = list(starts), [0] * len(sources)
        for entry in entries[:fitting]:
            ends[entry[1]] = entry[2]
            kept[entry[1]] += 1
        for index, source in enumerate(sources):
            surplus = counts[index] - kept[index]
            if surplus:
                source.reader.go_back(ends[index], surplus)
                counts[index] = kept[index]
        return entries[:fitting]

    def _read(self, source: Source, index: int, horizon: int | None) -> list[Entry]:
        if source.broken:
            return []
        reader = source.reader
        before = reader.position
        try:
            found = reader.read(index, horizon)
        except RingCorrupt as error:
            self._quarantine(source, str(error))
            return []
        now = monotonic()
        self.crowded = self.crowded or reader.position - before > source.file.capacity // CROWDED
        if reader.position != before:
            source.quiet_since = now
            source.stuck_since = None
        elif reader.unread():
            # Published, and not acceptable yet: another look, until it is clear that it never will be.
            if source.stuck_since is None:
                source.stuck_since = now
            elif now - source.stuck_since > STUCK + (0.0 if horizon is None else self.grace):
                # The stamp alone is no reason: a process may have another clock, as in a time namespace of its own.
                found = [] if horizon is None else reader.read(index)
                source.stuck_since = None
                if not found:
                    self._quarantine(source, f"the record at {reader.position} has a wrong number or checksum")
        else:
            source.stuck_since = None
        return found

    def _quarantine(self, source: Source, why: str) -> None:
        source.broken = True
        report.once(
            f"corrupt {source.file.path}",
            f"the ring {source.file.path} of process {source.file.owner.pid} is damaged ({why}). Its records up to "
            f"there are written, the rest is kept in that file. Other processes are not affected.",
        )

    def _share_out(
        self, sources: list[Source], starts: list[int], entries: list[Entry], only: int | None, counts: list[int]
    ) -> _Pending:
        """Split a merged batch by route. Nothing is given to anybody yet: the batch may have to be read again.

        Args:
            only: the route of all entries, when they are text for one.
            counts: the number of entries from each source.
        """
        files: dict[int, list[Entry]] = {
            number: [] for number, route in list(self.routes.items()) if route.outlet is None
        }
        ends = [source.reader.position for source in sources]
        pending = _Pending(sources, ends, starts, counts, counts[:], [], deque(), Counter(), Counter(), set(), {})
        if only in files:
            # Most programs have one file and log text: the batch is the share.
            files[only], entries = entries, []
        for entry in entries:
            if entry[3] == LOG and entry[4] in files:
                files[entry[4]].append(entry)
                continue
            route = self.routes.get(entry[4])
            if route is None:
                pending.filtered[entry[1], entry[4]] += 1
                continue  # The owner removed that handler: later records of it vanish, as documented.
            text = self._text(route, entry, pending)
            if text is None:
                continue
            if isinstance(text, Message):
                assert route.outlet is not None
                pending.messages.append((route.outlet, text, sources[entry[1]].tally))
            else:
                files[entry[4]].append((*entry[:7], text))
                if entry[3] != LOG:
                    pending.names[entry[1], entry[2]] = entry[3], entry[7]
        # A handler whose removal did not wait for a round that took too long is gone, with what is meant for it.
        pending.shares = [
            Share(self.routes[number], self.slots[number], share)
            for number, share in files.items()
            if share and number in self.routes and number in self.slots
        ]
        return pending

    def _text(self, route: Route, entry: Entry, pending: _Pending) -> bytes | Message | None:
        kind, body = entry[3], entry[7]
        if kind in SPILLED:
            path = spill_path(self._spill_directory, body)
            pending.spills.add(path)
            body = read_spilled(path)
        if kind in (DATA_RECORD, KIND_SPILLED_DATA):
            signals.open_up()  # Its filter, format or patcher may be the user's own.
        try:
            text = route.text_of(kind, body)
        except MemoryError:
            raise
        except BaseException as error:  # noqa: BLE001 - a user's filter or format, or damaged bytes; the writer goes on
            who = pending.sources[entry[1]].tally.who
            report.error_in_handler(
                route.spec.id, route.record_of(kind, body, who), as_exception(error), sink=route.spec.target
            )
            pending.failed[entry[1], entry[4]] += 1
            return None
        if text is None:
            pending.filtered[entry[1], entry[4]] += 1
        return text

    def _settle(self, pending: _Pending) -> bool:
        """Give what is owed; True when nothing is left and the heads have moved."""
        if monotonic() < pending.retry_at:
            return False
        self._patience = BATCH_BOUND
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
        for share in pending.shares:
            if share.counted < len(share.entries) and not self._give(pending, share):
                pending.retry_at = monotonic() + RETRY
                return False
        self._count_others(pending)
        for source, end, count in zip(pending.sources, pending.ends, pending.counts, strict=True):
            if count:
                source.tell_producer()
            if not source.broken or end > source.reader.head:
                source.reader.release(end)
        phase.at(phase.MOVED)
        for path in pending.spills:
            with contextlib.suppress(OSError):
                os.unlink(path)
        self._pending = None
        phase.at(phase.IDLE)
        return True

    def _count_others(self, pending: _Pending) -> None:
        """Count what had no share: each once, though a later attempt may come here again."""
        while pending.filtered:
            (ring, number), count = pending.filtered.popitem()
            pending.sources[ring].tally.add(filtered=count)
            if number in self.routes:
                self.routes[number].filtered += count
        while pending.failed:
            (ring, number), count = pending.failed.popitem()
            pending.sources[ring].tally.add(failed=count)
            if number in self.routes:
                self.routes[number].failed += count

    def _give(self, pending: _Pending, share: Share) -> bool:
        """Commit what is left of *share*, or keep it in the backlog of its file; False when neither can be done."""
        number = share.route.spec.id
        if number not in self.routes:
            self.give_up(number)  # Removed by somebody who could not wait for this round.
            return True
        if number not in self.backlogs or share.progress.is_open:
            if self._commit_share(pending, share):
                return True
            # While a promise is open nobody knows which of its records are in the file.
            if self._make_piece is None or share.slot.is_undone():
                return False
            if number not in self.backlogs:
                self.backlogs[number] = Backlog(functools.partial(self._make_piece, number))
        elif share.progress.done > share.counted:
            self._count_written(pending, share)
        backlog = self.backlogs[number]
        if self._hold(pending, share, backlog):
            return True
        # No room, and nothing may be dropped: what is held is written first, and the rest goes straight to the file.
        # The rings of the backlog stay until the heads have moved, for they tell what of this round is written.
        if monotonic() >= backlog.retry_at:
            self._write_backlog(number, backlog, HELD_BOUND)
        if backlog.waiting:
            return False
        share.skip(backlog)
        return self._commit_share(pending, share)

    def _commit_share(self, pending: _Pending, share: Share) -> bool:
        keys = [source.key for source in pending.sources]
        try:
            done = self._commit(share, keys, pending.starts, pending.ends, self._patience)
            if not done:
                self._patience = MOMENT
            return done
        finally:
            self._count_written(pending, share)

    def _hold(self, pending: _Pending, share: Share, backlog: Backlog) -> bool:
        """Keep what is left of *share* in *backlog*; False when there is no room, and nothing may be dropped."""
        asks = share.route.spec.asks_about_messages
        # By what has come there, and not by what was counted after it: an error may be raised in between.
        while (at := share.next_for(backlog)) < len(share.entries):
            entry = share.entries[at]
            kind, body = LOG, entry[7]
            named = pending.names.get((entry[1], entry[2]))
            if named is not None and (asks or named[0] in SPILLED):
                # What lies beside the ring stays there; and a rotation function shall see the record, not its text.
                kind, body = named
            spill = spill_path(self._spill_directory, body) if kind in SPILLED else ""
            pending.spills.discard(spill)
            source = pending.sources[entry[1]]
            kept = backlog.put(entry, kind, body, source.key, source.tally)
            if kept:
                continue
            if not self.may_drop or len(self.routes) == 1:
                return False
            if spill:
                pending.spills.add(spill)
            backlog.lost += 1
            source.tally.add(lost=1)
            report.once(
                f"backlog {share.route.spec.id}",
                f"{backlog.waiting} records wait for handler {share.route.spec.id}, whose file takes nothing, and "
                "there is no room for more: what comes is dropped and counted, so that it holds up no other "
                "handler. The log will tell.",
            )
        share.counted = len(share.entries)
        return True

    def _work_off(self) -> int:
        """Write what waits in backlogs, where it is time to try; how many records."""
        moved = 0
        waiting = list(self.backlogs.items())
        self._turn = (self._turn + 1) % len(waiting)  # Each is the first at some time.
        bound = HELD_BOUND
        for number, backlog in waiting[self._turn :] + waiting[: self._turn]:
            if number not in self.routes:
                self.give_up(number)  # As in _give.
                continue
            if monotonic() >= backlog.retry_at:
                before = backlog.taken
                self._write_backlog(number, backlog, bound)
                moved += backlog.taken - before
                if backlog.attempt is not None:
                    bound = MOMENT
            if backlog.tidy():
                del self.backlogs[number]
                if backlog.lost and number in self.routes:
                    text = f"mplog: {backlog.lost} records were dropped here: the file took nothing for too long"
                    self._say(self.routes[number], text)
        return moved

    def _write_backlog(self, number: int, backlog: Backlog, bound: float) -> None:
        while True:
            # An attempt that failed goes on with what it had: only its progress knows what an open promise is about.
            attempt = backlog.attempt
            if attempt is None:
                piece = backlog.next_piece()
                if piece is None:
                    return
                attempt = backlog.attempt = self._attempt(number, piece)
            try:
                written = self._commit(attempt.share, [attempt.key], [attempt.start], None, bound)
            finally:
                backlog.count(attempt)
            if not written:
                backlog.put_off()
                return
            backlog.attempt = None
            for entry in attempt.held:
                if as_it_was(entry)[3] in SPILLED:
                    with contextlib.suppress(OSError):
                        os.unlink(spill_path(self._spill_directory, as_it_was(entry)[7]))

    def _attempt(self, number: int, piece: Piece) -> Attempt:
        """The next batch of a backlog: as much as can be in memory together."""
        mark = piece.reader.mark()
        try:
            held = piece.reader.read(0)
            fitting = loadable([as_it_was(entry) for entry in held], self._spill_directory)
            entries = [self._finished(self.routes[number], as_it_was(entry)) for entry in held[:fitting]]
            if fitting < len(held):
                piece.reader.go_back(held[fitting - 1][2], len(held) - fitting)
        except BaseException:
            piece.reader.return_to(mark)
            raise
        return Attempt(held[:fitting], Share(self.routes[number], self.slots[number], entries), piece.key, mark[0])

    def _finished(self, route: Route, entry: Entry) -> Entry:
        """A record of a backlog with the bytes that its file gets. Its filter has let it through already."""
        kind, body = entry[3], entry[7]
        if kind in SPILLED:
            body = read_spilled(spill_path(self._spill_directory, body))
        if kind in (DATA_RECORD, KIND_SPILLED_DATA):
            signals.open_up()  # Its format or patcher may be the user's own.
        try:
            text = route.text_of(kind, body, asked=True)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - it could be made before: its spilled bytes are gone by now, say
            record = route.record_of(kind, body, "a process")
            report.error_in_handler(route.spec.id, record, error, sink=route.spec.target)
            text = route.spec.encode(f"<a record that waited for this file is missing: {str(error)!a}>\n")
        assert isinstance(text, bytes)
        return (*entry[:7], text)

    def _commit(self, share: Share, keys: list[bytes], starts: list[int], ends: list[int] | None, bound: float) -> bool:
        """Append what is left of *share* to its file; False when that takes nothing now."""
        route, progress = share.route, share.progress
        sink = route.sink
        assert isinstance(sink, FileSink)
        try:
            others = None
            if self.others is not None or route.spec.id in self.backlogs:
                others = functools.partial(self._others, route.spec.id, share.slot)
            sink.commit(share.entries, keys, starts, share.slot, progress, ends, others, bound)
        except Exception as error:  # noqa: BLE001 - a file that refuses, or something unforeseen: it is tried again
            self._refused(route, error, len(share.entries) - progress.done)
            return False
        self.refusals.pop(route.spec.id, None)
        return True

    def _others(self, number: int, slot: Slot) -> list[Part]:
        """What a promise must repeat beside its own part: how far the other rings have come that are still there."""
        reached: dict[bytes, int] = {}
        if self.others is not None:
            reached.update((part.ring, part.end) for part in self.others(slot))
        backlog = self.backlogs.get(number)
        if backlog is not None:
            reached.update(backlog.reached())
        # In the middle of a round its rings have not moved on.
        for share in self._pending.shares if self._pending is not None else ():
            if share.slot is slot:
                assert self._pending is not None
                sources = self._pending.sources
                reached.update((sources[ring].key, end) for ring, end in share.progress.ends.items())
        return [Part(ring, end, end) for ring, end in reached.items()]

    def _refused(self, route: Route, error: Exception, waiting: int) -> None:
        """Say that the file of *route* takes nothing, unless somebody just has its lock for a moment."""
        number = route.spec.id
        backlog = self.backlogs.get(number)
        if isinstance(error, FileBusy) and (backlog is None or monotonic() - backlog.since < BUSY):
            return
        sink = route.sink
        assert isinstance(sink, FileSink)
        why = str(error) if backlog is None else f"{error}, for {monotonic() - backlog.since:.0f} s"
        self.refusals[number] = f"{sink.path}: {why}"
        report.once(
            f"write {number}",
            f"handler {number} cannot write to {sink.path} ({why}); "
            f"{backlog.waiting if backlog is not None else waiting} records wait in memory that outlives this process, "
            "and the write is tried again. Put that right; when the program has ended before, run `mplog recover`.",
        )

    def _count_written(self, pending: _Pending, share: Share) -> None:
        """What of *share* is in its file since the last count: the processes it came from get it counted."""
        first, share.counted = share.counted, share.progress.done
        share.route.written += share.counted - first
        everything = share.counted - first == sum(pending.counts)
        per_ring = (
            dict(enumerate(pending.counts)) if everything else Counter(map(_RING, share.entries[first : share.counted]))
        )
        for index, count in per_ring.items():
            if count:
                pending.sources[index].tally.add(written=count)

    @property
    def stalled(self) -> bool:
        """Whether a round is owed to some file that takes nothing, so that nothing can be read before it does."""
        return self._pending is not None

    @property
    def waiting(self) -> bool:
        """Whether some file has not got what has been read for it."""
        return self._pending is not None or bool(self.backlogs)

    def answer_flushes(self) -> bool:
        """Tell producers that wait in `complete()` how far their records are in the sinks; True while some wait."""
        waiting = False
        for source in self.sources:
            words = source.file.words
            target = min(words[FLUSH_TARGET], source.reader.tail)  # Nobody waits for what is not published.
            if target <= words[FLUSHED]:
                continue
            if source.flush is None or source.flush[0] < target:
                if source.reader.head < target and not source.broken:
                    waiting = True
                    continue
                queues: list[Outlet | Backlog] = [*self.backlogs.values()]
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
        backlog = self.backlogs.pop(number, None)
        left = backlog.waiting if backlog is not None else 0
        pending = self._pending
        for share in pending.shares if pending is not None else ():
            if share.route.spec.id == number and share.counted < len(share.entries):
                assert pending is not None
                at = share.counted if backlog is None else share.next_for(backlog)
                lost, share.counted = share.entries[at:], len(share.entries)
                left += len(lost)
                for entry in lost:
                    pending.sources[entry[1]].tally.add(lost=1)
        if left:
            report.once(
                f"left {number}",
                f"handler {number} was removed while its file took nothing; {left} records that other processes "
                "logged to it are lost.",
            )
        if backlog is not None:
            backlog.give_up()

    def let_go(self) -> None:
        """At the end of the session: give back the rings of backlogs, for whoever writes what is in them."""
        for backlog in self.backlogs.values():
            backlog.close()
        self.backlogs.clear()

    def published(self) -> list[tuple[Source, int]]:
        """How far each ring has been filled by now; see `is_through`."""
        return [(source, source.reader.tail) for source in self.sources]

    @staticmethod
    def behind(published: list[tuple[Source, int]]) -> int:
        """How many bytes up to there have not been read."""
        return sum(max(0, end - source.reader.position) for source, end in published if not source.broken)

    def is_through(self, published: list[tuple[Source, int]]) -> bool:
        """Whether everything up to there has been handed to its sinks, but for rings that are damaged."""
        return not self.waiting and all(source.broken or source.reader.position >= end for source, end in published)

    def unread(self) -> bool:
        """Whether any ring has something that was not read."""
        return any(not source.broken and source.reader.unread() for source in self.sources)


def loadable(entries: Sequence[Entry], spill_directory: str) -> int:
    """How many of *entries*, from the first on, can be in memory together: one at least."""
    total = 0
    for index, entry in enumerate(entries):
        if entry[3] in SPILLED:
            with contextlib.suppress(OSError):
                total += os.lstat(spill_path(spill_directory, entry[7])).st_size
            if total > LOAD and index:
                return index
    return len(entries)


def spill_path(directory: str, name: bytes) -> str:
    """Where a record is that was too large for its ring, which has its *name*."""
    return os.path.join(directory, os.path.basename(name.decode("utf-8", "replace")))


def read_spilled(path: str) -> bytes:
    """The payload of a record that was too large for its ring; a mark when the file is gone."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        return f"<a large record is missing: {error}>\n".encode()
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return b"<a large record is missing: its place is taken by something else>\n"
        return file.read()
