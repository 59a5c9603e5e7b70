"""What a round owes: made when its batch has been read, and gone when every sink has its share."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

from mplog._capture.record import Message
from mplog._writer.backlog import Share
from mplog._writer.outlet import Outlet
from mplog._writer.route import Route
from mplog._writer.source import Source
from mplog._writer.tally import Tally


@dataclass(slots=True)
class Pending:
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
