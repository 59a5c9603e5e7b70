"""What one plain log call costs the process that configured the file, without rotation and without children."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.contenders import CONTENDERS
from benchmarks.subject import Subject, Target

_WARM_UP = 500


def measure(name: str, records: int, directory: Path) -> float:
    """Return nanoseconds per call; each line is in the file when its call returns."""
    contender = CONTENDERS[name]()
    contender.configure(directory / "bench.log", None)
    contender.log(_WARM_UP)
    begun = time.perf_counter_ns()
    contender.log(records)
    spent = time.perf_counter_ns() - begun
    contender.finish()
    return spent / records


SUBJECT = Subject(
    name="owner-call",
    title="The owner's plain call",
    unit="ns per call",
    contenders=("mplog", "loguru"),
    targets=(Target("loguru", "at most", 1 / 2, "<= 1/2"),),
    records=20_000,
    quick_records=5_000,
    measure=measure,
)
