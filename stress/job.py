"""What one program under test is told to do: plain data, in a file that the environment names.

The environment reaches every process of the program's tree, whatever the start method, without the library under test
having any part in it.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

JOB_VARIABLE = "MPLOG_STRESS_JOB"

TREE, STRANGER, STORM, HOOKLESS, SOAK = "tree", "stranger", "storm", "hookless", "soak"
"""Roles: a program with workers, one on its own, one that forks under fire, one that forks without Python's hooks, one
that replaces its workers for long."""

WRECKED = "wrecked"
"""The name of a file beside the ledger that says that nobody runs amok any more."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One program's part in a round."""

    role: str
    adapter: str
    log: str
    ledger: str
    latencies: str = ""
    rotation: str | None = None
    retention: int | None = None
    compression: str | None = None
    start_method: str = "fork"
    processes: int = 1
    """Worker processes, in a tree."""
    threads: int = 1
    """Logging threads in each worker (tree, stranger) or in the main process (storm)."""
    first_slot: int = 0
    """The ledger slot of the first worker's first thread; the others follow."""
    own_slot: int | None = None
    """The slot of the owner's own lines, in a tree. None: the owner is silent."""
    own_rate: float = 100.0
    records: int = 0
    """Records of each thread. 0: until the ledger's signal says STOP."""
    lifetime: float = 300.0
    """Seconds after which threads that wait for STOP end by themselves."""
    rate: float = 0.0
    """Records per second of each thread. 0: as fast as it goes."""
    forks: int = 0
    """Children in a storm; each logs one line in a slot of its own behind the threads' slots. In a program that forks
    without hooks each logs its records, and no thread does."""
    dies_at_step: int = 0
    """The step of a commit at which the owner kills itself; 0: somebody else does it, or nobody."""
    dies_at_occurrence: int = 1
    dies_with_all: bool = False
    """Whether that death takes the workers along at the same instant."""
    dooms: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    """By slot: the record in whose call a worker dies, and the seconds after the call's begin."""
    raises: bool = False
    """Whether each process ends by raising SIGTERM, as servers do that were stopped by it, and waits for no other."""
    gives_up_rights: bool = False
    """Whether each worker becomes another user before its first record. It has one thread then."""
    wrecks: int = 0
    """Processes in a row that store whatever they like into the session, beside the workers of a tree."""
    slow: float = 0.0
    """Seconds that a second sink takes for each line; 0: there is none."""
    slow_log: str = ""
    """Where the slow sink's lines go."""
    lives: int = 1
    """Workers in a row, in a soak: each is replaced when it has ended or was killed."""
    file_limit: int = 0
    """Bytes that a file may have until the harness lifts the limit, which stands in for a full disk; 0: any number."""
    seed: int = 0
    shortest: int = 8
    longest: int = 120

    @property
    def slots(self) -> range | list[int]:
        """The ledger slots that the processes of this program log in."""
        if self.role == STRANGER:
            count = self.threads
        elif self.role == STORM:
            count = self.threads + self.forks
        elif self.role == HOOKLESS:
            count = self.forks
        else:
            count = self.processes * self.threads * (self.lives if self.role == SOAK else 1)
        found = range(self.first_slot, self.first_slot + count)
        return found if self.own_slot is None else [*found, self.own_slot]

    def save(self, path: Path) -> dict[str, str]:
        """Write the job to *path* and return the environment variable that names it."""
        path.write_text(json.dumps(dataclasses.asdict(self), indent=1))
        return {JOB_VARIABLE: str(path)}

    @classmethod
    def from_environment(cls) -> Job:
        """Read the job of the program that this process belongs to."""
        return cls(**json.loads(Path(os.environ[JOB_VARIABLE]).read_text()))


def statistics_path(job: Path) -> Path:
    """Where the program of the job in the file *job* leaves what its library has counted."""
    return job.with_suffix(".statistics")


def leave_statistics(found: dict[str, Any]) -> None:
    """Leave *found* beside the job of the program that this process belongs to, whole or not at all."""
    path = statistics_path(Path(os.environ[JOB_VARIABLE]))
    part = path.with_suffix(".part")
    part.write_text(json.dumps(found))
    part.replace(path)
