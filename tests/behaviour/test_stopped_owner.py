"""An owner that is stopped for long: what its workers' calls cost meanwhile, in time and in memory.

Covers beyond.md, rows 15 and 16. MPLOG_TEST_FULL=1 runs the numbers that are promised, 8 workers with 1,000,000 calls
each; otherwise it is a hundredth of that or so.
"""

from __future__ import annotations

import json
import re

import pytest
from programs import FULL, Program

WORKERS, CALLS = (8, 1_000_000) if FULL else (2, 30_000)

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

    def delayed():
        # Seconds that this process was ready to run and had no processor: that is no wait of mplog's.
        with open("/proc/self/schedstat") as file:
            return int(file.read().split()[1]) / 1e9

    def timed(log, text, count):
        # The longest call; how many took as long as a wait does; how many did so by waiting alone.
        worst, long, waited, known = 0.0, 0, 0, delayed()
        for n in range(count):
            began = time.perf_counter()
            log(text, n)
            spent = time.perf_counter() - began
            long += spent > 0.9
            if spent > 0.5:
                spent -= delayed() - known
            if n % 100 == 0 or spent > 0.5:
                known = delayed()
            worst = max(worst, spent)
            waited += spent > 0.5
        return worst, long, waited

    def work(number, ready, go):
        logger.info("first")
        logger.complete(20)
        os.write(ready, b"x")
        os.read(go, 1)
        before = memory()
        assert before > 1
        worst, long, waited = timed(logger.info, "record {}", calls * 3 // 4)
        full = memory()
        later, _, none = timed(logger.info, "another {}", calls // 4)
        # Whoever may use the reserve does not wait, either, when that is full.
        urgent, _, nor_here = timed(logger.warning, "urgent {}", calls // 5)
        after = memory()
        with open(f"worker-{number}.txt", "w") as file:
            worst, none = max(worst, later, urgent), none + nor_here
            json.dump([worst, long, waited, none, full - before, after - full, logger.statistics().dropped], file)

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


@pytest.mark.timeout(150 + WORKERS * CALLS / 20_000)  # Longer than the program may take.
def test_calls_stay_short_and_memory_bounded(program: Program) -> None:
    """Three calls wait for a second each, all others drop at once; no list of records grows anywhere."""
    ended = program.start(FLOOD, WORKERS, CALLS).wait(100 + WORKERS * CALLS / 20_000)
    assert ended.status == 0, ended.said
    program.leaves_nothing()
    results = [json.loads(path.read_text()) for path in ended.here.glob("worker-*.txt")]
    assert len(results) == WORKERS
    for worst, long, waited, later, grown, steady, _ in results:
        assert worst < 2.0
        assert long >= 3 >= waited
        assert later == 0
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


LARGE = """
    import json, os, signal, sys, time
    from mplog import QueueOptions, logger

    logger.remove()
    logger.configure(queue=QueueOptions(block_timeout=0.1))
    logger.add("app.log", format="{message}")
    owner = os.getpid()
    child = os.fork()
    if not child:
        logger.info("first")
        logger.complete(20)
        os.kill(owner, signal.SIGSTOP)
        text = "x" * 4_000_000
        for n in range(40):
            logger.info("large {} {}", n, text)
            logger.info("small {}", n)
        beside = 0
        for directory, _, names in os.walk(os.environ["MPLOG_RUNTIME_DIR"]):
            beside += sum(os.path.getsize(os.path.join(directory, name)) for name in names if "spill" in directory)
        dropped = logger.statistics().dropped
        os.kill(owner, signal.SIGCONT)
        assert logger.complete(20)
        # There is room again.
        logger.info("large {} {}", 40, text)
        logger.complete(20)
        with open("worker.txt", "w") as file:
            json.dump([beside, dropped, logger.statistics().dropped], file)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


def test_large_records_wait_within_a_bound(program: Program) -> None:
    """What lies beside the rings is bounded, too; small records go on, and large ones when the owner goes on."""
    ended = program.start(LARGE).wait()
    assert ended.status == 0, ended.said
    program.leaves_nothing()
    beside, dropped, at_last = json.loads((ended.here / "worker.txt").read_text())
    kept = 32 * 2**20 // 4_000_020
    assert kept * 4_000_000 <= beside <= 32 * 2**20
    assert dropped == at_last == 40 - kept
    lines = ended.log()
    large = [line.split()[1] for line in lines if line.startswith("large")]
    assert large == [str(n) for n in [*range(kept), 40]]
    assert sum(line.startswith("small") for line in lines) == 40
    assert sum(line.startswith("mplog: ") for line in lines) >= 1
