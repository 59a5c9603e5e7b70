"""The program under test: a user's script, more or less, run as ``python stress/program.py``.

It configures logging at module level and does nothing in its children but log, because that is how people write it:
under spawn and forkserver every child imports this file again, and the library has to cope.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import sys
import threading
import time
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from mplog.cli._ledger import STOP, Ledger
from stress import adapters, steps, workload
from stress.job import STORM, STRANGER, Job

WORKER_FAILED = 3
STORM_CHILDREN_AT_ONCE = 16

JOB = Job.from_environment()
ADAPTER = adapters.load(JOB.adapter)
ADAPTER.configure(Path(JOB.log), rotation=JOB.rotation, retention=JOB.retention, compression=JOB.compression)

if JOB.dies_at_step and __name__ == "__main__":
    steps.die_at(JOB.dies_at_step, JOB.dies_at_occurrence)

# The harness asks for stacks when a deadline has passed, so that a hang says where it hangs.
faulthandler.register(signal.SIGUSR1, all_threads=True)


def worker(first_slot: int) -> None:
    """Run one worker process of the tree."""
    with Ledger(Path(JOB.ledger)) as ledger:
        workload.log_in_threads(JOB, ledger, first_slot, ADAPTER.log)


def run_tree() -> int:
    """Start the workers, log a little oneself while they run, and wait for them."""
    context: BaseContext = multiprocessing.get_context(JOB.start_method)
    first_slots = [JOB.first_slot + index * JOB.threads for index in range(JOB.processes)]
    workers = [context.Process(target=worker, args=(slot,)) for slot in first_slots]  # type: ignore[attr-defined]
    for process in workers:
        process.start()
    if JOB.own_slot is not None:
        log_beside(workers, JOB.own_slot)
    for process in workers:
        process.join()
    ADAPTER.finish()
    killed_or_well = (0, -signal.SIGKILL)
    return 0 if all(process.exitcode in killed_or_well for process in workers) else WORKER_FAILED


def log_beside(workers: list[BaseProcess], own_slot: int) -> None:
    """Log in the owner itself, straight to the sink, until the last worker has ended."""
    texts = workload.bodies(JOB, own_slot)
    with Ledger(Path(JOB.ledger)) as ledger:
        slot = ledger.slot(own_slot)
        slot.begin()
        workload.wait_for_go(ledger)
        while any(process.is_alive() for process in workers):
            slot.call(ADAPTER.log, texts[slot.returned % len(texts)])
            time.sleep(1 / JOB.own_rate)
        slot.finish()


def run_stranger() -> int:
    """Log beside other programs on the same file, with no common parent."""
    worker(JOB.first_slot)
    ADAPTER.finish()
    return 0


def run_storm() -> int:
    """Fork in the main thread while the other threads log without a pause."""
    failed = 0
    with Ledger(Path(JOB.ledger)) as ledger:
        slots = [ledger.slot(JOB.first_slot + index) for index in range(JOB.threads)]
        threads = [
            threading.Thread(target=workload.log_records, args=(JOB, ledger, slot, ADAPTER.log)) for slot in slots
        ]
        for thread in threads:
            thread.start()
        workload.wait_for_go(ledger)
        alive: set[int] = set()
        for number in range(JOB.forks):
            alive.add(fork_one(ledger, JOB.first_slot + JOB.threads + number))
            failed += reap(alive, at_most=STORM_CHILDREN_AT_ONCE)
        failed += reap(alive, at_most=0)
        ledger.signal = STOP
        for thread in threads:
            thread.join()
    ADAPTER.finish()
    return WORKER_FAILED if failed else 0


def fork_one(ledger: Ledger, slot_number: int) -> int:
    """Fork a child that logs one line and ends by ``os._exit``; return its pid."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        slot = ledger.slot(slot_number)
        slot.begin()
        slot.call(ADAPTER.log, "child")
        slot.finish()
        status = 0
    finally:
        os._exit(status)


def reap(alive: set[int], *, at_most: int) -> int:
    """Wait until no more than *at_most* children are alive; return how many had failed."""
    failed = 0
    while len(alive) > at_most:
        pid, status = os.wait()
        alive.discard(pid)
        failed += status != 0
    return failed


ROLES = {STRANGER: run_stranger, STORM: run_storm}

if __name__ == "__main__":
    sys.exit(ROLES.get(JOB.role, run_tree)())
