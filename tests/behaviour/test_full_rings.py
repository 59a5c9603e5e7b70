"""A process whose owner drains nothing: what waits, what is dropped, and that each drop is counted and said.

Covers beyond.md, rows 15 and 16.
"""

from __future__ import annotations

import re

import pytest
from programs import Ended, Program

FLOOD = """
    import os, signal, sys, time
    from mplog import QueueOptions, logger

    policy, end = sys.argv[1:]
    logger.remove()
    logger.configure(queue=QueueOptions(ring_size=16384, overflow=policy, block_timeout=0.1, further_rings=2))
    logger.add("app.log", format="{message}")
    owner = os.getpid()
    child = os.fork()
    if not child:
        logger.info("ready")
        logger.complete(10)
        os.kill(owner, signal.SIGSTOP)
        deadline = time.monotonic() + 10
        while open(f"/proc/{owner}/stat").read().rpartition(")")[2].split()[0] != "T":
            assert time.monotonic() < deadline
        for n in range(3000):
            logger.debug("debug {}", n)
        for n in range(20):
            logger.error("error {}", n)
        if end == "both killed":
            os.kill(owner, signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
        os.kill(owner, signal.SIGCONT)
        if end == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        sys.exit()
    os.waitpid(child, 0)
"""

NEXT = """
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{message}")
"""


def numbers(lines: list[str], word: str) -> list[int]:
    """The numbers of the lines that begin with *word*."""
    return [int(line.split()[1]) for line in lines if line.startswith(f"{word} ")]


def dropped(lines: list[str]) -> dict[str, int]:
    """What the log itself says was dropped, per level."""
    counts: dict[str, int] = {}
    for line in lines:
        said = re.fullmatch(r"mplog: process \d+ \(.*\) dropped (\d+) records?: (.*); its queue was full", line)
        if said is not None:
            per_level = {name: int(count) for count, name in (part.split(" ") for part in said[2].split(", "))}
            assert sum(per_level.values()) == int(said[1])
            for name, count in per_level.items():
                counts[name] = counts.get(name, 0) + count
    return counts


def assert_all_accounted_for(ended_log: list[str]) -> None:
    """Each record is in the log once, or counted there as dropped; the urgent ones are all there."""
    debug = numbers(ended_log, "debug")
    assert debug == sorted(set(debug))
    assert len(debug) < 3000
    assert dropped(ended_log) == {"DEBUG": 3000 - len(debug)}
    assert numbers(ended_log, "error") == list(range(20))


class TestDrops:
    @pytest.mark.parametrize("end", ["exits", "killed"])
    @pytest.mark.parametrize("policy", ["grow", "block", "drop"])
    def test_each_drop_is_said_in_the_log(self, program: Program, policy: str, end: str) -> None:
        """Whatever the policy, and also when the process that dropped is killed."""
        ended: Ended = program.run(FLOOD, policy, end, silent=False)
        assert_all_accounted_for(ended.log())

    def test_growing_keeps_more(self, program: Program) -> None:
        """Two further rings hold more than twice what one does."""
        one = len(numbers(program.run(FLOOD, "drop", "exits", silent=False).log(), "debug"))
        (program.here / "app.log").unlink()
        three = len(numbers(program.run(FLOOD, "grow", "exits", silent=False).log(), "debug"))
        assert three > 2 * one

    def test_after_owner_and_worker_were_killed(self, program: Program) -> None:
        """The counts lie in the ring, so the next program that adds the file says them."""
        program.start(FLOOD, "drop", "both killed").wait()
        program.wait_for_members()
        assert_all_accounted_for(program.run(NEXT, silent=False).log())
