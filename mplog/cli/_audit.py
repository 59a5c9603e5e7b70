"""Reads all files of one log back and compares them with the ledger.

It knows lines, file names and counters, and nothing of how the log was written: it must not be able to share a
mistake with the library it checks.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ._ledger import FINISHED, SlotCounts

_STAMP = rb"((\d+):(\d+):.*):([0-9a-f]{8})"
_OPENERS: dict[str, Callable[[Path, str], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".lzma": lzma.open,
}
_SAMPLES_KEPT = 5


@dataclass(slots=True)
class FileFacts:
    """What one file of the log holds."""

    name: str
    stored_bytes: int
    plain_bytes: int = 0
    lines: int = 0
    longest_line: int = 0


@dataclass(frozen=True, slots=True)
class SlotAudit:
    """One process's counters beside what the files hold of it."""

    counts: SlotCounts
    written: int
    """Different records of it that were found."""
    missing: int
    """Records whose call had returned and that are nowhere."""
    expired: int
    """Oldest records that are nowhere because retention deleted their file. 0 without retention."""
    doubled: int
    """Surplus copies."""
    disordered: int
    """Lines that stand behind a younger line of the same process."""
    torn: int
    """Torn lines that begin like one of its own. Others count in the audit's total only."""

    @property
    def undecided(self) -> int:
        """1 when a call had started and not returned: that record may be there or not."""
        return self.counts.started - self.counts.returned

    @property
    def finished(self) -> bool:
        """Whether the process came to its own end, rather than being killed."""
        return self.counts.state == FINISHED

    @property
    def balanced(self) -> bool:
        """Whether everything is there, once, in order."""
        return not (self.missing or self.doubled or self.disordered or self.torn)


@dataclass(slots=True)
class Audit:
    """The result of reading one log back."""

    slots: list[SlotAudit]
    files: list[FileFacts]
    torn: int
    """Lines that do not parse, do not verify, or end without a newline."""
    foreign: int
    """Whole lines of a slot or with a number that nobody ever logged."""
    notices: list[str]
    """Lines in which the library speaks about itself."""
    torn_samples: list[str]

    @property
    def balanced(self) -> bool:
        """Whether the log agrees with the ledger."""
        return not (self.torn or self.foreign) and all(slot.balanced for slot in self.slots)

    def total(self, name: str) -> int:
        """Sum one figure over all slots, for example ``total("missing")``."""
        return sum(int(getattr(slot, name)) for slot in self.slots)

    @property
    def logged(self) -> int:
        """Calls that had returned, over all processes."""
        return sum(slot.counts.returned for slot in self.slots)


@dataclass(slots=True)
class _Seen:
    """How often each number of one slot was met, and the last one met."""

    copies: bytearray
    last: int = 0
    disordered: int = 0
    torn: int = 0


@dataclass(slots=True)
class _Reading:
    """What accumulates while lines go by."""

    line: re.Pattern[bytes]
    beginning: re.Pattern[bytes]
    notice: re.Pattern[bytes] | None
    seen: dict[int, _Seen]
    torn: int = 0
    foreign: int = 0
    notices: list[str] = field(default_factory=list)
    torn_samples: list[str] = field(default_factory=list)

    def take(self, raw: bytes) -> None:
        """Book one line, newline included."""
        match = self.line.fullmatch(raw)
        if match is None or int(match[4], 16) != zlib.crc32(match[1]):
            self._take_odd(raw)
            return
        number = int(match[3])
        seen = self.seen.get(int(match[2]))
        if seen is None or not 0 < number < len(seen.copies):
            self.foreign += 1
            return
        if seen.copies[number] < 255:
            seen.copies[number] += 1
        if number < seen.last:
            seen.disordered += 1
        seen.last = number

    def _take_odd(self, raw: bytes) -> None:
        if self.notice is not None and self.notice.fullmatch(raw):
            self.notices.append(raw.decode(errors="replace").rstrip("\n"))
            return
        self.torn += 1
        match = self.beginning.match(raw)
        owner = self.seen.get(int(match[1])) if match else None
        if owner is not None:
            owner.torn += 1
        if len(self.torn_samples) < _SAMPLES_KEPT:
            self.torn_samples.append(repr(raw[:200]))


def log_files(log: Path) -> list[Path]:
    """List the files of one log, oldest first, the live one last.

    Rotated names hold the time of creation, and a number when two were created at the same time, so that their order
    as text is their order in time once the extensions are off.
    """
    siblings = (path for path in log.parent.iterdir() if path.name.startswith(log.stem) and path != log)
    rotated = sorted(siblings, key=lambda path: _age_key(path, log.suffix))
    return [*rotated, *([log] if log.exists() else [])]


def _age_key(path: Path, suffix: str) -> list[tuple[int, int, str]]:
    name = path.name
    for packing in _OPENERS:
        name = name.removesuffix(packing)
    parts = re.split(r"(\d+)", name.removesuffix(suffix))
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]


def audit(
    log: Path,
    ledger: Iterable[SlotCounts],
    *,
    prefix: bytes,
    notice: bytes | None = None,
    retention: bool = False,
    files: Sequence[Path] | None = None,
) -> Audit:
    """Read every file of *log* and compare it with *ledger*.

    Args:
        prefix: a regular expression for what stands before the message in each line. It has to be strict: one that
            swallows anything would swallow the first half of a torn line as well.
        notice: a regular expression for whole lines in which the library speaks about itself.
        retention: old files may have been deleted, so each process's oldest records may be gone.
        files: the files, oldest first, for a library that names them in a way of its own; default: `log_files`.
    """
    counts = list(ledger)
    reading = _Reading(
        line=re.compile(prefix + _STAMP + rb"\n", re.DOTALL),
        beginning=re.compile(prefix + rb"(\d+):\d+:"),
        notice=None if notice is None else re.compile(notice + rb"\n", re.DOTALL),
        seen={slot.number: _Seen(bytearray(slot.started + 1)) for slot in counts},
    )
    paths = log_files(log) if files is None else files
    read = [_read(path, reading) for path in paths]
    return Audit(
        slots=[_compare(slot, reading.seen[slot.number], retention) for slot in counts],
        files=read,
        torn=reading.torn,
        foreign=reading.foreign,
        notices=reading.notices,
        torn_samples=reading.torn_samples,
    )


def _read(path: Path, reading: _Reading) -> FileFacts:
    facts = FileFacts(name=path.name, stored_bytes=path.stat().st_size)
    for raw in _lines(path):
        facts.lines += 1
        facts.plain_bytes += len(raw)
        facts.longest_line = max(facts.longest_line, len(raw))
        reading.take(raw)
    return facts


def _lines(path: Path) -> Iterator[bytes]:
    """Give the lines of a plain or packed file. A packed file that breaks off counts as one more, torn, line."""
    opener: Callable[[Path, str], Any] = _OPENERS.get(path.suffix, open)
    with opener(path, "rb") as file:
        try:
            yield from file
        except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
            yield f"unreadable: {error}".encode()


def _compare(counts: SlotCounts, seen: _Seen, retention: bool) -> SlotAudit:
    copies = seen.copies
    present = copies.count(1) + sum(1 for number in copies if number > 1)
    absent = [number for number in range(1, counts.returned + 1) if not copies[number]]
    expired = _leading_run(absent) if retention else 0
    return SlotAudit(
        counts=counts,
        written=present,
        missing=len(absent) - expired,
        expired=expired,
        doubled=sum(number - 1 for number in copies if number > 1),
        disordered=seen.disordered,
        torn=seen.torn,
    )


def _leading_run(numbers: list[int]) -> int:
    """Count how many of the sorted *numbers* are 1, 2, 3 ... without a gap."""
    run = 0
    while run < len(numbers) and numbers[run] == run + 1:
        run += 1
    return run
