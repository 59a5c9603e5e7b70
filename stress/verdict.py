"""From what was read back to a verdict: does the ledger balance, and are the files as the options demand?"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mplog.cli._audit import Audit, FileFacts, audit
from mplog.cli._ledger import Ledger
from stress.adapters import Adapter
from stress.balance import Balance
from stress.job import Job
from stress.latency import lower_bound, quantile
from stress.libraries import ADAPTERS
from stress.settings import Settings
from stress.sizes import size_limit
from stress.timeline import Course, Kill

_PACKED = {"gz": ".gz", "bz2": ".bz2", "xz": ".xz", "lzma": ".lzma"}


@dataclass(slots=True)
class Round:
    """One round of a scenario and what came out of it."""

    number: int
    seed: int
    audit: Audit
    seconds: float
    findings: list[str] = field(default_factory=list)
    """What is wrong, in words. Empty: the round passed."""
    roles: dict[int, str] = field(default_factory=dict)
    """Who logged in which slot."""
    said: str = ""
    """What the programs wrote to standard output and error."""
    settings: Settings | None = None
    notes: list[str] = field(default_factory=list)
    """What is worth knowing and not wrong."""
    kills: list[Kill] = field(default_factory=list)
    course: Course = field(default_factory=Course)
    latency: dict[int, int] = field(default_factory=dict)
    """Calls by bucket of `latency.py`."""
    missed_ms: dict[int, float] = field(default_factory=dict)
    """For how long a slot's thread was ready, and did not run, in its longest call; without what is not known."""
    balance: Balance | None = None
    """What the library itself has counted; None: it does not count."""
    stuck: int = 0
    """Threads that nobody killed and that had not come back when the time was up."""
    next_call_ms: float | None = None
    """The longest that a survivor's next call took to return after a kill."""
    left_in_runtime: list[str] = field(default_factory=list)
    kept_in: str | None = None

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    @property
    def longest_call_ms(self) -> float:
        """The longest log call of all processes; calls that never came back are counted as stuck instead."""
        return max((slot.counts.worst_call_ns for slot in self.audit.slots), default=0) / 1e6

    def call_ms(self, share: float) -> float:
        """The time that *share* of the calls did not pass."""
        return min(quantile(Counter(self.latency), share), self.longest_call_ms)

    def as_dict(self) -> dict[str, object]:
        """The round as plain data for ``--json``."""
        return {
            **asdict(self),
            "passed": self.passed,
            "longest_call_ms": self.longest_call_ms,
            "latency": [{"from_ns": lower_bound(bucket), "calls": calls} for bucket, calls in self.latency.items()],
        }


def settle(round_number: int, job: Job, settings: Settings, seconds: float, roles: dict[int, str]) -> Round:
    """Read the log of *job* back and judge it against its ledger and its options."""
    adapter = ADAPTERS[job.adapter]
    with Ledger(Path(job.ledger)) as ledger:
        counts = ledger.counts()
    log = Path(job.log)
    result = audit(
        log,
        counts,
        prefix=adapter.prefix,
        notice=adapter.notice,
        retention=job.retention is not None,
        files=numbered_files(log) if adapter.highest_is_oldest else None,
    )
    findings = [*ledger_findings(result, roles), *file_findings(result.files, job)]
    return Round(round_number, settings.seed, result, seconds, findings, roles, settings=settings)


def numbered_files(log: Path) -> list[Path]:
    """The files of a log whose rotated ones are ``name.1`` (the newest), ``name.2`` ..., oldest first."""
    numbers = {}
    for path in log.parent.iterdir():
        match = re.fullmatch(re.escape(log.name) + r"(?:\.(\d+))?(?:\.gz)?", path.name)
        if match:
            numbers[path] = int(match[1] or 0)
    return sorted(numbers, key=lambda path: -numbers[path])


def ledger_findings(result: Audit, roles: dict[int, str]) -> list[str]:
    """Say in which ways the log disagrees with the ledger."""
    findings = []
    for slot in result.slots:
        who = roles.get(slot.counts.number, f"slot {slot.counts.number}")
        for count, what in (
            (slot.missing, "missing"),
            (slot.doubled, "doubled"),
            (slot.disordered, "out of order"),
        ):
            if count:
                findings.append(f"{who}: {count} of {slot.counts.returned} records {what}")
    if result.torn:
        findings.append(f"{result.torn} torn lines, for example {result.torn_samples[0]}")
    if result.foreign:
        findings.append(f"{result.foreign} lines that nobody logged")
    return findings


def file_findings(files: list[FileFacts], job: Job) -> list[str]:
    """Say in which ways the files disagree with the rotation, retention and compression asked for."""
    log = Path(job.log)
    rotated = [facts for facts in files if facts.name != log.name]
    findings = [f"{facts.name} is empty" for facts in rotated if not facts.plain_bytes]
    limit, exact = size_limit(job.rotation), ADAPTERS[job.adapter].limit_is_exact
    if limit is not None:
        findings += [
            f"{facts.name} holds {facts.plain_bytes} bytes, over the limit of {limit}"
            for facts in files
            if facts.plain_bytes > limit + (0 if exact else facts.longest_line) and facts.lines > 1
        ]
    if job.compression in _PACKED:
        packed = _PACKED[job.compression]
        findings += [f"{facts.name} was never compressed" for facts in rotated if not facts.name.endswith(packed)]
    if job.retention is not None and len(rotated) > job.retention:
        findings.append(f"{len(rotated)} rotated files, although retention keeps {job.retention}")
    known = {facts.name for facts in files}
    beside = [path.name for path in sorted(log.parent.iterdir()) if path.name not in known]
    return findings + [f"beside the log: {name}" for name in beside if not _is_litter(name, ADAPTERS[job.adapter])]


def _is_litter(name: str, adapter: type[Adapter]) -> bool:
    return adapter.litter is not None and re.fullmatch(adapter.litter, name) is not None


def early_rotations(files: list[FileFacts], limit: int) -> list[str]:
    """Say which files were rotated although the longest record would still have gone into them."""
    longest = max((facts.longest_line for facts in files), default=0)
    return [
        f"{facts.name} was rotated early, with {facts.plain_bytes} of {limit} bytes"
        for facts in files[:-1]
        if facts.plain_bytes + longest <= limit
    ]


def unfinished_findings(round_: Round, expected: dict[int, int]) -> list[str]:
    """Say which processes that nobody killed did not log all they should have.

    Args:
        expected: for each slot that has to come to its own end, the records it must have logged; 0: any number.
    """
    found = {slot.counts.number: slot for slot in round_.audit.slots}
    findings = []
    for number, records in expected.items():
        who = round_.roles.get(number, f"slot {number}")
        slot = found.get(number)
        if slot is None:
            findings.append(f"{who} never began to log")
        elif not slot.finished:
            findings.append(f"{who} ended early, after {slot.counts.returned} records, though nobody killed it")
        elif records and slot.counts.returned != records:
            findings.append(f"{who} logged {slot.counts.returned} of {records} records")
    return findings
