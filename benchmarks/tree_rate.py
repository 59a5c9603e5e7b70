"""How many records per second four workers get into one file, end to end."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path

from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.lines import require_lines
from benchmarks.subject import Subject, Target

WORKERS = 4
_PATIENCE = 60.0


def measure(name: str, records: int, directory: Path) -> float:
    """Return records per second, from the moment all workers stand ready until the last line is in the file."""
    log = directory / "bench.log"
    contender = CONTENDERS[name]()
    contender.configure(log, None)
    context = multiprocessing.get_context("fork")
    ready = context.Barrier(WORKERS + 1)
    workers = [context.Process(target=_worker, args=(contender, records, ready)) for _ in range(WORKERS)]
    for process in workers:
        process.start()
    ready.wait(_PATIENCE)
    begun = time.perf_counter()
    for process in workers:
        process.join()
    contender.finish()
    spent = time.perf_counter() - begun
    require_lines(log, WORKERS * records)
    return WORKERS * records / spent


def _worker(contender: Contender, records: int, ready: Barrier) -> None:
    contender.attach()
    ready.wait(_PATIENCE)
    contender.log(records)
    contender.finish()


SUBJECT = Subject(
    name="tree-rate",
    title="4 workers, one file, end to end",
    unit="records per second",
    contenders=("mplog", "concurrent-log-handler", "QueueHandler"),
    targets=(
        Target("concurrent-log-handler", "at least", 10, ">= 10"),
        Target("QueueHandler", "at least", 10, ">= 10"),
    ),
    records=50_000,  # in 20,000 the start and the end of the workers are a tenth of mplog's time
    quick_records=5_000,
    measure=measure,
)
