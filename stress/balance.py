"""The library's own counts beside the ledger: `logger.statistics()` of an owner after the last `complete()`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mplog.cli._ledger import SlotCounts

if TYPE_CHECKING:
    from mplog import Statistics


def balance_findings(statistics: Statistics, ledger: Iterable[SlotCounts], handlers: int = 1) -> list[str]:
    """Say which processes' counts do not add up, or are not those of the ledger.

    Args:
        statistics: taken in the owner when nothing should be in flight any more.
        ledger: the slots of this owner's tree.
        handlers: how many handlers each record was for.
    """
    started, returned = Counter[int](), Counter[int]()
    for slot in ledger:
        started[slot.pid] += slot.started * handlers
        returned[slot.pid] += slot.returned * handlers
    findings = []
    seen = set()
    for process in statistics.processes:
        who = f"process {process.pid} ({process.name})"
        settled = process.written + process.dropped + process.filtered + process.failed
        if process.emitted != settled + process.in_flight:
            findings.append(f"{who}: {process.emitted} emitted, {settled} settled, {process.in_flight} in flight")
        if process.in_flight:
            findings.append(f"{who}: {process.in_flight} records are in flight for ever")
        if process.pid not in started:
            continue  # It has no slot, or is the sum of many that ended long ago.
        seen.add(process.pid)
        low, high = returned[process.pid], started[process.pid]
        if not low <= process.emitted <= high:
            findings.append(f"{who}: {process.emitted} emitted, and the ledger has {low} to {high}")
    if all(process.pid for process in statistics.processes):
        findings += [
            f"process {pid}: {count} records in the ledger, and no statistics"
            for pid, count in returned.items()
            if count and pid not in seen
        ]
    return findings
