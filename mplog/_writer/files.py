"""The files of a session: each gets its share of a round, or has it in its backlog until it takes something again."""

from __future__ import annotations

import contextlib
import functools
import operator
import os
from collections import Counter
from collections.abc import Callable

from mplog._ring.clock import monotonic
from mplog._ring.layout import LOG, SPILLED_KINDS
from mplog._ring.ring import Entry
from mplog._ring.ring_file import RingFile
from mplog._sinks import report
from mplog._sinks.file.sink import FileSink
from mplog._sinks.file.slot import Part, Slot
from mplog._sinks.file.use import FileBusy
from mplog._sinks.stray import as_exception
from mplog._writer.backlog import Attempt, Backlog, Piece, Share, as_it_was
from mplog._writer.pending import Pending
from mplog._writer.route import Route
from mplog._writer.spilled import Relieved, loadable, read_spilled, spill_path

BATCH_BOUND = 0.05
"""Seconds that a round waits for the lock of a file, before its share goes into a backlog."""

HELD_BOUND = 0.01
"""The same for what is in a backlog already."""

MOMENT = 0.001
"""The same for all but the first that is busy: the others shall not wait for each of many locked files."""

BUSY = 2.0
"""Seconds that somebody may hold the lock of a file before it is worth a word."""

_RING = operator.itemgetter(1)


class Files:
    """How the files of one session are written. Used by one thread at a time, the one that is in a round."""

    def __init__(
        self,
        routes: dict[int, Route],
        slots: dict[int, Slot],
        spill_directory: str,
        make_piece: Callable[[int, int], tuple[RingFile, bytes]],
        say: Callable[[Route, str], None],
        relieved: Relieved,
    ) -> None:
        """
        Args:
            make_piece: makes a ring for the backlog of a route, of at least so many bytes. Raises OSError where there
                is no room.
            say: writes a line of mplog's own through a route.
            relieved: frees some descriptors for a while, where there may be no other.
        """
        self.routes = routes
        self.slots = slots
        self._spill_directory = spill_directory
        self._make_piece = make_piece
        self._say = say
        self._relieved = relieved
        self.backlogs: dict[int, Backlog] = {}
        """Per route of a file that takes nothing now, or did not a moment ago."""
        self._patience = BATCH_BOUND
        """Seconds that the next file of this round may be waited for."""
        self._turn = 0
        self.apart: list[Pending] = []
        """What rounds still owe of single rings to which something unforeseen has happened."""
        self.may_drop = True
        """Whether a record is dropped, and counted, that finds no room in the backlog of its file, rather than held up
        with all others."""
        self.refusals: dict[int, str] = {}
        """Per route of a file that refuses: its error."""
        self.others: Callable[[Slot], list[Part]] | None = None
        """At the end of the session: what a promise must repeat of those of orphans; see FileSink.commit."""

    def give_all(self, pending: Pending) -> bool:
        """Give each file what it has not got of its share; False when one takes nothing and has no backlog for it."""
        self._patience = BATCH_BOUND
        done = True
        for share in pending.shares:
            if share.counted < len(share.entries):
                done = self._give(pending, share) and done
        return done

    def _give(self, pending: Pending, share: Share) -> bool:
        """Commit what is left of *share*, or keep it in the backlog of its file; False when neither can be done."""
        number = share.route.spec.id
        if number not in self.routes:
            self.give_up(number, pending)  # Removed by somebody who could not wait for this round.
            return True
        if number not in self.backlogs or share.progress.is_open:
            if self._commit_share(pending, share):
                return True
            # While a promise is open nobody knows which of its records are in the file.
            if share.slot.is_undone():
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
            self._write_backlog(number, backlog, HELD_BOUND, pending)
        if backlog.waiting:
            return False
        share.skip(backlog)
        return self._commit_share(pending, share)

    def _commit_share(self, pending: Pending, share: Share) -> bool:
        keys = [source.key for source in pending.sources]
        try:
            done = self._commit(share, keys, pending.starts, pending.ends, self._patience, pending)
            if not done:
                self._patience = MOMENT
            return done
        finally:
            self._count_written(pending, share)

    def _hold(self, pending: Pending, share: Share, backlog: Backlog) -> bool:
        """Keep what is left of *share* in *backlog*; False when there is no room, and nothing may be dropped."""
        asks = share.route.spec.asks_about_messages
        # By what has come there, and not by what was counted after it: an error may be raised in between.
        while (at := share.next_for(backlog)) < len(share.entries):
            entry = share.entries[at]
            kind, body = LOG, entry[7]
            named = pending.names.get((entry[1], entry[2]))
            if named is not None and (asks or named[0] in SPILLED_KINDS):
                # What lies beside the ring stays there; and a rotation function shall see the record, not its text.
                kind, body = named
            spill = spill_path(self._spill_directory, body) if kind in SPILLED_KINDS else ""
            pending.spills.pop(spill, None)
            source = pending.sources[entry[1]]
            kept = backlog.put(entry, kind, body, source.key, source.tally)
            if kept:
                continue
            if not self.may_drop or len(self.routes) == 1:
                return False
            if spill:
                pending.spills[spill] = entry[1]
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

    def work_off(self, pending: Pending | None, *, everything: bool) -> int:
        """Write what waits in backlogs, where it is time to try; how many records.

        Args:
            pending: the round in progress, if there is one.
            everything: all of it, rather than as much as other sinks can wait for.
        """
        moved = 0
        waiting = list(self.backlogs.items())
        self._turn = (self._turn + 1) % len(waiting)  # Each is the first at some time.
        bound = HELD_BOUND
        for number, backlog in waiting[self._turn :] + waiting[: self._turn]:
            if number not in self.routes:
                self.give_up(number, pending)  # As in _give.
                continue
            if monotonic() >= backlog.retry_at:
                before = backlog.taken
                try:
                    self._write_backlog(number, backlog, bound, pending, None if everything else backlog.next_turn())
                except Exception as error:  # noqa: BLE001 - unforeseen: it costs this file some time, and no other
                    backlog.put_off()
                    report.error_in_handler(-1, None, error, sink=f"the backlog of handler {number}")
                moved += backlog.taken - before
                if backlog.attempt is not None:
                    bound = MOMENT
            # As long as the rings that a record came from have not moved on, a backlog is what tells that it is there.
            if pending is None and not self.tells(number) and backlog.tidy():
                del self.backlogs[number]
                if backlog.lost and number in self.routes:
                    text = f"mplog: {backlog.lost} records were dropped here: the file took nothing for too long"
                    self._say(self.routes[number], text)
        return moved

    def tells(self, number: int) -> bool:
        """Whether the backlog of the route *number* has records of rings that are apart."""
        return any(
            share.route.spec.id == number and (share.was_held or share.held is not None)
            for pending in self.apart
            for share in pending.shares
        )

    def _write_backlog(
        self, number: int, backlog: Backlog, bound: float, pending: Pending | None, batches: int | None = None
    ) -> None:
        """Write so many *batches* of *backlog*, or all, until its file takes nothing."""
        while batches is None or (batches := batches - 1) >= 0:
            # An attempt that failed goes on with what it had: only its progress knows what an open promise is about.
            attempt = backlog.attempt
            if attempt is None:
                piece = backlog.next_piece()
                if piece is None:
                    return
                attempt = backlog.attempt = self._attempt(number, piece)
            try:
                written = self._commit(attempt.share, [attempt.key], [attempt.start], None, bound, pending)
            finally:
                backlog.count(attempt)
            if not written:
                backlog.put_off()
                return
            self._remove_spills(attempt.held)
            backlog.attempt = None

    def _remove_spills(self, held: list[Entry]) -> None:
        for entry in map(as_it_was, held):
            if entry[3] in SPILLED_KINDS:
                with contextlib.suppress(OSError):
                    os.unlink(spill_path(self._spill_directory, entry[7]))

    def _attempt(self, number: int, piece: Piece) -> Attempt:
        """The next batch of a backlog: as much as can be in memory together."""
        mark = piece.reader.mark()
        try:
            held = piece.reader.read(0)
            fitting = loadable([as_it_was(entry) for entry in held], self._spill_directory)
            entries = [self._finished(self.routes[number], as_it_was(entry)) for entry in held[:fitting]]
            if fitting < len(held):
                piece.reader.go_back(held[fitting - 1][2], len(held) - fitting)
            return Attempt(held[:fitting], Share(self.routes[number], self.slots[number], entries), piece.key, mark[0])
        except BaseException:
            piece.reader.return_to(mark)
            raise

    def _finished(self, route: Route, entry: Entry) -> Entry:
        """A record of a backlog with the bytes that its file gets. Its filter has let it through already."""
        kind, body = entry[3], entry[7]
        if kind in SPILLED_KINDS:
            body = read_spilled(spill_path(self._spill_directory, body), self._relieved)
        try:
            text = route.text_of(kind, body, asked=True)
        except MemoryError:
            raise
        except BaseException as raised:  # noqa: BLE001 - it could be made before: its spilled bytes are gone by now, say
            error = as_exception(raised)
            record = route.record_of(kind, body, "a process")
            report.error_in_handler(route.spec.id, record, error, sink=route.spec.target)
            text = route.spec.encode(f"<a record that waited for this file is missing: {str(error)!a}>\n")
        assert isinstance(text, bytes)
        return (*entry[:7], route.ended(text))

    def _commit(
        self,
        share: Share,
        keys: list[bytes],
        starts: list[int],
        ends: list[int] | None,
        bound: float,
        pending: Pending | None,
    ) -> bool:
        """Append what is left of *share* to its file; False when that takes nothing now."""
        route, progress = share.route, share.progress
        sink = route.sink
        assert isinstance(sink, FileSink)
        try:
            others = None
            if self.others is not None or self.apart or route.spec.id in self.backlogs:
                others = functools.partial(self._others, route.spec.id, share.slot, pending)
            sink.commit(share.entries, keys, starts, share.slot, progress, ends, others, bound)
        except Exception as error:  # noqa: BLE001 - a file that refuses, or something unforeseen: it is tried again
            self._refused(route, error, len(share.entries) - progress.done)
            return False
        self.refusals.pop(route.spec.id, None)
        return True

    def _others(self, number: int, slot: Slot, pending: Pending | None) -> list[Part]:
        """What a promise must repeat beside its own part: how far the other rings have come that are still there."""
        reached: dict[bytes, int] = {}
        if self.others is not None:
            reached.update((part.ring, part.end) for part in self.others(slot))
        backlog = self.backlogs.get(number)
        if backlog is not None:
            reached.update(backlog.reached())
        # In the middle of a round its rings have not moved on, nor have those that are apart.
        for one in [*self.apart, *(() if pending is None else (pending,))]:
            for share in one.shares:
                if share.slot is slot:
                    reached.update((one.sources[ring].key, end) for ring, end in share.progress.ends.items())
        return [Part(ring, end, end) for ring, end in reached.items()]

    def is_busy(self, number: int) -> bool:
        """Whether a line for the file of the route *number* would have to wait, for its lock or for older records."""
        route = self.routes.get(number)
        if number in self.backlogs:
            return True
        if route is None or not isinstance(route.sink, FileSink) or route.sink.closed:
            return False
        try:
            route.sink.locked(MOMENT, lambda _file: None)
        except FileBusy:
            return True
        except Exception:  # noqa: BLE001 - it cannot be opened, by a user's opener perhaps; whoever writes to it says so
            pass
        return False

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

    def _count_written(self, pending: Pending, share: Share) -> None:
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

    def give_up(self, number: int, pending: Pending | None) -> None:
        """As Drain.give_up; *pending* is the round in progress, if there is one."""
        backlog = self.backlogs.pop(number, None)
        left = backlog.waiting if backlog is not None else 0
        for one in [*self.apart, *(() if pending is None or pending in self.apart else (pending,))]:
            for share in one.shares:
                if share.route.spec.id == number and share.counted < len(share.entries):
                    at = share.counted if backlog is None else share.next_for(backlog)
                    lost, share.counted = share.entries[at:], len(share.entries)
                    left += len(lost)
                    for entry in lost:
                        one.sources[entry[1]].tally.add(lost=1)
        if left:
            report.once(
                f"left {number}",
                f"handler {number} was removed while its file took nothing; {left} records that other processes "
                "logged to it are lost.",
            )
        if backlog is not None:
            self._remove_spills(backlog.give_up())

    def let_go(self) -> None:
        """At the end of the session: give back the rings of backlogs, for whoever writes what is in them."""
        for backlog in self.backlogs.values():
            backlog.close()
        self.backlogs.clear()
