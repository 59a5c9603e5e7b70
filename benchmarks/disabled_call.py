"""What a log call costs when nobody wants its level."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.contenders import CONTENDERS
from benchmarks.subject import Subject, Target


def measure(name: str, records: int, directory: Path) -> float:
    """Return nanoseconds per call, the loop around it included."""
    contender = CONTENDERS[name]()
    contender.configure(directory / "bench.log", None)
    contender.log_disabled(records // 10)
    begun = time.perf_counter_ns()
    contender.log_disabled(records)
    spent = time.perf_counter_ns() - begun
    contender.finish()
    return spent / records


SUBJECT = Subject(
    name="disabled-call",
    title="A disabled call",
    unit="ns per call",
    contenders=("mplog", "loguru"),
    targets=(Target(None, "at most", 200, "<= 200 ns"),),
    records=200_000,
    quick_records=50_000,
    measure=measure,
)
