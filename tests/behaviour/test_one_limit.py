"""The end of a process, `complete()` and `shutdown()` have one limit each, however many things they wait for.

beyond.md, rows 9 and 27. What a fork waits for is in tests/fork.
"""

from __future__ import annotations

import pytest
from programs import Program, assert_once_in_order

START = """
import fcntl, os, sys, threading, time
from mplog import QueueOptions, logger

def lock(name):
    # By another process, which has the lock of the file until this one ends or tells it.
    told, tell = os.pipe()
    lead, lag = os.pipe()
    if not os.fork():
        os.close(lag)
        fd = os.open(name, os.O_RDWR)
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.write(tell, b"!")
        os.read(lead, 1)
        os._exit(0)
    os.close(lead)
    assert os.read(told, 1) == b"!"
    return lag

def timed(function, *arguments):
    before = time.monotonic()
    found = function(*arguments)
    return found, time.monotonic() - before
"""

BY_ROLE = (
    START
    + """
logger.remove()
files = ("app.log", "b.log", "c.log") if "gone" in sys.argv else ("app.log",)
for name in files:
    logger.add(name, format="{process.id} {message}")

def ask(timeout):
    found, took = timed(logger.complete, timeout) if timeout is not None else timed(logger.complete)
    assert not found
    wanted = 5.0 if timeout is None else timeout
    assert wanted - 0.2 <= took < wanted + 3, took

def work():
    logger.info("worker 0")
    logger.complete(20)
    lags = [lock(name) for name in files]
    logger.info("worker 1")
    ask(0.5)
    if "gone" in sys.argv:
        os.kill(os.getppid(), 9)
        while os.getppid() == owner:
            time.sleep(0.001)
        ask(0.5)
        ask(2.0)
    else:
        ask(None)
        open("asked.txt", "w").close()
        while not os.path.exists("done.txt"):
            time.sleep(0.01)
    for lag in lags:
        os.write(lag, b"!")
    assert logger.complete(20)
    open("through.txt", "w").close()
    os._exit(0)

owner = os.getpid()
if not os.fork():
    work()
if "gone" in sys.argv:
    time.sleep(60)
while not os.path.exists("asked.txt"):
    time.sleep(0.01)
ask(0.5)
ask(None)
open("done.txt", "w").close()
assert os.wait()[1] == 0
"""
)

END = (
    START
    + """
from mplog import logger

logger.remove()
logger.configure(queue=QueueOptions(shutdown_timeout=2.0))
free = threading.Event()
started = [threading.Event() for _ in range(3)]

def hold_up(message, number):
    started[number].set()
    free.wait(60)

for number in range(3):
    logger.add(lambda message, number=number: hold_up(message, number), format="{message}")
for name in "abc":
    logger.add(f"{name}.log", format="{process.id} {message}")
if not os.fork():
    logger.info("worker 0")
    logger.complete(0.1)
    os._exit(0)
os.wait()
for event in started:
    event.wait(20)
while any(not os.path.exists(f"{name}.log") or not os.path.getsize(f"{name}.log") for name in "abc"):
    time.sleep(0.01)
lags = [lock(f"{name}.log") for name in "abc"]
last = os.fork()
if not last:
    logger.info("worker 1")
    os._exit(0)
os.waitpid(last, 0)
began = time.monotonic()

def later():
    with open("took.txt", "w") as file:
        file.write(str(time.monotonic() - began))

ENDS
"""
)

# Exit functions run in reverse: what is registered before mplog comes after it.
AT_EXIT = "import atexit\natexit.register(lambda: later())\n" + END.replace("ENDS", "")
BY_SHUTDOWN = END.replace(
    "ENDS",
    """
found, took = timed(logger.shutdown, 1.0)
assert not found
assert 0.9 < took < 3.5, took
later()
os._exit(0)
""",
)

PROGRESS = (
    START
    + """
logger.remove()
logger.configure(queue=QueueOptions(shutdown_timeout=1.0))
free = threading.Event()
taken = []
logger.add(lambda message: free.wait(60), format="{message}")
logger.add(lambda message: (time.sleep(0.03), taken.append(message)), format="{message}")
if not os.fork():
    for number in range(100):
        logger.info("{}", number)
    os._exit(0)
os.wait()
assert not logger.shutdown()
assert taken == [f"{number}\\n" for number in range(100)], len(taken)
os._exit(0)
"""
)

SHUTDOWN = (
    START
    + """
logger.remove()
seen = []
logger.add(seen.append, format="{message}")
logger.add("app.log", format="{process.id} {message}", **eval(sys.argv[1]))
told, tell = os.pipe()
lead, lag = os.pipe()

def lines():
    with open("app.log") as file:
        return [line.partition(" ")[2] for line in file.read().split("\\n")[:-1]]

if not os.fork():
    for number in range(300):
        logger.info("worker {}", number)
    assert logger.shutdown()
    assert lines().count("worker 299") == 1
    logger.info("worker 300")  # To its owner, as ever.
    logger.complete(20)
    assert lines().count("worker 300") == 1
    os.write(tell, b"!")
    os.read(lead, 1)
    logger.info("worker 301")  # That one is gone.
    assert lines().count("worker 301") == 1
    os.write(tell, b"!")
    os._exit(0)
for number in range(300):
    logger.info("owner {}", number)
os.read(told, 1)
assert logger.shutdown(20) is True
threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("mplog-")]
assert not threads, threads
assert "owner 299\\n" in seen
logger.info("owner 300")
assert lines()[-1] == "owner 300" and seen[-1] == "owner 300\\n"
assert logger.shutdown()
os.write(lag, b"!")
os.read(told, 1)
os.wait()
# It is served again, as it was at first.
if not os.fork():
    logger.info("second 0")
    os._exit(0)
os.wait()
assert logger.complete(20)
assert lines()[-1] == "second 0", lines()[-1]
logger.info("owner 301")
assert logger.shutdown()
os._exit(0)  # Nothing is left to an exit function.
"""
)

INSIDE = (
    START
    + """
logger.remove()
answers = []
logger.add(lambda message: answers.append(logger.shutdown()), format="{message}")
logger.add("app.log", format="{process.id} {message}")
if not os.fork():
    for number in range(3):
        logger.info("worker {}", number)
    os._exit(0)
os.wait()
logger.complete()
assert answers == [False] * 3, answers
logger.info("owner 0")
"""
)


def test_complete_in_owner_and_worker(program: Program) -> None:
    """It keeps its time-out behind a locked file in both, and gives up after 5 seconds without one."""
    ended = program.run(BY_ROLE, silent=False, within=90)
    assert_once_in_order(ended.log(), ["worker 0", "worker 1"])


def test_complete_in_a_worker_whose_owner_is_gone(program: Program) -> None:
    """It keeps its time-out, says that the record is not there yet, and goes on when it can."""
    program.start(BY_ROLE, "gone").wait(60)
    program.wait_for_members()
    assert (program.here / "through.txt").exists()
    assert_once_in_order((program.here / "app.log").read_text().splitlines(), ["worker 0", "worker 1"])
    program.leaves_nothing()


@pytest.mark.parametrize("source", [AT_EXIT, BY_SHUTDOWN], ids=["exit", "shutdown"])
def test_the_end(program: Program, source: str) -> None:
    """Three files that are locked and three sinks that take nothing cost one limit and not six."""
    running = program.start(source)
    running.wait(60)
    assert float((program.here / "took.txt").read_text()) < 2.0 + 2.0, running.said_so_far()


def test_a_sink_that_takes_something(program: Program) -> None:
    """It gets everything, however long that takes, beside one that takes nothing."""
    running = program.start(PROGRESS)
    ended = running.wait(60)
    assert ended.status == 0, ended.said


@pytest.mark.parametrize("options", ["{}", "{'enqueue': True}", "{'rotation': '1 MB'}"])
def test_shutdown(program: Program, options: str) -> None:
    """Everything logged before is in its sinks, threads and session are gone, and all goes on, in owner and worker."""
    ended = program.run(SHUTDOWN, options, silent=False)
    # Of the worker that lives on: it has the file, and the function was its owner's.
    assert all("now writes its files" in line or "sink died" in line for line in ended.said.splitlines()), ended.said
    expected = [f"owner {n}" for n in range(302)] + [f"worker {n}" for n in range(302)] + ["second 0"]
    assert_once_in_order(ended.log(), expected)


def test_shutdown_from_inside(program: Program) -> None:
    """A sink that calls it in the thread that serves it gets false, and is served on."""
    assert_once_in_order(program.run(INSIDE).log(), [*(f"worker {n}" for n in range(3)), "owner 0"])
