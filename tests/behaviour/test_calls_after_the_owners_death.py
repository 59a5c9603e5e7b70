"""The first calls after an owner's death: in the file when they return, and soon back.

beyond.md, row 27. What happens later, and to other workers, is in test_owner_gone.py.
"""

from __future__ import annotations

import json

import pytest
from programs import Program

ROUNDS = 8
"""Owners that die, one after the other; each dies for one worker."""

START = """
import json, os, signal, sys, time
from mplog import QueueOptions, logger

def has_died(pid):
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] in b"ZX"
    except OSError:
        return True

def each_round(worker):
    # A worker's first argument kills its owner and returns when that is dead.
    for number in range(int(sys.argv[1])):
        told, tell = os.pipe()
        owner = os.fork()
        if not owner:
            logger.remove()
            logger.configure(queue=QueueOptions(ring_size=16384, overflow="block"))
            logger.add(f"{number}.log", format="{message}")
            if not os.fork():
                owner = os.getppid()
                def end():
                    os.kill(owner, signal.SIGKILL)
                    while not has_died(owner):
                        time.sleep(0.0002)
                worker(number, end)
                os.write(tell, b"!")
                os._exit(0)
            signal.pause()
        os.close(tell)
        assert os.waitpid(owner, 0)[1] == signal.SIGKILL
        assert os.read(told, 1) == b"!"
        os.close(told)
"""

FIRST = (
    START
    + """
def worker(number, end):
    for count in range(3):
        logger.info("before {}", count)
        time.sleep(0.01 * number)
    end()
    time.sleep(0.05)
    logger.info("after")
    with open(f"{number}.log") as file:
        assert file.read() == "before 0\\nbefore 1\\nbefore 2\\nafter\\n"

each_round(worker)
"""
)

CONSTANT = (
    START
    + """
import threading

def worker(number, end):
    dead_at = []
    threading.Thread(target=lambda: (time.sleep(0.1), end(), dead_at.append(time.monotonic()))).start()
    count = 0
    while not dead_at or time.monotonic() < dead_at[0] + 0.05:
        logger.info("{}", count)
        time.sleep(0.001)
        count += 1
    logger.info("{}", count)
    with open(f"{number}.log") as file:
        assert file.read() == "".join(f"{number}\\n" for number in range(count + 1))

each_round(worker)
"""
)

LONGEST = (
    START
    + """
import threading

longest = []

def worker(number, end):
    # A ring of 16 KB is full within a few milliseconds.
    ended = []
    threading.Thread(target=lambda: (time.sleep(0.1), end(), ended.append(time.monotonic()))).start()
    longest = 0.0
    while not ended or time.monotonic() < ended[0] + 0.7:
        before = time.monotonic()
        logger.info("{}", "x" * 100)
        took = time.monotonic() - before
        if ended or took > 0.05:
            longest = max(longest, took)
    with open(f"{number}.txt", "w") as file:
        json.dump(longest, file)

each_round(worker)
"""
)


@pytest.mark.parametrize("source", [FIRST, CONSTANT], ids=["after a silence", "of many"])
def test_a_call_after_50_ms_is_in_the_file_when_it_returns(program: Program, source: str) -> None:
    """A worker's call that begins 50 ms after its owner's death, or later, is in the file when it comes back."""
    ended = program.run(source, ROUNDS, silent=False)
    assert not [line for line in ended.said.splitlines() if "now writes its files by itself" not in line], ended.said


def test_the_call_that_finds_it_dead_comes_back_soon(program: Program) -> None:
    """No call takes much longer than a look at the owner's life, also where its ring is full."""
    ended = program.run(LONGEST, ROUNDS, silent=False)
    longest = [json.loads((ended.here / f"{number}.txt").read_text()) for number in range(ROUNDS)]
    # A machine that is busy with other things adds to some of them.
    assert sorted(longest)[1] < 0.1, longest
