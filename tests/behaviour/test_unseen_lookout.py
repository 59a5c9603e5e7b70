"""The thread in which a worker looks at its owner is in nobody's way: not in that of forks, signals or thread counts.

What it does when the owner is gone is in test_owner_gone.py.
"""

from __future__ import annotations

from programs import Program, assert_once_in_order

START = """
import os, re, signal, threading, time

threads = []
# Registered before mplog's hook, so it runs after that.
os.register_at_fork(before=lambda: threads.append(len(os.listdir("/proc/self/task"))))
from mplog import logger

logger.remove()
logger.add("app.log", format="{process.id} {message}")

def as_worker(work):
    pid = os.fork()
    if not pid:
        logger.info("worker 0")
        work()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0

def wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)
"""

FORKS = (
    START
    + """
@as_worker
def work():
    threads.clear()
    for number in range(1, 30):
        pid = os.fork()
        if not pid:
            logger.info("grandchild {}", number)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        logger.info("worker {}", number)
    assert threads == [1] * 29, threads
    wait_for(lambda: len(os.listdir("/proc/self/task")) == 2)
    assert threading.active_count() == 1
"""
)

SIGNALS = (
    START
    + """
def masks():
    for task in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{task}/status") as status:
            yield int(re.search(r"^SigBlk:\\s*(\\w+)", status.read(), re.MULTILINE)[1], 16)

@as_worker
def work():
    wait_for(lambda: len(os.listdir("/proc/self/task")) == 2)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    wait_for(lambda: all(mask >> signal.SIGUSR1 - 1 & 1 for mask in masks()))
    os.kill(os.getpid(), signal.SIGUSR1)  # Whoever does not block it takes it, and the process ends.
    assert signal.sigtimedwait({signal.SIGUSR1}, 10).si_signo == signal.SIGUSR1
    logger.info("worker 1")
"""
)


def test_forks(program: Program) -> None:
    """A worker that forks has one thread in that moment, so no interpreter warns; it looks on afterwards."""
    ended = program.run(FORKS)
    assert_once_in_order(ended.log(), [f"worker {n}" for n in range(30)] + [f"grandchild {n}" for n in range(1, 30)])


def test_signals(program: Program) -> None:
    """A signal that a worker has blocked waits for the worker; the thread does not take it."""
    assert_once_in_order(program.run(SIGNALS).log(), ["worker 0", "worker 1"])
