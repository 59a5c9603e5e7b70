"""What a round owes: made when its batch has been read, and gone when every sink has its share."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from mplog._capture.record import Message
from mplog._ring.ring import Entry
from mplog._sinks.file.progress import Progress
from mplog._writer.backlog import Backlog, Share
from mplog._writer.outlet import Outlet
from mplog._writer.route import Route
from mplog._writer.source import Source
from mplog._writer.tally import Tally


@dataclass(slots=True)
class Pending:
    """What a round still owes."""

    sources: list[Source]
    starts: list[int]
    counts: list[int]
    """How many records the round has read from each ring."""
    ends: list[int] = field(default_factory=list)
    uncounted: list[int] = field(default_factory=list)
    """Those that their processes have not got counted as read."""
    shares: list[Share] = field(default_factory=list)
    messages: deque[tuple[Outlet, Message, Tally]] = field(default_factory=deque)
    filtered: Counter[tuple[int, int]] = field(default_factory=Counter)
    """Per ring and route the records that the owner's filter rejected, or whose handler is gone."""
    failed: Counter[tuple[int, int]] = field(default_factory=Counter)
    spills: dict[str, int] = field(default_factory=dict)
    """Files of records too large for a ring, to be removed at the end, and whose they are."""
    names: dict[tuple[int, int], tuple[int, bytes]] = field(default_factory=dict)
    """Per ring and position the kind and body of a record whose text is made here, where its backlog wants those."""
    retry_at: float = 0.0
    failures: int = 0
    """How often something unforeseen has happened to it."""

    @property
    def is_open(self) -> bool:
        """Whether there is a promise of which nobody knows what it has brought into its file."""
        return any(share.progress.is_open or share.slot.is_undone() for share in self.shares)

    def forgive(self) -> None:
        """All of it has come through: what has happened to its rings before is over."""
        for source, count in zip(self.sources, self.counts, strict=True):
            if count:
                source.failures, source.owes = 0, False

    def taken_apart(self, backlogs: Mapping[int, Backlog]) -> list[Pending]:
        """What is still owed, for each ring on its own, so that what happens to one happens to no other.

        Args:
            backlogs: per route those of files; what has come there is not owed any more.
        """
        found: dict[int, Pending] = {}
        for index, source in enumerate(self.sources):
            if self.counts[index]:
                found[index] = Pending(
                    [source],
                    [self.starts[index]],
                    [self.counts[index]],
                    [self.ends[index]],
                    self.uncounted[index : index + 1],
                )
        for share in self.shares:
            done, backlog = share.progress.done, backlogs.get(share.route.spec.id)
            for entry in share.entries[share.counted : done]:
                self.sources[entry[1]].tally.add(written=1)
                share.route.written += 1
                share.counted += 1
            at = share.counted if backlog is None or share.held is None else max(share.counted, share.next_for(backlog))
            rest: dict[int, list[Entry]] = {index: [] for index in found}
            for entry in share.entries[at:]:
                rest[entry[1]].append((entry[0], 0, *entry[2:]))
            for index, entries in rest.items():
                reached = share.progress.ends.get(index)
                progress = Progress({} if reached is None else {0: reached})
                # Also without a record that is owed: what has been written must be told by each promise until the
                # head moves, and what is in a backlog by that.
                found[index].shares.append(Share(share.route, share.slot, entries, progress, was_held=at > done))
        for outlet, message, tally in self.messages:
            next(one for one in found.values() if one.sources[0].tally is tally).messages.append(
                (outlet, message, tally)
            )
        for (index, number), count in self.filtered.items():
            found[index].filtered[0, number] = count
        for (index, number), count in self.failed.items():
            found[index].failed[0, number] = count
        for (index, position), named in self.names.items():
            found[index].names[0, position] = named
        for path, index in self.spills.items():
            found[index].spills[path] = 0
        return list(found.values())

    def count_others(self, routes: dict[int, Route]) -> None:
        """Count what had no share: each once, though a later attempt may come here again."""
        while self.filtered:
            (ring, number), count = self.filtered.popitem()
            self.sources[ring].tally.add(filtered=count)
            if number in routes:
                routes[number].filtered += count
        while self.failed:
            (ring, number), count = self.failed.popitem()
            self.sources[ring].tally.add(failed=count)
            if number in routes:
                routes[number].failed += count
