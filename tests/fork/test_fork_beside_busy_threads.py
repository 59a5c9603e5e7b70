"""A fork does not wait for what keeps mplog's threads busy, says nothing about it, and its child is sound."""

from __future__ import annotations

import pytest
from programs import Program, assert_once_in_order

START = """
import fcntl, os, sys, threading, time
from mplog import logger

began, free = threading.Event(), threading.Event()

def hold_up():
    began.set()
    free.wait(20)

def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)

def fork_often():
    # Each in 0.1 s; old threads that are still busy must not pile up either.
    since = time.monotonic()
    for number in range(8):
        pid = os.fork()
        if not pid:
            logger.info("child {}", number)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    took = time.monotonic() - since
    threads = len(os.listdir("/proc/self/task"))
    free.set()
    assert took < 8, took
    assert threads < 7, threads
"""

FILTER = (
    START
    + """
import multiprocessing

def accept(record):
    if record["message"] == "worker 0":
        hold_up()
    return True

def work():
    logger.info("worker 0")

if __name__ == "__main__":
    logger.remove()
    # A function that cannot travel: the owner's writer calls it, in a round.
    logger.add("app.log", format="{process.id} {message}", filter=lambda record: accept(record))
    process = multiprocessing.get_context("spawn").Process(target=work)
    process.start()
    began.wait(20)
    fork_often()
    process.join()
"""
)

SINK = (
    START
    + """
def sink(message):
    if message == "worker 0\\n":
        hold_up()

logger.remove()
logger.add(sink, format="{message}")
logger.add("app.log", format="{process.id} {message}")
if not os.fork():
    logger.info("worker 0")
    os._exit(0)
began.wait(20)
fork_often()
"""
)

COMPRESSION = (
    START
    + """
def compress(path):
    hold_up()
    os.remove(path)

logger.remove()
logger.add("app.log", format="{process.id} {message}")
logger.add("rotated.log", format="{message}", rotation="20 B", compression=compress)
if not os.fork():
    logger.info("worker 0")
    logger.info("worker 1 is more than twenty bytes long 1")
    os._exit(0)
began.wait(20)
fork_often()
"""
)

LOCKED = (
    START
    + """
logger.remove()
logger.add("app.log", format="{process.id} {message}")
if not os.fork():
    logger.info("worker 0")
    logger.complete()
    fd = os.open("app.log", os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    logger.info("worker 1")
    began = time.monotonic()
    open("held.txt", "w").close()
    while not os.path.exists("free.txt") and time.monotonic() < began + 20:
        time.sleep(0.01)
    os._exit(0)
wait_for(lambda: os.path.exists("held.txt"))
fork_often()
open("free.txt", "w").close()
os.wait()
"""
)

FROM_INSIDE = (
    START
    + """
import multiprocessing

def fork(record):
    pid = os.fork()
    if not pid:
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    seen.append(threading.current_thread().name)
    return True

def compress(path):
    fork(path)
    os.remove(path)

def work():
    for number in range(3):
        logger.info("worker {}", number)

if __name__ == "__main__":
    seen = []
    logger.remove()
    logger.add(fork, format="{message}")
    logger.add(lambda message: fork(message), format="{message}", filter=lambda record: fork(record))
    logger.add("app.log", format="{process.id} {message}", filter=lambda record: fork(record))
    logger.add("rotated.log", format="{message}", rotation="10 B", compression=compress)
    process = multiprocessing.get_context("spawn").Process(target=work)
    process.start()
    process.join()
    wait_for(lambda: len(seen) >= 3 * 4 + 2)
    logger.complete()  # Not before: it hands over in the thread that calls it.
    assert all(name.startswith("mplog-") for name in seen), seen
"""
)

RETURNS = (
    START
    + """
def sink(message):
    started.append(os.fork())
    with open("taken.txt", "a") as file:
        file.write(f"{os.getpid()} {message}")

logger.remove()
started = []
logger.add(sink, format="{message}")
if not os.fork():
    for number in range(20):
        logger.info("{}", number)
    os._exit(0)
os.wait()
wait_for(lambda: len(started) == 20)
for _ in range(20):
    os.wait()
assert logger.complete(20)  # The sink has come back from its last message.
with open("taken.txt") as file:
    lines = file.read().split("\\n")[:-1]
mine = f"{os.getpid()} "
assert [line.removeprefix(mine) for line in lines if line.startswith(mine)] == list(map(str, range(20))), lines
assert len(lines) == 40, len(lines)  # Each child came back from its own message, and took no other.
"""
)

ENDS_MEANWHILE = (
    START
    + """
calls = []

def compress(path):
    calls.append(path)
    began.set()
    free.wait(20)

logger.remove()
logger.add("app.log", format="{process.id} {message}")
logger.add("rotated.log", format="{message}", rotation="20 B", compression=compress, retention=1)
for number in range(5):
    began.clear()
    free.clear()
    pid = os.fork()
    if not pid:
        logger.info("worker {} is more than twenty bytes long {}", number, number)
        os._exit(0)
    os.waitpid(pid, 0)
    if not number:
        continue  # The first one fills an empty file.
    began.wait(20)
    # A fork that has begun to wait for it when it comes to its end.
    threading.Timer(0.03, free.set).start()
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
wait_for(lambda: len(calls) >= 4)
logger.shutdown(20)
assert len(calls) == len(set(calls)) == 4, calls
left = [name for name in os.listdir() if name.startswith("rotated.")]
assert len(left) == 2, left  # The current one, and the one that the retention keeps.
"""
)

CHILDREN = [f"child {number}" for number in range(8)]


@pytest.mark.parametrize("source", [FILTER, SINK], ids=["a filter", "a function sink"])
def test_a_users_function_that_takes_long(program: Program, source: str) -> None:
    """Forks go on while a user's function runs in the writer or an outlet, silently; all of the children is written."""
    assert_once_in_order(program.run(source).log(), ["worker 0", *CHILDREN])


def test_a_compression_that_takes_long(program: Program) -> None:
    """Forks go on while a compression function runs; all of the children is written."""
    ended = program.run(COMPRESSION)
    assert_once_in_order(ended.log(), ["worker 0", "worker 1 is more than twenty bytes long 1", *CHILDREN])


def test_a_compression_that_ends_while_a_fork_waits(program: Program) -> None:
    """A compression function gets each file once, and the retention comes after it."""
    program.run(ENDS_MEANWHILE)


def test_a_file_that_somebody_has_locked(program: Program) -> None:
    """Forks go on while the writer waits for a log file's lock; all of the children is written when it is free."""
    ended = program.run(LOCKED, silent=False)
    assert_once_in_order(ended.log(), ["worker 0", "worker 1", *CHILDREN])
    assert all("somebody else has its lock" in line for line in ended.said.splitlines()), ended.said


def test_a_sink_that_forks(program: Program) -> None:
    """Sinks, filters and compressions may fork in mplog's own threads, without a word and without an end of these."""
    assert_once_in_order(program.run(FROM_INSIDE).log(), [f"worker {number}" for number in range(3)])


def test_a_child_that_returns_into_the_sink(program: Program) -> None:
    """A child that a sink's fork leaves in the outlet's thread takes none of the messages that wait there."""
    program.run(RETURNS)
