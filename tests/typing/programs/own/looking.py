"""What becomes of records, and how the queues behave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mplog import QueueOptions, logger

if TYPE_CHECKING:
    from mplog import Health, ProcessStatistics

logger.configure(queue=QueueOptions(ring_size=65536, overflow="block", block_timeout=None))
# E: Too many positional arguments for "QueueOptions"
QueueOptions(65536)
# E: Argument "overflow" to "QueueOptions" has incompatible type "Literal['wait']"
QueueOptions(overflow="wait")

statistics = logger.statistics()
reveal_type(statistics.in_flight)  # R: int
reveal_type(statistics.writer_lag)  # R: float
reveal_type(statistics.last_error)  # R: str | None
# E: Cannot assign to final attribute "rotations"
statistics.rotations = 0


def lost(process: ProcessStatistics) -> int:
    return process.dropped + process.failed


print(sum(lost(process) for process in statistics.processes))

health: Health = logger.health()
if not health:
    for problem in health.problems:
        print(problem.kind, problem.text)
    print(health)
