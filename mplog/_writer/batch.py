"""A batch: what the rings hold at one moment, merged by time, and split by the sinks that get it."""

from __future__ import annotations

from operator import itemgetter

from mplog._capture.record import Message
from mplog._ring.clock import monotonic
from mplog._ring.layout import LOG, SPILLED_KINDS
from mplog._ring.ring import Entry
from mplog._sinks import report
from mplog._sinks.file.slot import Slot
from mplog._sinks.stray import as_exception
from mplog._writer.backlog import Share
from mplog._writer.pending import Pending
from mplog._writer.route import Route
from mplog._writer.source import TURN, Source
from mplog._writer.spilled import Relieved, loadable, read_spilled, spill_path

CROWDED = 8
"""A ring of which a round has taken more than this part (one eighth) is looked at again without a nap."""

TURN_TIME = 0.02
"""Seconds that the texts of one ring may take in a round; then its process waits for its next turn, and others get
theirs."""

WRITING = 1e-8
"""Seconds that a byte of such a text is worth, which somebody has to write."""


_stamp = itemgetter(0)


class Batches:
    """How the batches of one session are made. Nobody is given anything here: each may have to be read again."""

    def __init__(
        self, routes: dict[int, Route], slots: dict[int, Slot], spill_directory: str, relieved: Relieved
    ) -> None:
        """*relieved* frees some descriptors for a while, where there may be no other."""
        self._routes = routes
        self._slots = slots
        self._spill_directory = spill_directory
        self._relieved = relieved
        self.crowded = False
        """Whether a ring was so full at the last reading that its producer may have to wait soon."""

    def read_all(self, sources: list[Source], starts: list[int], horizon: int | None, grace: float) -> Pending | None:
        """One batch of all *sources*, merged and split; None when there is nothing. The readers move on.

        Args:
            starts: where the readers are.
            horizon: the latest stamp, which was *grace* seconds ago; None for all that is published.
        """
        entries: list[Entry] = []
        read_from = 0
        only: int | None = None
        unended = False
        counts = [0] * len(sources)
        cut: dict[int, int] = {}
        self.crowded = False
        for index, source in enumerate(sources):
            before = source.reader.position
            found = source.read(index, horizon, grace)
            taken = source.reader.position - before
            self.crowded = self.crowded or taken > source.file.capacity // CROWDED or taken >= TURN - TURN // CROWDED
            if found:
                read_from += 1
                counts[index] = len(found)
                entries += found
                only = source.reader.only if only in (None, source.reader.only) else -1
                unended = unended or source.reader.unended
                if source.reader.tail - before > TURN and source.reader.unread() and _has_sibling(source, sources):
                    youngest = max(entry[0] for entry in found)  # The last one's stamp may be forged: it must go on.
                    cut[id(source.tally)] = min(youngest, cut.get(id(source.tally), youngest))
        if not entries:
            return None
        if read_from > 1:
            entries.sort(key=_stamp)  # Records of one stamp stay as they were read: by ring, and there by position.
            if cut:
                entries = _without_overtakers(sources, starts, entries, counts, cut)
        if only == -1:
            entries = self._bound(sources, starts, entries, counts)
        if unended:
            self._end_lines(entries)
        return self._share_out(sources, starts, entries, only, counts)

    def _bound(self, sources: list[Source], starts: list[int], entries: list[Entry], counts: list[int]) -> list[Entry]:
        """As many of a merged batch as can be in memory together; the readers go back to the rest."""
        fitting = loadable(entries, self._spill_directory)
        if fitting == len(entries):
            return entries
        _go_back_to(entries[:fitting], sources, starts, counts)
        return entries[:fitting]

    def _end_lines(self, entries: list[Entry]) -> None:
        """See to it that each text for a file ends its line, in place."""
        for index, entry in enumerate(entries):
            route = self._routes.get(entry[4])
            if entry[3] == LOG and route is not None and (text := route.ended(entry[7])) is not entry[7]:
                entries[index] = (*entry[:7], text)

    def _share_out(
        self, sources: list[Source], starts: list[int], entries: list[Entry], only: int | None, counts: list[int]
    ) -> Pending:
        """Split a merged batch by route.

        Args:
            only: the route of all entries, when they are text for one.
            counts: the number of entries from each source.
        """
        files: dict[int, list[Entry]] = {
            number: [] for number, route in list(self._routes.items()) if route.outlet is None
        }
        pending = Pending(sources, starts, counts)
        spent: dict[int, float] = {}
        over: dict[int, int] = {}
        if only in files:
            # Most programs have one file and log text: the batch is the share.
            files[only], entries = entries, []
        for entry in entries:
            if over and entry[1] in over:
                continue
            if entry[3] == LOG and entry[4] in files:
                files[entry[4]].append(entry)
                continue
            route = self._routes.get(entry[4])
            if route is None:
                pending.filtered[entry[1], entry[4]] += 1
                continue  # The owner removed that handler: later records of it vanish, as documented.
            began = monotonic()
            text = self._text(route, entry, pending)
            spent[entry[1]] = cost = (
                spent.get(entry[1], 0.0) + monotonic() - began + (len(text) * WRITING if text is not None else 0.0)
            )
            if cost > TURN_TIME:
                over.update(_ends_at(entry, sources, starts, entries))
            if text is None:
                continue
            if isinstance(text, Message):
                assert route.outlet is not None
                pending.messages.append((route.outlet, text, sources[entry[1]].tally))
            else:
                files[entry[4]].append((*entry[:7], route.ended(text)))
                if entry[3] != LOG:
                    pending.names[entry[1], entry[2]] = entry[3], entry[7]
        for ring, end in over.items():
            self._leave(sources[ring], end, ring, entries, counts)
        pending.uncounted = counts[:]
        pending.ends = [source.reader.position for source in sources]
        # A handler whose removal did not wait for a round that took too long is gone, with what is meant for it.
        pending.shares = [
            Share(self._routes[number], self._slots[number], share)
            for number, share in files.items()
            if share and number in self._routes and number in self._slots
        ]
        return pending

    def _leave(self, source: Source, end: int, ring: int, entries: list[Entry], counts: list[int]) -> None:
        """Leave what is behind *end* of one ring to later rounds, as its texts take the others' time to make."""
        surplus = sum(1 for entry in entries if entry[1] == ring and entry[2] > end)
        if surplus:
            source.reader.go_back(end, surplus)
            counts[ring] -= surplus
            self.crowded = True

    def _text(self, route: Route, entry: Entry, pending: Pending) -> bytes | Message | None:
        kind, body = entry[3], entry[7]
        if kind in SPILLED_KINDS:
            path = spill_path(self._spill_directory, body)
            pending.spills[path] = entry[1]
            body = read_spilled(path, self._relieved)
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


def _has_sibling(source: Source, sources: list[Source]) -> bool:
    """Whether the process of *source* has a further ring among *sources*."""
    return any(other.tally is source.tally and other is not source for other in sources)


def _without_overtakers(
    sources: list[Source], starts: list[int], entries: list[Entry], counts: list[int], cut: dict[int, int]
) -> list[Entry]:
    """A merged batch without what is younger, in further rings, than the last record that was read of a ring whose turn
    was over; the readers go back to that.

    Args:
        cut: the stamp of that record, by the `id` of its process's tally.
    """
    kept = [entry for entry in entries if entry[0] <= cut.get(id(sources[entry[1]].tally), entry[0])]
    if len(kept) < len(entries):
        _go_back_to(kept, sources, starts, counts)
    return kept


def _go_back_to(kept: list[Entry], sources: list[Source], starts: list[int], counts: list[int]) -> None:
    """Let the readers go back to behind the last of the entries that are *kept* of each ring."""
    ends, numbers = list(starts), [0] * len(sources)
    for entry in kept:
        ends[entry[1]] = entry[2]
        numbers[entry[1]] += 1
    for index, source in enumerate(sources):
        surplus = counts[index] - numbers[index]
        if surplus:
            source.reader.go_back(ends[index], surplus)
            counts[index] = numbers[index]


def _ends_at(last: Entry, sources: list[Source], starts: list[int], entries: list[Entry]) -> dict[int, int]:
    """How far *last*, one of *entries*, and those before it are in each ring of its process: what that has logged into
    a further ring must not overtake what waits in this one."""
    tally = sources[last[1]].tally
    ends = {ring: starts[ring] for ring, source in enumerate(sources) if source.tally is tally}
    for entry in entries:
        if entry[1] in ends:
            ends[entry[1]] = entry[2]
        if entry is last:
            break
    return ends
