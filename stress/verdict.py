"""From what was read back to a verdict: does the ledger balance, and are the files as the options demand?"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mplog.cli._audit import Audit, FileFacts, audit
from mplog.cli._ledger import Ledger
from stress.adapters import LINE_PREFIX, NOTICE_LINE
from stress.job import Job

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
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
    phase: int | None = None
    """Where the writer was when the owner was killed; None when nobody knows."""
    next_call_ms: float | None = None
    """The longest that a survivor's next call took to return after a kill."""
    left_in_runtime: list[str] = field(default_factory=list)
    kept_in: str | None = None

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def as_dict(self) -> dict[str, object]:
        """The round as plain data for ``--json``."""
        return {**asdict(self), "passed": self.passed}


def settle(round_number: int, job: Job, seed: int, seconds: float, roles: dict[int, str]) -> Round:
    """Read the log of *job* back and judge it against its ledger and its options."""
    with Ledger(Path(job.ledger)) as ledger:
        counts = ledger.counts()
    log = Path(job.log)
    result = audit(log, counts, prefix=LINE_PREFIX, notice=NOTICE_LINE, retention=job.retention is not None)
    findings = [*ledger_findings(result, roles), *file_findings(result.files, job)]
    return Round(round_number, seed, result, seconds, findings, roles)


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
    limit = size_limit(job.rotation)
    if limit is not None:
        findings += [
            f"{facts.name} holds {facts.plain_bytes} bytes, over the limit of {limit}"
            for facts in files
            if facts.plain_bytes > limit and facts.lines > 1
        ]
    if job.compression in _PACKED:
        packed = _PACKED[job.compression]
        findings += [f"{facts.name} was never compressed" for facts in rotated if not facts.name.endswith(packed)]
    if job.retention is not None and len(rotated) > job.retention:
        findings.append(f"{len(rotated)} rotated files, although retention keeps {job.retention}")
    known = {facts.name for facts in files}
    findings += [f"beside the log: {path.name}" for path in sorted(log.parent.iterdir()) if path.name not in known]
    return findings


def size_limit(rotation: str | None) -> int | None:
    """Return the bytes that a rotation text such as ``"200 KB"`` stands for, None when it is not a size."""
    match = re.fullmatch(r"([\d.]+)\s*([KMG]?i?B)", rotation or "", re.IGNORECASE)
    return int(float(match[1]) * _UNITS[match[2].upper()]) if match else None


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
