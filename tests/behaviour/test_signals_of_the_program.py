"""Signals belong to the program: no thread of mplog takes one, and what sinks start knows nothing of that."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from typing import Any

import pytest
from programs import Program

from mplog._sinks import signals

START = """
import os, pathlib, re, signal, subprocess, sys, threading, time
from mplog import logger

def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)

def masks(process="self"):
    # By the kernel's thread: the signals that it blocks.
    found = {}
    for task in os.listdir(f"/proc/{process}/task"):
        with open(f"/proc/{process}/task/{task}/status") as status:
            found[int(task)] = int(re.search(r"^SigBlk:\\s*(\\w+)", status.read(), re.MULTILINE)[1], 16)
    return found

def bit(number):
    return 1 << number - 1
"""

EACH_THREAD = (
    START
    + """
busy, free = threading.Event(), threading.Event()

def compress(path):
    busy.set()
    free.wait(20)
    os.remove(path)

logger.remove()
seen = []
logger.add(seen.append, format="{message}")
logger.add("app.log", format="{process.id} {message}", enqueue=True)
logger.add("rotated.log", format="{message}", rotation="1 KB", compression=compress)
pid = os.fork()
if not pid:
    for number in range(50):
        logger.info("{:>100}", number)
    os._exit(0)
os.waitpid(pid, 0)
# A file is rotated before it gets a line: with the last one there, no further archive comes.
rotated = pathlib.Path("rotated.log")
last = lambda: rotated.exists() and rotated.read_text().endswith(" 49\\n")
wait_for(lambda: len(seen) == 50 and busy.is_set() and last())
names = {thread.native_id: thread.name for thread in threading.enumerate() if thread.name.startswith("mplog-")}
assert {name.rpartition("-")[0] for name in names.values()} == {"mplog", "mplog-outlet"}, names
# The archiver is in the user's function, where it has the mask of the main thread; the others wait.
ours = lambda: {name: masks()[task] for task, name in names.items() if name != "mplog-archiver"}
wanted = bit(signal.SIGTERM) | bit(signal.SIGUSR1) | bit(signal.SIGCHLD) | bit(signal.SIGINT)
wait_for(lambda: all(mask & wanted == wanted for mask in ours().values()))
faults = bit(signal.SIGSEGV) | bit(signal.SIGABRT)
assert not any(mask & faults for mask in ours().values())
assert masks()[os.getpid()] == 0
free.set()
wait_for(lambda: not any(thread.name == "mplog-archiver" for thread in threading.enumerate()))

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
for _ in range(200):
    os.kill(os.getpid(), signal.SIGTERM)  # Whoever is open to it takes it, and the program ends.
    assert signal.sigtimedwait({signal.SIGTERM}, 20).si_signo == signal.SIGTERM
"""
)

IN_FUNCTIONS = (
    START
    + """
def sink(message):
    time.sleep(0.001)
    seen.append(message)

logger.remove()
seen = []
logger.add(sink, format="{message}")
pid = os.fork()
if not pid:
    for number in range(2000):
        logger.info("{}", number)
    logger.complete(20)
    os._exit(0)
wait_for(lambda: seen)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
time.sleep(0.1)  # The mask of the main thread is looked at again after half of this.
# What was begun before has the mask of then: the second one from now on was not.
begun = len(seen)
wait_for(lambda: len(seen) > begun + 1)
while len(seen) < 1800:
    os.kill(os.getpid(), signal.SIGTERM)
    assert signal.sigtimedwait({signal.SIGTERM}, 20).si_signo == signal.SIGTERM
os.waitpid(pid, 0)
"""
)

STARTED = (
    START
    + """
blocked = []

def look(what):
    command = [sys.executable, "-c", "import signal; print(*map(int, signal.pthread_sigmask(signal.SIG_BLOCK, [])))"]
    found = subprocess.run(command, capture_output=True, text=True).stdout.split()
    blocked.append((what, threading.current_thread().name, found))
    return found

def sink(message):
    look("sink")

def compress(path):
    look("compression")
    os.remove(path)

def rotate(message, file):
    if "last" in message:
        look("rotation")
        return True

def accept(record):
    look("filter") if "last" in record["message"] else None
    return True

if __name__ == "__main__":
    import multiprocessing
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})

def work():
    logger.info("first")
    logger.info("last")

if __name__ == "__main__":
    logger.remove()
    logger.add(sink, format="{message}")
    logger.add("app.log", format="{message}", rotation=rotate, compression=compress, filter=lambda r: accept(r))
    process = multiprocessing.get_context("spawn").Process(target=work)
    process.start()
    process.join()
    wait_for(lambda: {what for what, *_ in blocked} == {"sink", "compression", "rotation", "filter"})
    assert all(thread.startswith("mplog-") for _, thread, _ in blocked), blocked
    assert all(found == [str(int(signal.SIGUSR2))] for *_, found in blocked), blocked
"""
)


@pytest.mark.parametrize("source", [EACH_THREAD, IN_FUNCTIONS], ids=["waiting", "in a user's function"])
def test_a_signal_that_is_blocked_waits_for_the_program(program: Program, source: str) -> None:
    """A program that blocks a signal and fetches it itself gets each one, whatever mplog's threads do meanwhile."""
    program.run(source)


def test_what_functions_start_inherits_the_programs_mask(program: Program) -> None:
    """A process that a sink, filter, rotation or compression starts blocks what the program blocks, and no more."""
    program.run(STARTED)


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="threads have no masks here")
def test_a_handler_that_raises_in_a_start_leaves_nothing_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """CPython runs handlers at the end of `pthread_sigmask`: what one raises comes when everything is blocked."""
    real = signal.pthread_sigmask

    def interrupted(how: int, mask: Iterable[int]) -> Any:
        before = real(how, mask)
        if how == signal.SIG_BLOCK and mask:
            raise KeyboardInterrupt
        return before

    before = real(signal.SIG_BLOCK, ())
    monkeypatch.setattr(signal, "pthread_sigmask", interrupted)
    try:
        with pytest.raises(KeyboardInterrupt), signals.blocked():
            pass
        assert real(signal.SIG_BLOCK, ()) == before
    finally:
        real(signal.SIG_SETMASK, before)
