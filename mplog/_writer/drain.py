"""One round of the writer: read what the rings hold, merge it by time, hand it to the sinks, move the heads.

A round is taken up again where it failed: what a sink has is not given to it twice, and no head moves before every
sink of the round has its share.
"""

from __future__ import annotations

import contextlib
import functools
import operator
import os
import stat
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

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
from mplog._writer.route import Route
from mplog._writer.tally import Tally

RETRY = 0.25
"""Seconds between two attempts to write to a file that refused."""

CROWDED = 8
"""A ring of which a round has taken more than this part (one eighth) is looked at again without a nap."""

STUCK = 1.0
"""Seconds after which a record that never becomes whole makes its ring corrupt."""


LOAD = 32 * 1024 * 1024
"""Bytes of records beside the rings that are in memory at once, for however many processes."""

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
    flush: tuple[int, list[tuple[Route, int]]] | None = None

    def tell_producer(self) -> None:
        """Store in the ring what has become of the records of its process, for its own statistics."""
        words, tally = self.file.words, self.tally
        words[WRITTEN], words[FILTERED], words[FAILED] = tally.written, tally.filtered, tally.failed
        words[LOST] = tally.lost


@dataclass(slots=True)
class _Pending:
    """What a round still owes: per file route its entries, with how many are committed."""

    sources: list[Source]
    ends: list[int]
    starts: list[int]
    shares: list[tuple[Route, Slot, list[Entry], int]]
    counts: list[int]
    """How many records the round has read from each ring."""
    spills: list[str] = field(default_factory=list)
    progress: dict[int, dict[int, int]] = field(default_factory=dict)
    """Per route how far each ring has come, for promises that follow a failed attempt."""
    retry_at: float = 0.0


class Drain:
    """The rings of one session and the routes they lead to. Used by one thread at a time."""

    def __init__(self, routes: dict[int, Route], slots: dict[int, Slot], spill_directory: str) -> None:
        self.routes = routes
        self.slots = slots
        self.sources: list[Source] = []
        self._spill_directory = spill_directory
        self._pending: _Pending | None = None
        self.grace = 0.005
        """Seconds a record waits for older ones of other processes."""
        self.refusals: dict[int, str] = {}
        """Per route of a file that refuses: its error."""
        self.others: Callable[[Slot], list[Part]] | None = None
        """At the end of the session: what a promise must repeat of those of orphans; see FileSink.commit."""
        self.crowded = False
        """Whether the last round found a ring so full that its producer may have to wait soon."""

    def round(self, *, everything: bool = False) -> int:
        """Drain once; the number of records read.

        Args:
            everything: do not wait for older records of other processes (flush, end).
        """
        if self._pending is not None and not self._settle(self._pending):
            return 0
        phase.at(phase.DRAINING)
        sources = self.sources[:MAXIMUM_RINGS]
        if len(self.sources) > MAXIMUM_RINGS:
            self.sources = self.sources[MAXIMUM_RINGS:] + sources  # The others come first in the next round.
        horizon = None if everything or len(sources) < 2 else monotonic_ns() - int(self.grace * 1e9)
        entries: list[Entry] = []
        read_from = 0
        only: int | None = None
        starts = [source.reader.position for source in sources]
        counts = [0] * len(sources)
        self.crowded = False
        for index, source in enumerate(sources):
            found = self._read(source, index, horizon)
            if found:
                read_from += 1
                counts[index] = len(found)
                source.tally.read += len(found)
                entries += found
                only = source.reader.only if only in (None, source.reader.only) else -1
        if not entries:
            phase.at(phase.IDLE)
            return 0
        if read_from > 1:
            entries.sort()
        if only == -1:
            entries = self._bound(sources, starts, entries, counts)
        self._pending = self._share_out(sources, starts, entries, only, counts)
        self._settle(self._pending)
        return len(entries)

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
                source.tally.read -= surplus
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
        """Split a merged batch by route; text for files stays together for one commit, the rest is queued at once.

        Args:
            only: the route of all entries, when they are text for one.
            counts: the number of entries from each source.
        """
        files: dict[int, list[Entry]] = {number: [] for number, route in self.routes.items() if route.outlet is None}
        spills: list[str] = []
        if only in files:
            # Most programs have one file and log text: the batch is the share.
            files[only], entries = entries, []
        for entry in entries:
            if entry[3] == LOG and entry[4] in files:
                files[entry[4]].append(entry)
                continue
            route = self.routes.get(entry[4])
            tally = sources[entry[1]].tally
            if route is None:
                tally.add(filtered=1)
                continue  # The owner removed that handler: later records of it vanish, as documented.
            body = self._body(entry, spills)
            text = self._text(route, entry[3], body, tally)
            if text is None:
                continue
            if isinstance(text, Message):
                assert route.outlet is not None
                route.outlet.put(text, tally)
            else:
                files[entry[4]].append((*entry[:7], text))
        # A handler whose removal did not wait for a round that took too long is gone, with what is meant for it.
        shares = [
            (self.routes[number], self.slots[number], share, 0)
            for number, share in files.items()
            if share and number in self.routes and number in self.slots
        ]
        ends = [source.reader.position for source in sources]
        return _Pending(sources, ends, starts, shares, counts, spills)

    def _body(self, entry: Entry, spills: list[str]) -> bytes:
        if entry[3] not in (SPILL, KIND_SPILLED_DATA):
            return entry[7]
        path = spill_path(self._spill_directory, entry[7])
        spills.append(path)
        return read_spilled(path)

    def _text(self, route: Route, kind: int, body: bytes, tally: Tally) -> bytes | Message | None:
        if kind in (DATA_RECORD, KIND_SPILLED_DATA):
            signals.open_up()  # Its filter, format or patcher may be the user's own.
        try:
            text = route.text_of(kind, body)
        except BaseException:  # noqa: BLE001 - a user's filter or format, or damaged bytes; the writer goes on
            route.failed += 1
            tally.add(failed=1)
            report.error_in_handler(route.spec.id, route.record_of(kind, body, tally.who), sink=route.spec.target)
            return None
        if text is None:
            route.filtered += 1
            tally.add(filtered=1)
        return text

    def _settle(self, pending: _Pending) -> bool:
        """Commit what is owed; True when nothing is left and the heads have moved."""
        if monotonic() < pending.retry_at:
            return False
        keys = [source.key for source in pending.sources]
        for index, (route, slot, share, done) in enumerate(pending.shares):
            if done == len(share):
                continue
            committed = done

            def finish(count: int, base: int = done, index: int = index) -> None:
                nonlocal committed
                committed = base + count
                route, slot, share, _ = pending.shares[index]
                pending.shares[index] = (route, slot, share, committed)

            sink = route.sink
            assert isinstance(sink, FileSink)
            try:
                sink.commit(
                    share[done:],
                    keys,
                    pending.starts,
                    slot,
                    finish,
                    pending.progress.setdefault(route.spec.id, {}),
                    pending.ends,
                    None if self.others is None else functools.partial(self.others, slot),
                )
            except (OSError, FileBusy) as error:
                pending.retry_at = monotonic() + RETRY
                self.refusals[route.spec.id] = f"{sink.path}: {error}"
                report.once(
                    f"write {route.spec.id}",
                    f"handler {route.spec.id} cannot write to {sink.path} ({error}); {len(share) - committed} records "
                    "wait in memory that outlives this process, and the write is tried again. Put that right; when the "
                    "program has ended before, run `mplog recover`.",
                )
                return False
            self.refusals.pop(route.spec.id, None)
            route.written += len(share) - done
            self._count_written(pending, share)
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

    @staticmethod
    def _count_written(pending: _Pending, share: list[Entry]) -> None:
        """All of *share* is in its file: the processes it came from get it counted."""
        everything = len(share) == sum(pending.counts)
        per_ring = dict(enumerate(pending.counts)) if everything else Counter(map(_RING, share))
        for index, count in per_ring.items():
            if count:
                pending.sources[index].tally.add(written=count)

    @property
    def waiting(self) -> bool:
        """Whether a file refused records that are still owed to it."""
        return self._pending is not None

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
                outlets = [(route, route.outlet.put_count) for route in self.routes.values() if route.outlet]
                source.flush = (target, outlets)
            if all(route.outlet is None or route.outlet.taken_up_to(count) for route, count in source.flush[1]):
                source.tell_producer()
                words[FLUSHED] = source.flush[0]
                source.flush = None
            else:
                source.tell_producer()  # By which it sees that its sinks take something.
                waiting = True
        return waiting

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
        if entry[3] in (SPILL, KIND_SPILLED_DATA):
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
