"""A worker whose owner is gone logs large records whole, whether its file takes them, takes none, or takes them again.

While the file takes none, small ones wait in the worker's ring and large ones beside it. When all is written, nothing
is left of the session, and there is no beside any more.
"""

from __future__ import annotations

import fcntl

import pytest
from programs import Program, wait_until

ORPHAN = """
import os, signal, sys, time
import mplog
from mplog import logger

def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)

logger.remove()
logger.configure(queue=mplog.QueueOptions(ring_size=16 * 1024))
logger.add("app.log", format="{message}")
owner = os.getpid()
if os.fork():
    wait_for(lambda: os.path.exists("ready.txt"))
    os.kill(owner, signal.SIGKILL)
logger.info("small 0")
open("ready.txt", "w").close()
wait_for(lambda: os.getppid() != owner)
link, = logger._core.sessions.all_links()
number = 1

def log_until(condition):
    global number
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        logger.info("small {}", number)
        number += 1
        time.sleep(0.01)

log_until(lambda: link.orphaned)
if sys.argv[1] == "late":
    logger.info("large 0 {}", "x" * 20_000)
open("kept.txt", "w").close()
log_until(lambda: link.is_on_its_own)
logger.info("large 1 {}", "x" * 20_000)
logger.info("end {}", number)
"""


@pytest.mark.parametrize("when", ["late", "later"])
def test_they_are_whole(program: Program, when: str) -> None:
    """One while the file is locked, and one right behind the call that has found it free."""
    log = program.here / "app.log"
    with log.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        running = program.start(ORPHAN, when)
        wait_until((program.here / "kept.txt").exists, "the records of the orphan wait", within=30)
    program.leaves_nothing()
    lines = running.log()
    kind, _, count = lines.pop().partition(" ")
    assert kind == "end"
    large = [line for line in lines if line.startswith("large")]
    assert large == [f"large {number} {'x' * 20_000}" for number in range(when != "late", 2)]
    assert [line for line in lines if line not in large] == [f"small {number}" for number in range(int(count))]
