"""`mode="w"` empties only a file that no other living program writes. beyond.md, row 23."""

from __future__ import annotations

import os
import signal

import pytest
from programs import Program, wait_until

FIRST = """
import os, sys, time
from mplog import logger

if __name__ == "__main__":
    logger.remove()
    logger.add(sys.argv[1], format="{message}", mode="w", **eval(sys.argv[2]))
    if sys.argv[3] == "session":
        if not os.fork():
            logger.info("of a worker")
            os._exit(0)
        os.wait()
    logger.info("first")
    logger.complete()
    open("ready.txt", "w").close()
    while not os.path.exists("go.txt"):
        time.sleep(0.001)
    logger.info("last")
"""

SECOND = """
import sys
from mplog import logger
logger.remove()
for _ in range(2):
    logger.add(sys.argv[1], format="{message}", mode="w", **eval(sys.argv[2]))
    logger.info("second")
    logger.remove()
"""


def lines(program: Program) -> list[str]:
    """All lines of all logs, the oldest file first."""
    logs = sorted(program.here.glob("*.log"), key=lambda path: path.stat().st_mtime_ns)
    return [line for log in logs for line in log.read_text().split("\n")[:-1]]


@pytest.mark.parametrize("company", ["alone", "session"])
@pytest.mark.parametrize("path", ["app.log", "{time}.log"])
class TestALivingProgram:
    def test_keeps_its_lines(self, program: Program, company: str, path: str) -> None:
        """Another program with the same file joins, and says so once; each line is there once."""
        options = "dict(rotation='1 week')" if "time" in path else "{}"
        first = program.start(FIRST, path, options, company)
        wait_until((program.here / "ready.txt").exists, "the first program has logged")
        second = program.start(SECOND, path, options).wait()
        (program.here / "go.txt").touch()
        assert first.wait().said == ""
        assert second.status == 0
        assert second.said.count("is written by another program that is alive") == 1
        found = lines(program)
        if company == "session":
            found.remove("of a worker")
        assert found == ["first", "second", "second", "last"]

    def test_that_was_killed_does_not_count(self, program: Program, company: str, path: str) -> None:
        """What a dead program left is emptied as ever."""
        first = program.start(FIRST, path, "{}", company)
        wait_until((program.here / "ready.txt").exists, "the first program has logged")
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait()
        program.run(SECOND, path, "{}")
        assert lines(program)[-1:] == ["second"]
        assert "time" in path or lines(program) == ["second"]


LAUNCHED = """
import os, sys, time
from mplog import logger
open(f"waits{sys.argv[1]}.txt", "w").close()
while not os.path.exists("go.txt"):
    time.sleep(0.001)
logger.remove()
logger.add("app.log", format="{process.id} {message}", mode="w")
for number in range(50):
    logger.info("line {} {}", sys.argv[1], number)
open(f"ready{sys.argv[1]}.txt", "w").close()
while not os.path.exists("end.txt"):
    time.sleep(0.001)
"""


@pytest.mark.parametrize("attempt", range(3))
def test_of_several_that_start_at_once_one_empties_the_file(program: Program, attempt: int) -> None:
    """A launcher that runs the script several times: what was there is gone, and no line of any of them is."""
    (program.here / "app.log").write_text("old\n" * 1000)
    running = [program.start(LAUNCHED, number) for number in range(6)]
    wait_until(lambda: len(list(program.here.glob("waits*.txt"))) == 6, "all wait", within=40)
    (program.here / "go.txt").touch()
    wait_until(lambda: len(list(program.here.glob("ready*.txt"))) == 6, "all have logged", within=40)
    (program.here / "end.txt").touch()
    ended = [each.wait() for each in running]
    assert [each.status for each in ended] == [0] * 6
    assert sum("is written by another program that is alive" in each.said for each in ended) == 5
    found = sorted(line.partition(" ")[2] for line in ended[0].log())
    assert found == sorted(f"line {number} {count}" for number in range(6) for count in range(50))


def test_a_second_handler_of_the_same_program_empties_it(program: Program) -> None:
    """As in the compatibility reference: a program may begin its own file anew."""
    program.run(
        """
        from mplog import logger
        logger.remove()
        logger.add("app.log", format="{message}", mode="w")
        logger.info("first")
        logger.add("app.log", format="{message} again", mode="w")
        logger.info("second")
        """,
        silent=False,  # That it is added twice is said.
    )
    assert sorted(program.here.joinpath("app.log").read_text().split("\n")) == ["", "second", "second again"]


def test_a_watcher_spares_what_another_program_has_put_there(program: Program) -> None:
    """With `watch`, where the file system keeps no attributes: a file that a living program writes is not emptied."""
    without = """
def refuse(*_, **__):
    raise OSError(95, "Operation not supported")
import os
os.setxattr = os.getxattr = os.removexattr = refuse
"""
    first = program.start(without + FIRST, "app.log", "dict(watch=True)", "alone")
    wait_until((program.here / "ready.txt").exists, "the first program has logged")
    (program.here / "app.log").rename(program.here / "moved.log")
    (program.here / "ready.txt").unlink()
    second = program.start(without + FIRST.replace('"w"', '"a"'), "app.log", "{}", "alone")
    wait_until((program.here / "ready.txt").exists, "the second program has logged")
    (program.here / "go.txt").touch()
    assert first.wait().status == second.wait().status == 0
    assert (program.here / "app.log").read_text().split("\n")[:-1] == ["first", "last", "last"]
