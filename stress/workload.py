"""What the threads of a program under test do: stand ready, wait for GO, log, say that they are finished."""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from stress.job import Job
from stress.latency import LONG_NS, Latencies
from stress.ledger import HOLD, STOP, Ledger, LedgerSlot
from stress.processor import Processor

GO_DEADLINE = 120.0
NOBODY = 65534
_POLL = 0.001
_BODIES = 64
_LOOKS_EVERY = 32
"""Calls at full speed between two looks at the kernel's count, which take as long as a call."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789 {}<>%\\"


def bodies(job: Job, slot: int) -> list[str]:
    """Make the texts that one thread logs in turn: all lengths asked for, characters that formatters dislike."""
    chance = random.Random(f"{job.seed}/{slot}")
    lengths = [chance.randint(job.shortest, job.longest) for _ in range(_BODIES)]
    return ["".join(chance.choices(_LETTERS, k=length)) for length in lengths]


def wait_for_go(ledger: Ledger) -> None:
    """Return once the harness has said GO, or STOP; give up when it is gone."""
    deadline = time.monotonic() + GO_DEADLINE
    while ledger.signal == HOLD:
        if time.monotonic() > deadline:
            raise TimeoutError(f"no GO within {GO_DEADLINE:.0f} s: the harness must have ended; start it again.")
        time.sleep(_POLL)


def wanted_numbers(job: Job, ledger: Ledger) -> Iterator[int]:
    """Count the records of one thread: as many as the job says, or until the harness says STOP.

    A harness that was killed says nothing any more, so there is an end in any case.
    """
    if job.records:
        yield from range(job.records)
        return
    deadline = time.monotonic() + job.lifetime
    for number in itertools.count():
        if ledger.signal == STOP or (not number % _BODIES and time.monotonic() > deadline):
            return
        yield number


def log_records(job: Job, ledger: Ledger, slot: LedgerSlot, log: Callable[[str], None]) -> None:
    """Log one thread's records, at the job's rate, between *begin* and *finish* of its slot."""
    texts = bodies(job, slot.number)
    dies_in, dies_after = job.dooms.get(str(slot.number), (-1, 0.0))
    with Latencies(Path(job.latencies)) as latencies:
        if job.gives_up_rights:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        processor = Processor()
        slot.begin()
        wait_for_go(ledger)
        started = time.monotonic()
        for number in wanted_numbers(job, ledger):
            if job.rate:
                _keep_pace(started + number / job.rate)
            if number == dies_in:
                # Nothing handles SIGALRM, so it ends the process as SIGKILL would: at once, wherever it is.
                signal.setitimer(signal.ITIMER_REAL, dies_after)
            if job.rate or not number % _LOOKS_EVERY:
                processor.look()
            spent = slot.call(log, texts[number % _BODIES])
            latencies.book(slot.number, spent)
            if spent >= LONG_NS:
                latencies.explain(slot.number, spent, processor.missed_in(spent))
                processor.look()
    slot.finish()
    processor.close()


def _keep_pace(due: float) -> None:
    ahead = due - time.monotonic()
    if ahead > 0:
        time.sleep(ahead)


def log_in_threads(job: Job, ledger: Ledger, first_slot: int, log: Callable[[str], None]) -> None:
    """Run the job's threads of one process to their end. A single one runs in the main thread."""
    slots = [ledger.slot(first_slot + index) for index in range(job.threads)]
    others = [threading.Thread(target=log_records, args=(job, ledger, slot, log)) for slot in slots[1:]]
    for thread in others:
        thread.start()
    log_records(job, ledger, slots[0], log)
    for thread in others:
        thread.join()
