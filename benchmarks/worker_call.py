"""What one log call costs a worker process while the records are being written elsewhere."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.subject import Subject, Target

_WARM_UP = 20_000
"""Calls before the clock runs: after a fork, processor and caches take some dozen milliseconds to get up to speed."""


def measure(name: str, records: int, directory: Path) -> float:
    """Return nanoseconds per call in a forked worker."""
    contender = CONTENDERS[name]()
    contender.configure(directory / "bench.log", None)
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_worker, args=(contender, records, theirs))
    process.start()
    theirs.close()  # so that a worker that dies is seen as the end of the pipe
    figure: float = ours.recv()
    process.join()
    contender.finish()
    return figure


def _worker(contender: Contender, records: int, answer: Connection) -> None:
    contender.attach()
    contender.log(_WARM_UP)
    begun = time.perf_counter_ns()
    contender.log(records)
    spent = time.perf_counter_ns() - begun
    answer.send(spent / records)
    contender.finish()


SUBJECT = Subject(
    name="worker-call",
    title="A worker's call",
    unit="ns per call",
    contenders=("mplog", "loguru", "loguru enqueue"),
    targets=(
        Target("loguru", "at most", 1 / 4, "<= 1/4"),
        Target("loguru enqueue", "at most", 1 / 15, "<= 1/15"),
    ),
    records=20_000,
    quick_records=5_000,
    measure=measure,
)
