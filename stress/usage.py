"""What a process takes of the machine, as the kernel counts it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Growth:
    """How much more a process may take: a share of one processor, bytes, descriptors."""

    processor: float
    memory: int
    descriptors: int


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one process at one moment."""

    at: float
    cpu: float
    """Seconds of processors so far."""
    memory: int
    """Bytes that it has in memory."""
    descriptors: int

    @classmethod
    def of(cls, pid: int) -> Usage:
        """Of the process *pid*. Raises OSError: there is none, or not for us."""
        here = Path(f"/proc/{pid}")
        fields = (here / "stat").read_text().rpartition(")")[2].split()
        cpu = (int(fields[11]) + int(fields[12])) / _TICKS
        memory = int((here / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return cls(time.monotonic(), cpu, memory, len(list((here / "fd").iterdir())))

    def excess(self, before: Usage, most: Growth) -> list[str]:
        """In which way it has taken more since *before* than it may at *most*."""
        found = []
        share = (self.cpu - before.cpu) / max(self.at - before.at, 0.001)
        if share > most.processor:
            found.append(f"took {share:.2f} of a processor, more than {most.processor}")
        if self.memory - before.memory > most.memory:
            found.append(f"took {self.memory - before.memory:,} bytes more, and may take {most.memory:,}")
        if self.descriptors - before.descriptors > most.descriptors:
            found.append(f"has {self.descriptors} descriptors open, and had {before.descriptors}")
        return found
