"""The program under test: a user's script, more or less, run as ``python stress/program.py``.

It configures logging at module level and does nothing in its children but log, because that is how people write it:
under spawn and forkserver every child imports this file again, and the library has to cope.
"""

from __future__ import annotations

import ctypes
import faulthandler
import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from stress import libraries, steps, workload, wrecker
from stress.job import HOOKLESS, SOAK, STORM, STRANGER, WRECKED, Job, leave_statistics
from stress.ledger import STOP, Ledger

WORKER_FAILED = 3
KILLED_OR_WELL = (0, -signal.SIGKILL, -signal.SIGALRM)
STORM_CHILDREN_AT_ONCE = 16
WRECKS_FOR = 0.5
HOOKLESS_CHILDREN_AT_ONCE = 4
"""Each writes by itself. More of them wait so long for one another now and then that a line comes after the limit."""

JOB = Job.from_environment()
ADAPTER = libraries.load(JOB.adapter)
if ADAPTER.says_phases:
    steps.tell()
if __name__ == "__main__":
    multiprocessing.set_start_method(JOB.start_method)
if __name__ == "__main__" or ADAPTER.configures_everywhere:
    ADAPTER.configure(Path(JOB.log), JOB)
if __name__ == "__main__":
    if JOB.slow:
        ADAPTER.add_slow(JOB.slow, Path(JOB.slow_log))
    if JOB.dies_at_step:
        steps.die_at(JOB.dies_at_step, JOB.dies_at_occurrence, Ledger(Path(JOB.ledger)), with_all=JOB.dies_with_all)
if JOB.file_limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (JOB.file_limit, resource.RLIM_INFINITY))

# The harness asks for stacks when a deadline has passed, so that a hang says where it hangs.
faulthandler.register(signal.SIGUSR1, all_threads=True)


def worker(first_slot: int, shared: Any = None) -> None:
    """Run one worker process of the tree; *shared* is what the library wants handed over."""
    ADAPTER.join(shared)
    with Ledger(Path(JOB.ledger)) as ledger:
        workload.log_in_threads(JOB, ledger, first_slot, ADAPTER.log)
    raise_signal_if_asked()
    ADAPTER.leave()


def raise_signal_if_asked() -> None:
    """End as servers do that have put the former handler back: no exit function runs."""
    if JOB.raises:
        signal.raise_signal(signal.SIGTERM)


def wreck() -> None:
    """Be the parent of processes, one after the other, that log a line and run amok in their session then."""
    ADAPTER.join(None)
    with Ledger(Path(JOB.ledger)) as ledger:
        workload.wait_for_go(ledger)
    for number in range(JOB.wrecks):
        pid = os.fork()
        if not pid:
            try:
                ADAPTER.log("wrecker")
                wrecker.wreck_beside(Path(ADAPTER.session()), JOB.seed * 100 + number, WRECKS_FOR)
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
    Path(JOB.ledger).with_name(WRECKED).touch()


def start_worker(first_slot: int) -> BaseProcess:
    """Start one worker process."""
    process = multiprocessing.Process(target=worker, args=(first_slot, ADAPTER.share()))
    process.start()
    return process


def run_tree() -> int:
    """Start the workers, log a little oneself while they run, and wait for them."""
    workers = [start_worker(JOB.first_slot + index * JOB.threads) for index in range(JOB.processes)]
    others: list[BaseProcess] = [multiprocessing.Process(target=wreck)] if JOB.wrecks else []
    for other in others:
        other.start()
    if JOB.own_slot is not None:
        log_beside(workers, JOB.own_slot)
    raise_signal_if_asked()
    for process in (*workers, *others):
        process.join()
    finish()
    return 0 if all(process.exitcode in KILLED_OR_WELL for process in workers) else WORKER_FAILED


def log_beside(workers: list[BaseProcess], own_slot: int) -> None:
    """Log in the owner itself, straight to the sink, until the last worker has ended."""
    texts = workload.bodies(JOB, own_slot)
    with Ledger(Path(JOB.ledger)) as ledger:
        slot = ledger.slot(own_slot)
        slot.begin()
        workload.wait_for_go(ledger)
        while any(process.is_alive() for process in workers) and not (JOB.raises and ledger.signal == STOP):
            slot.call(ADAPTER.log, texts[slot.returned % len(texts)])
            time.sleep(1 / JOB.own_rate)
        slot.finish()


def finish() -> None:
    """Wait for what was logged, and leave to the harness what the library has counted."""
    ADAPTER.finish()
    counted = ADAPTER.statistics()
    if counted is not None:
        leave_statistics(counted)


def run_stranger() -> int:
    """Log beside other programs on the same file, with no common parent."""
    with Ledger(Path(JOB.ledger)) as ledger:
        workload.log_in_threads(JOB, ledger, JOB.first_slot, ADAPTER.log)
    raise_signal_if_asked()
    finish()
    return 0


def run_soak() -> int:
    """Replace each worker that has ended, or was killed, by the next one of its row, to the end of all rows."""
    rows = {start_worker(JOB.first_slot + index * JOB.threads): index for index in range(JOB.processes)}
    lived = dict.fromkeys(range(JOB.processes), 1)
    failed = 0
    while rows:
        connection.wait([process.sentinel for process in rows])
        for process in [process for process in rows if process.exitcode is not None]:
            failed += process.exitcode not in KILLED_OR_WELL
            index = rows.pop(process)
            if lived[index] < JOB.lives:
                slot = JOB.first_slot + (lived[index] * JOB.processes + index) * JOB.threads
                rows[start_worker(slot)] = index
                lived[index] += 1
    finish()
    return WORKER_FAILED if failed else 0


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
    finish()
    return WORKER_FAILED if failed else 0


def run_hookless() -> int:
    """Fork as libraries written in C do, without a thread that Python's own lock could be left to."""
    failed = 0
    fork = ctypes.PyDLL(None).fork
    with Ledger(Path(JOB.ledger)) as ledger:
        workload.wait_for_go(ledger)
        alive: set[int] = set()
        for number in range(JOB.forks):
            alive.add(fork_one(ledger, JOB.first_slot + number, fork, JOB.records))
            failed += reap(alive, at_most=HOOKLESS_CHILDREN_AT_ONCE)
        failed += reap(alive, at_most=0)
    ADAPTER.finish()  # Its children count for themselves, and leave nothing of it when they have ended.
    return WORKER_FAILED if failed else 0


def fork_one(ledger: Ledger, slot_number: int, fork: Callable[[], int] = os.fork, records: int = 1) -> int:
    """Fork a child that logs so many lines and ends by ``os._exit``; return its pid."""
    pid = fork()
    if pid:
        return pid
    status = 1
    try:
        slot = ledger.slot(slot_number)
        slot.begin()
        for _ in range(records):
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
        failed += os.waitstatus_to_exitcode(status) not in KILLED_OR_WELL
    return failed


ROLES = {STRANGER: run_stranger, STORM: run_storm, HOOKLESS: run_hookless, SOAK: run_soak}

if __name__ == "__main__":
    sys.exit(ROLES.get(JOB.role, run_tree)())
