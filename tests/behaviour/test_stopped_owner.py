"""An owner that is stopped for long: what its workers' calls cost meanwhile, in time and in memory.

Covers beyond.md, rows 15 and 16. MPLOG_TEST_FULL=1 runs the numbers that are promised, 8 workers with 1,000,000 calls
each; otherwise it is a hundredth of that or so.
"""

from __future__ import annotations

import json
import os
import re

from programs import Program

WORKERS, CALLS = (8, 1_000_000) if os.environ.get("MPLOG_TEST_FULL") == "1" else (2, 30_000)

MEMORY = 16 / 8
"""Megabytes that one worker may grow by, its rings included."""

STEADY = 0.25
"""Megabytes that it may grow by once its rings are full."""

FLOOD = """
    import glob, json, os, re, signal, sys, time
    from mplog import logger

    workers, calls = int(sys.argv[1]), int(sys.argv[2])
    logger.remove()
    logger.add("app.log", format="{process.id} {message}")
    owner = os.getpid()

    def memory():
        # Megabytes of memory of this process's own, and of its rings.
        with open("/proc/self/status") as file:
            own = int(re.search(r"^RssAnon:\\s*(\\d+) kB", file.read(), re.MULTILINE)[1]) * 1024
        rings = glob.glob(f"{os.environ['MPLOG_RUNTIME_DIR']}/*/sessions/*/rings/{os.getpid()}-*")
        assert rings
        return (own + sum(map(os.path.getsize, rings))) / 1e6

    def work(number, ready, go):
        logger.info("first")
        logger.complete(20)
        os.write(ready, b"x")
        os.read(go, 1)
        info, clock, worst, late = logger.info, time.perf_counter, 0.0, 0
        before = memory()
        assert before > 1
        for n in range(calls):
            began = clock()
            info("record {}", n)
            spent = clock() - began
            worst = max(worst, spent)
            late += spent > 0.9
            if n == calls * 3 // 4:
                full = memory()
        # Whoever may use the reserve does not wait, either, when that is full.
        urgent = 0
        for n in range(calls // 5):
            began = clock()
            logger.warning("urgent {}", n)
            urgent += clock() - began > 0.9
        after = memory()
        with open(f"worker-{number}.txt", "w") as file:
            json.dump([worst, late, urgent, full - before, after - full, logger.statistics().dropped], file)

    ready, to_ready = os.pipe()
    go, to_go = os.pipe()
    children = []
    for number in range(workers):
        children.append(os.fork())
        if not children[-1]:
            # The owner's end of the second pipe must be the only one, for its closing is the sign.
            os.close(to_go)
            work(number, to_ready, go)
            os._exit(0)
    for _ in children:
        os.read(ready, 1)
    if os.fork() == 0:
        # Stops the owner, lets the workers begin, and the owner go on when they are through.
        os.kill(owner, signal.SIGSTOP)
        while open(f"/proc/{owner}/stat").read().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.001)
        os.write(to_go, b"x" * workers)
        while len([name for name in os.listdir() if name.startswith("worker-")]) < workers:
            time.sleep(0.02)
        os.kill(owner, signal.SIGCONT)
        os._exit(0)
    os.close(to_go)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    os.wait()
"""


def test_calls_stay_short_and_memory_bounded(program: Program) -> None:
    """Three calls wait for a second each, all others drop at once; no list of records grows anywhere."""
    ended = program.start(FLOOD, WORKERS, CALLS).wait(40 + WORKERS * CALLS / 20_000)
    assert ended.status == 0, ended.said
    program.leaves_nothing()
    results = [json.loads(path.read_text()) for path in ended.here.glob("worker-*.txt")]
    assert len(results) == WORKERS
    for worst, late, urgent, grown, steady, _ in results:
        assert worst < 2.0
        # One more for a machine that does not run the process for that long.
        assert 3 <= late <= 4
        assert urgent <= 1
        assert grown < MEMORY
        assert steady < STEADY
    lines = ended.log()
    counted = sum(dropped for *_, dropped in results)
    kept = sum(" mplog: " not in line for line in lines)
    assert kept + counted == WORKERS * (1 + CALLS + CALLS // 5)
    said = [
        int(found[1]) for line in lines if (found := re.search(r" mplog: process \d+ .*dropped (\d+) records", line))
    ]
    assert sum(said) == counted > 0
