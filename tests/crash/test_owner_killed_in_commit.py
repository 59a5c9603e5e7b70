"""The owner is killed at each step of a commit: after the next start every record is in the files once."""

from __future__ import annotations

import os

import pytest
from programs import Program, assert_once_in_order, wait_until

VICTIM = """
import os, signal, sys, time
from mplog import logger
from mplog._sinks.file import log_file, phase, sink

step, nth, orphans = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "orphans"
logger.remove()
logger.add("app.log", format="{process.id} {message}", rotation="4 KB" if "rotat" in step else None)
owner = os.getpid()
seen = 0

def die():
    global seen
    if os.getpid() == owner:
        seen += 1
        if seen == nth:
            os.kill(owner, signal.SIGKILL)

def at(number):
    if str(number) == step.split("-")[0]:
        die()

def half_write(fd, data):
    if os.getpid() == owner and seen + 1 == nth:
        os.write(fd, data[: len(data) // 2])
    die()
    log_file.write_all(fd, data)

real_rename, real_link = os.rename, os.link
def rename(source, target, **how):
    if "app." in str(source) and step == "before-rotation":
        die()
    real_rename(source, target, **how)
    if "app." in str(source) and step == "after-rotation":
        die()

if step.startswith("half"):
    sink.write_all = half_write
if "rotat" in step:
    os.rename = rename

children = []
for number in range(2):
    pid = os.fork()
    if pid == 0:
        while not os.path.exists("go.txt"):
            time.sleep(0.001)
        for count in range(400):
            logger.info("worker{} {}", number, count)
            if count % 40 == 0:
                time.sleep(0.002)
        if orphans:
            while os.getppid() == owner:
                time.sleep(0.001)
            for count in range(400, 500):
                logger.info("worker{} {}", number, count)
        open(f"worker{number}.txt", "w").close()
        os._exit(0)
    children.append(pid)
phase.at = at
open("go.txt", "w").close()
for pid in children:
    os.waitpid(pid, 0)
time.sleep(30)
"""

NEXT = """
from mplog import logger
logger.remove()
logger.add("app.log", format="{process.id} {message}")
logger.info("next 0")
"""


@pytest.mark.parametrize(
    "step",
    ["1", "2", "half", "3", "4", "5", "before-rotation", "after-rotation", "half-rotating", "3-rotating", "4-rotating"],
)
@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("workers", ["orphans", "gone"])
def test_each_record_is_there_once_after_the_next_start(program: Program, step: str, nth: int, workers: str) -> None:
    """A kill between any two steps of a commit neither loses, doubles nor tears a record."""
    victim = program.start(VICTIM, step, nth, workers)
    wait_until(lambda: victim.process.poll() is not None, "the owner is killed", within=20)
    for number in range(2):
        done = program.here / f"worker{number}.txt"
        wait_until(done.exists, f"worker {number} has logged everything", within=20)

    program.run(NEXT, silent=False)

    assert victim.process.returncode == -9
    count = 500 if workers == "orphans" else 400
    expected = [f"worker{number} {index}" for number in range(2) for index in range(count)]
    lines = victim.log()
    assert "next 0" in lines[-1]
    assert_once_in_order(lines[:-1], expected)


def test_next_start_recovers_before_it_logs(program: Program) -> None:
    """What a killed tree left is in the file before the next program's own first line, and nothing is left behind."""
    victim = program.start(
        """
        import os, signal, time
        from mplog import logger
        from mplog._writer.drain import Drain
        logger.remove()
        logger.add("app.log", format="{process.id} {message}")
        Drain.round = lambda self, **how: 0  # The writer lives and gets nowhere.
        pid = os.fork()
        if pid == 0:
            for count in range(1000):
                logger.info("worker {}", count)
            open("ready.txt", "w").close()
            time.sleep(30)
        while not os.path.exists("ready.txt"):
            time.sleep(0.001)
        os.kill(pid, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    wait_until(lambda: victim.process.poll() is not None, "everything is killed", within=20)
    assert not os.path.getsize(program.here / "app.log")

    program.run(NEXT)

    lines = victim.log()
    assert_once_in_order(lines[:1000], [f"worker {count}" for count in range(1000)])
    assert lines[1000].endswith("next 0")
