"""The ledger: what every process knows it has logged, kept where mplog cannot touch it.

A plain file with one fixed slot per logging process (or thread), mapped by everyone. Around each log call its
process stores two counters: *started* before it, *returned* after it. A process may then be killed at any instant:
what lies up to *returned* must be in the log, what lies beyond *started* cannot be, and at most the one record
between the two is undecided.

    0x00  magic      u64
    0x08  slots      u64
    0x10  signal     u64   HOLD, GO or STOP; stored by whoever runs the show
    0x40  slot 0, slot 1, ...   64 bytes each, stored by its own process only

Reading the log back and comparing it with the ledger is `_audit.py`'s part.
"""

from __future__ import annotations

import mmap
import os
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

MAGIC = 0x5245474445_4C504D
HEADER_BYTES = 64
SLOT_BYTES = 64
WORD = 8

HOLD, GO, STOP = 0, 1, 2
"""What the signal word can say to the processes under test."""

UNUSED, READY, FINISHED = 0, 1, 2
"""What a slot's state can say about its process. A killed process stays READY for ever."""

_SLOTS_WORD = 1
_SIGNAL_WORD = 2

_STATE, _PID, _STARTED, _RETURNED, _WORST_NS = range(5)


@dataclass(frozen=True, slots=True)
class SlotCounts:
    """A copy of one slot, for reading after the fact."""

    number: int
    state: int
    pid: int
    started: int
    returned: int
    worst_call_ns: int


class LedgerError(Exception):
    """The ledger file is not one, or a slot outside it was asked for."""


class LedgerSlot:
    """One process's (or thread's) own place in the ledger. Nobody else stores there."""

    def __init__(self, words: memoryview[int], number: int) -> None:
        self.number = number
        self._words = words
        self._base = (HEADER_BYTES + number * SLOT_BYTES) // WORD

    def begin(self) -> None:
        """Say that this process stands ready to log."""
        self._words[self._base + _PID] = os.getpid()
        self._words[self._base + _STATE] = READY

    def finish(self) -> None:
        """Say that this process has logged all it wanted to."""
        self._words[self._base + _STATE] = FINISHED

    def call(self, log: Callable[[str], None], body: str) -> int:
        """Log one stamped line through *log*, with the counters stored around the call; return its nanoseconds.

        `before` and `after` are the same for callers whose call site is to stand in the line.
        """
        words, base = self._words, self._base
        number = words[base + _STARTED] + 1
        text = stamped(self.number, number, body)
        words[base + _STARTED] = number
        begun = time.perf_counter_ns()
        log(text)
        spent = time.perf_counter_ns() - begun
        words[base + _RETURNED] = number
        if spent > words[base + _WORST_NS]:
            words[base + _WORST_NS] = spent
        return spent

    def before(self, body: str) -> str:
        """Count one more call as started and return the stamped text to log; `after` must follow it."""
        number = self._words[self._base + _STARTED] + 1
        self._words[self._base + _STARTED] = number
        return stamped(self.number, number, body)

    def after(self) -> None:
        """Count the call that `before` announced as returned."""
        self._words[self._base + _RETURNED] = self._words[self._base + _STARTED]

    @property
    def returned(self) -> int:
        """The number of log calls that have come back so far."""
        return self._words[self._base + _RETURNED]

    def counts(self) -> SlotCounts:
        """Copy the slot. *returned* is read first, so that it never exceeds *started* in the copy."""
        words, base = self._words, self._base
        returned = words[base + _RETURNED]
        return SlotCounts(
            number=self.number,
            state=words[base + _STATE],
            pid=words[base + _PID],
            started=words[base + _STARTED],
            returned=returned,
            worst_call_ns=words[base + _WORST_NS],
        )


class Ledger:
    """The mapped ledger file. Children made by fork may use the mapping they inherit."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        self._bytes = memoryview(self._map)
        self._words: memoryview[int] = self._bytes.cast("Q")
        if self._words[0] != MAGIC:
            self.close()
            raise LedgerError(f"{str(path)!r} does not start with a ledger's magic number: pass the file that made it.")
        self.slots = self._words[_SLOTS_WORD]

    @classmethod
    def create(cls, path: Path, slots: int) -> Ledger:
        """Make the file with room for *slots* processes, all unused, and map it."""
        size = HEADER_BYTES + slots * SLOT_BYTES
        with path.open("xb") as file:
            file.write(MAGIC.to_bytes(WORD, sys.byteorder) + slots.to_bytes(WORD, sys.byteorder))
            file.write(bytes(size - 2 * WORD))
        return cls(path)

    def slot(self, number: int) -> LedgerSlot:
        """Return slot *number* for its own process to store in."""
        if not 0 <= number < self.slots:
            raise LedgerError(f"slot {number} of {self.slots} does not exist: create the ledger with more slots.")
        return LedgerSlot(self._words, number)

    def counts(self) -> list[SlotCounts]:
        """Copy all slots that a process has begun to use."""
        copies = (self.slot(number).counts() for number in range(self.slots))
        return [copy for copy in copies if copy.state != UNUSED]

    @property
    def signal(self) -> int:
        """What the processes under test are told: HOLD, GO or STOP."""
        return self._words[_SIGNAL_WORD]

    @signal.setter
    def signal(self, value: int) -> None:
        self._words[_SIGNAL_WORD] = value

    def close(self) -> None:
        """Drop the mapping. Slots handed out before cannot be used any more."""
        self._words.release()
        self._bytes.release()
        self._map.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def stamped(slot: int, number: int, body: str) -> str:
    """Return the text of one log line: ``slot:number:body:checksum``.

    The checksum makes a torn line, or two halves grown together, impossible to mistake for a whole one.
    """
    content = f"{slot}:{number}:{body}"
    return f"{content}:{zlib.crc32(content.encode()):08x}"
