"""Supervisors that fork their tasks, as Airflow's do: a child gets a session of its own, other descriptors, and ends by
`os._exit`, by another program in its place, or by SIGKILL when its time is up; grandchildren, too.
"""

from __future__ import annotations

from collections import Counter

import pytest
from programs import FULL, Program

TASKS = 400 if FULL else 40

SUPERVISOR = """
import os, signal, sys, time
from mplog import attach, logger

how, tasks, runner = sys.argv[1], int(sys.argv[2]), sys.argv[3]
logger.remove()
logger.add("app.log", format="{message}", rotation="10 KB", compression="gz")
attach()  # The owner of a session from the start, whatever becomes of the children.

def run(task):
    os.setsid()
    pipe = os.open("task-output.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (0, 1, 2):
        os.dup2(pipe, number)
    os.closerange(3, 256)
    for line in range(20):
        logger.info("task {} line {}", task, line)
    if how == "exec":
        os.execv(sys.executable, [sys.executable, "-W", "error", runner, str(task)])
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "grandchild":
        if not os.fork():
            logger.info("task {} line 20", task)
            os._exit(0)
        os.wait()
    os._exit(0)

living = 0
for task in range(tasks):
    logger.info("starting {}", task)
    if not os.fork():
        try:
            run(task)
        except BaseException as error:
            os.write(2, repr(error).encode())
        finally:
            os._exit(1)
    living += 1
    while living >= 6:
        status = os.wait()[1]
        living -= 1
        assert status == (signal.SIGKILL if how == "killed" else 0), status
while living:
    os.wait()
    living -= 1
logger.info("all {} have ended", tasks)
"""

RUNNER = """
import sys
from mplog import attach, logger

assert attach()
logger.info("task {} line 20", int(sys.argv[1]))
"""


@pytest.mark.parametrize("how", ["_exit", "exec", "killed", "grandchild"])
def test_every_line_of_every_task_is_there_once(program: Program, how: str) -> None:
    """In files that the supervisor rotates and compresses, with nothing configured in a task."""

    ended = program.run(SUPERVISOR, how, TASKS, program.script(RUNNER, "runner.py"))
    lines = range(21 if how in ("exec", "grandchild") else 20)
    expected = Counter(f"task {task} line {line}" for task in range(TASKS) for line in lines)
    expected.update(f"starting {task}" for task in range(TASKS))
    expected[f"all {TASKS} have ended"] = 1
    assert Counter(ended.log()) == expected
    assert (ended.here / "task-output.txt").read_text() == ""
