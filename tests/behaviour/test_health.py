"""What `health()` says in programs that are well, and in each kind of trouble: beyond.md, row 20.

The troubles are real: processes that are stopped or killed, a device that is full, a ring with other bytes.
"""

from __future__ import annotations

import pytest
from programs import Program

BEGIN = """
    import glob, os, signal, struct, sys, time
    from mplog import QueueOptions, logger

    def wait_for(*kinds):
        deadline = time.monotonic() + 15
        while sorted(problem.kind for problem in logger.health().problems) != sorted(kinds):
            assert time.monotonic() < deadline, logger.health()
            time.sleep(0.02)

    def say():
        with open("health.txt", "w") as file:
            file.write(str(logger.health()))

    logger.remove()
    owner = os.getpid()
"""

WELL = """
    logger.add("app.log", enqueue=True)
    logger.info("x")
    child = os.fork()
    if not child:
        logger.info("x")
        assert logger.health(), logger.health()
        sys.exit()
    assert os.waitpid(child, 0)[1] == 0
    assert logger.complete(10)
    assert logger.health().ok and logger.health().problems == ()
    say()
"""

STOPPED = """
    logger.configure(queue=QueueOptions(ring_size=16384, overflow="drop", reserve=0))
    logger.add("app.log")
    child = os.fork()
    if not child:
        logger.info("x")
        logger.complete(10)
        os.kill(owner, signal.SIGSTOP)
        for n in range(1000):
            logger.info("record {}", n)
        wait_for("dropped", "full", "owner", "late")
        say()
        os.kill(owner, signal.SIGCONT)
        assert logger.complete(10)
        wait_for("dropped")
        sys.exit()
    assert os.waitpid(child, 0)[1] == 0
    wait_for("dropped")
"""

KILLED = """
    logger.add("app.log")
    child = os.fork()
    if not child:
        logger.info("x")
        logger.complete(10)
        os.kill(owner, signal.SIGKILL)
        wait_for("owner")
        logger.info("y")
        wait_for("owner")
        say()
        os._exit(0)
    os.waitpid(child, 0)
"""

REFUSES = """
    number = logger.add("/dev/full", format="{message}")
    logger.info("x")
    wait_for("sink")
    child = os.fork()
    if not child:
        logger.info("x")
        os._exit(0)
    os.waitpid(child, 0)
    wait_for("sink", "sink")
    say()
    wait_for("late", "sink", "sink")
    os._exit(0)
"""

DAMAGED = """
    logger.add("app.log")
    first, second = os.pipe()
    child = os.fork()
    if not child:
        os.close(second)
        logger.info("x")
        assert logger.complete(10)
        (ring,) = glob.glob(f"{os.environ['MPLOG_RUNTIME_DIR']}/*/sessions/*/rings/*.ring")
        with open(ring, "r+b") as file:
            file.seek(0x100)
            file.write(struct.pack("=Q", 1 << 40))
        os.read(first, 1)
        os._exit(0)
    wait_for("corrupt")
    assert logger.statistics().corrupt_rings == 1
    say()
    os._exit(0)
"""

CASES = {
    "well": (WELL, 0, "everything is all right"),
    "stopped": (STOPPED, 0, "kill -CONT"),
    "killed": (KILLED, -9, "is gone"),
    "refuses": (REFUSES, 0, "No space left"),
    "damaged": (DAMAGED, 0, "is damaged"),
}


@pytest.mark.parametrize("case", CASES)
def test_each_trouble_has_its_name(program: Program, case: str) -> None:
    """The kinds of problems are those that are there, and the text says what to do."""
    source, status, text = CASES[case]
    ended = program.start(BEGIN + source).wait()
    program.wait_for_members()
    assert ended.status == status, ended.said
    assert text in (ended.here / "health.txt").read_text()
