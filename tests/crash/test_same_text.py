"""A worker that outlives its owner logs the very text that the owner had promised to write when it was killed."""

from __future__ import annotations

from programs import Program, wait_until

VICTIM = """
import os, signal, time
from mplog import logger
from mplog._sinks.file.slot import Slot
logger.remove()
logger.add("app.log", format="{message}")
owner = os.getpid()

def dies(slot, promise, intend=Slot.intend):
    intend(slot, promise)
    if os.getpid() == owner:
        os.kill(owner, signal.SIGKILL)  # Promised, and nothing written.

pids = []
if os.fork() == 0:
    while os.getppid() == owner:
        time.sleep(0.001)
    logger.info("the same")  # Its first record: it never had a ring.
    open("second.txt", "w").close()
    os._exit(0)
Slot.intend = dies
if os.fork() == 0:
    logger.info("the same")
    os._exit(0)
time.sleep(30)
"""

NEXT = """
from mplog import logger
logger.remove()
logger.add("app.log", format="{message}")
logger.info("the end")
"""


def test_neither_is_taken_for_the_other(program: Program) -> None:
    """The promise is settled before the orphan appends, so both records are there."""
    victim = program.start(VICTIM)
    wait_until(lambda: victim.process.poll() is not None, "the owner is killed", within=20)
    wait_until((program.here / "second.txt").exists, "the orphan has logged", within=20)

    program.run(NEXT, silent=False)

    assert victim.process.returncode == -9
    assert victim.log() == ["the same", "the same", "the end"]
