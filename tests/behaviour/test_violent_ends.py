"""Ends that no exit function sees, and ends in front of a sink that takes nothing: what has been logged is there.

None of it may take longer than the shutdown time-out.
"""

from __future__ import annotations

import signal

import pytest
from programs import FULL, Program, assert_once_in_order

CHILDREN = 10_000 if FULL else 200
"""Short-lived processes of one program."""

WHOLE_GROUP = """
import os, signal, sys, time
from mplog import logger

signal.signal(signal.SIGINT, signal.default_int_handler)  # Whoever started the tests may have had it ignored.
logger.remove()
logger.add("app.log", format="{process.id} {message}")
ready, said = os.pipe()
for name in ("one", "two"):
    if not os.fork():
        for count in range(300):
            logger.info("{} {}", name, count)
        os.write(said, b"!")
        while True:  # A signal right before a sleep is looked at after it.
            time.sleep(0.05)
logger.info("owner 0")
while len(os.read(ready, 2)) < 2 and not os.read(ready, 1):
    pass
os.killpg(0, int(sys.argv[1]))
time.sleep(60)
"""

AFTERWARDS = """
from mplog import logger

logger.remove()
logger.add("app.log", format="{process.id} {message}")
"""

CRASHES = """
import ctypes, faulthandler, os, signal, sys
from mplog import logger

logger.remove()
logger.add("app.log", format="{process.id} {message}")
statuses = []
for end in ("null", "abort", "exec"):
    pid = os.fork()
    if not pid:
        for count in range(100):
            logger.info("{} {}", end, count)
        if end == "null":
            ctypes.string_at(0)
        if end == "abort":
            os.abort()
        os.execv(sys.executable, [sys.executable, "-c", ""])
    statuses.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
assert statuses == [-signal.SIGSEGV, -signal.SIGABRT, 0], statuses
"""

WEDGED = """
import os, sys, threading, time
from mplog import logger

def sink(message):
    threading.Event().wait()

logger.remove()
logger.add(sink, format="{message}")
logger.add(open(lag := os.pipe()[1], "w"), format="{message} " + "x" * 5000)
logger.add("app.log", format="{process.id} {message}")
logger.configure(queue=__import__("mplog").QueueOptions(shutdown_timeout=0.3))
pid = os.fork()
if not pid:
    slowest = 0.0
    for count in range(200):
        began = time.monotonic()
        logger.info("worker {}", count)
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 2, slowest
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
with open("time.txt", "w") as file:
    file.write(str(time.time()))
"""

FORKS_INSIDE = """
import os
from mplog import logger

children = []

class Forks:
    def __str__(self):
        pid = os.fork()
        if pid:
            assert os.waitpid(pid, 0)[1] == 0
        return "parent" if pid else "child"

def sink(message):
    if "fork" in message and os.getpid() == owner:
        pid = os.fork()
        if not pid:
            logger.info("from the sink 0")
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0

owner = os.getpid()
logger.remove()
logger.add("app.log", format="{process.id} {message}")
logger.add(sink, format="{message}")
logger.info("fork 0")
pid = os.fork()
if not pid:
    logger.info("before 0")
    logger.info("{} 1", Forks())
    logger.info("after 2")
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
"""

MANY = """
import os, resource, sys, time
from mplog import logger

logger.remove()
logger.add("app.log", format="{process.id} {message}")
runtime = os.environ["MPLOG_RUNTIME_DIR"]

def names():
    return sum(len(files) for _, _, files in os.walk(runtime))

def spawn(first, count):
    for number in range(first, first + count):
        pid = os.fork()
        if not pid:
            if number % 3:
                logger.info("child{} 0", number)
            os._exit(0)
        os.waitpid(pid, 0)

def settled():
    logger.complete()
    deadline = time.monotonic() + 15
    while names() > 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    return names(), len(os.listdir("/proc/self/fd")), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

total = int(sys.argv[1])
spawn(0, 50)
before = settled()
spawn(50, total - 50)
after = settled()
assert after[0] <= before[0] and after[1] <= before[1], (before, after)
assert after[2] < before[2] + 20_000, (before, after)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_a_signal_to_the_whole_group(program: Program, number: signal.Signals) -> None:
    """The next program that adds the file writes what nobody could write any more."""
    program.start(WHOLE_GROUP, int(number)).wait()
    program.wait_for_members()
    ended = program.run(AFTERWARDS)

    assert_once_in_order(
        ended.log(), ["owner 0", *[f"{name} {count}" for name in ("one", "two") for count in range(300)]]
    )


def test_a_crash_right_after_a_call(program: Program) -> None:
    """A process that the kernel ends, or that becomes another program, has its records in the log."""
    ended = program.run(CRASHES, silent=False)

    assert_once_in_order(ended.log(), [f"{end} {count}" for end in ("null", "abort", "exec") for count in range(100)])


def test_an_end_in_front_of_sinks_that_take_nothing(program: Program) -> None:
    """A function that never returns and a pipe that nobody reads hold up neither the file nor the end for long."""
    ended = program.run(WEDGED, silent=False)

    assert_once_in_order(ended.log(), [f"worker {count}" for count in range(200)])
    assert "records that other processes logged to it are lost" in ended.said.replace("\n", " ")


def test_forks_in_the_middle_of_a_call(program: Program) -> None:
    """In a sink of the owner, and in a worker's value: each of the two that come back has its own ring."""
    ended = program.run(FORKS_INSIDE)

    messages = sorted(line.partition(" ")[2] for line in ended.log())
    assert messages == sorted(["fork 0", "from the sink 0", "before 0", "child 1", "parent 1", "after 2", "after 2"])


@pytest.mark.timeout(60 + CHILDREN / 10)
def test_many_short_lived_children(program: Program) -> None:
    """Neither names nor descriptors nor memory grow with those that were."""
    ended = program.run(MANY, CHILDREN, within=30 + CHILDREN / 10)

    assert_once_in_order(ended.log(), [f"child{number} 0" for number in range(CHILDREN) if number % 3])
