"""The library's own counts beside the ledger: `logger.statistics()` of each owner after its last `complete()`.

Once nothing is in flight any more, `emitted = written + dropped + filtered + failed`; and each of them is what the
ledger and the files say, too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from mplog._logger.statistics import ProcessStatistics, Statistics
from mplog.cli._audit import Audit, SlotAudit
from mplog.cli._ledger import SlotCounts

_TOLD = re.compile(
    r"mplog: (?:[-\d]+ [\d:.]+ process \d+ \(.*?\): )?"
    r"(?:process \d+(?: \(.*?\))? dropped (\d+) records?:|(\d+) records were dropped here)"
)
"""How mplog says in a log, or on standard error, that records were dropped."""


@dataclass(frozen=True, slots=True)
class Balance:
    """The library's own counts, summed over the owners of some rounds that left them, and over their processes."""

    owners: int = 0
    emitted: int = 0
    written: int = 0
    dropped: int = 0
    filtered: int = 0
    failed: int = 0
    in_flight: int = 0

    def __add__(self, other: Balance) -> Balance:
        return Balance(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Balance)))

    def __str__(self) -> str:
        settled = " + ".join(
            f"{getattr(self, name):,} {name.replace('_', ' ')}"
            for name in ("written", "dropped", "filtered", "failed", "in_flight")
        )
        return f"{self.emitted:,} emitted = {settled}"


@dataclass(frozen=True, slots=True)
class Owner:
    """A program that came to its end, and what its library had counted by then."""

    name: str
    statistics: Statistics
    slots: frozenset[int]
    """The ledger slots of its own processes."""
    handlers: int = 1
    """How many handlers each of their records is for."""
    ended: frozenset[int] = frozenset()
    """The slots of programs that had ended before this one began."""


def statistics_of(data: dict[str, Any]) -> Statistics:
    """Read back what `asdict` made of a snapshot, as it comes out of JSON."""
    processes = tuple(ProcessStatistics(**process) for process in data["processes"])
    return Statistics(**{**data, "processes": processes})


def balance_findings(
    statistics: Statistics,
    ledger: Iterable[SlotCounts],
    handlers: int = 1,
    *,
    ended: Iterable[SlotCounts] = (),
    beside: Iterable[SlotCounts] = (),
) -> list[str]:
    """Say which processes' counts do not add up, or are not those of the ledger.

    Args:
        statistics: taken in the owner when nothing of its own tree should be in flight any more.
        ledger: the slots of this owner's tree.
        handlers: how many handlers each record was for.
        ended: the slots of other programs, which had ended before. It may have written what some of them left.
        beside: the slots of programs that it may have written for as well as others, and that may still have logged
            when the snapshot was taken.
    """
    low, high = Counter[int](), Counter[int]()
    for slot in (own := list(ledger)):
        low[slot.pid] += slot.returned * handlers
    for slot in (*own, *ended, *(others := list(beside))):
        high[slot.pid] += slot.started * handlers
    may_fly = {slot.pid for slot in others}
    findings = []
    emitted = Counter[int]()
    names = {}
    for process in statistics.processes:
        names[process.pid] = who = f"process {process.pid} ({process.name})"
        emitted[process.pid] += process.emitted
        settled = process.written + process.dropped + process.filtered + process.failed
        if process.emitted != settled + process.in_flight:
            findings.append(f"{who}: {process.emitted} emitted, {settled} settled, {process.in_flight} in flight")
        if process.in_flight < 0 or (process.in_flight and process.pid not in may_fly):
            findings.append(f"{who}: {process.in_flight} records are in flight for ever")
    findings += [
        f"{names[pid]}: {count} emitted, and the ledger has {low[pid]} to {high[pid]}"
        for pid, count in emitted.items()
        # One that has no slot is silent, or the sum of many that ended long ago.
        if pid in high and not low[pid] <= count <= high[pid]
    ]
    if 0 not in emitted:
        findings += [
            f"process {pid}: {count} records in the ledger, and no statistics"
            for pid, count in low.items()
            if count and pid not in emitted
        ]
    return findings


def owners_findings(owners: Sequence[Owner], audits: Sequence[Audit], *, retention: bool = False) -> list[str]:
    """Say where the counts of a round's owners are not those of the ledger or of what was read back.

    Args:
        audits: what each handler has in its files.
        retention: a killed process's last record, too, may have been deleted with its file.
    """
    findings = []
    ledger = [slot.counts for slot in audits[0].slots]
    for owner in owners:
        others = [counts for counts in ledger if counts.number not in owner.slots]
        found = balance_findings(
            owner.statistics,
            [counts for counts in ledger if counts.number in owner.slots],
            owner.handlers,
            ended=[counts for counts in others if counts.number in owner.ended],
            beside=[counts for counts in others if counts.number not in owner.ended],
        )
        seen = [slot for audit in audits for slot in audit.slots if slot.counts.number in owner.slots]
        found += _sink_findings(_summed(owner, {counts.pid for counts in others}), seen, retention=retention)
        findings += [f"{owner.name}: {finding}" for finding in found]
    return findings


def _sink_findings(balance: Balance, slots: Sequence[SlotAudit], *, retention: bool) -> list[str]:
    """Compare what is said to be written, and dropped, with what is there, and not. Nobody knows of undecided ones."""
    undecided = sum(slot.undecided for slot in slots)
    there = sum(slot.written + slot.expired for slot in slots)
    missing = sum(slot.missing for slot in slots)
    findings = []
    if not there <= balance.written <= there + (undecided if retention else 0):
        findings.append(f"{balance.written} counted as written, and {there} are there")
    if not missing <= balance.dropped <= missing + undecided:
        findings.append(f"{balance.dropped} counted as dropped, and {missing} are missing")
    return findings


def told_findings(balance: Balance, texts: Iterable[str]) -> list[str]:
    """Say whether the notices in *texts* tell of another number of dropped records than was counted.

    Only where nobody was killed: a notice may be repeated, or be missing, where the process that gave it died over it.
    """
    told = sum(int(one or other) for text in texts for one, other in _TOLD.findall(text))
    return [] if told == balance.dropped else [f"{balance.dropped} counted as dropped, and {told} told of"]


def summed(owners: Sequence[Owner], ledger: Sequence[SlotCounts]) -> Balance:
    """The counts of all *owners*. Those about the processes of another one are its own, and would count twice."""
    total = Balance()
    for owner in owners:
        slots = frozenset[int]().union(*(other.slots for other in owners if other is not owner))
        total += _summed(owner, {counts.pid for counts in ledger if counts.number in slots})
    return total


def _summed(owner: Owner, without: set[int]) -> Balance:
    total = Balance(owners=1)
    for each in owner.statistics.processes:
        if each.pid not in without:
            total += Balance(0, each.emitted, each.written, each.dropped, each.filtered, each.failed, each.in_flight)
    return total
