"""What `statistics()` says agrees with what is in the files, for every process, however it ends.

Covers beyond.md, row 17. Every count is compared with what the programs and the files know, not with another count
of mplog's alone.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from programs import Program

COUNTED = """
    import json, multiprocessing, sys
    from mplog import logger

    NUMBERS = 300

    def facts(statistics):
        return [[each.pid, each.emitted, each.written, each.dropped, each.filtered, each.failed, each.in_flight]
                for each in statistics.processes]

    def work():
        for n in range(NUMBERS):
            logger.info("{}", n)
        assert logger.complete(20)
        with open(f"worker-{multiprocessing.current_process().pid}.txt", "w") as file:
            json.dump(facts(logger.statistics()), file)

    taken = []

    def take(message):
        if message.record["message"].endswith("5"):
            raise ValueError(message)
        taken.append(str(message))

    if __name__ == "__main__":
        logger.remove()
        logger.add("app.log", format="{process.id} {message}")
        # A lambda does not travel to another interpreter, so there the owner is the one that filters.
        logger.add(take, format="{message}", filter=lambda record: "7" not in record["message"])
        context = multiprocessing.get_context(sys.argv[1])
        workers = [context.Process(target=work) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        logger.info("mine")
        assert logger.complete(20)
        with open("owner.txt", "w") as file:
            json.dump([facts(logger.statistics()), len(taken)], file)
"""

ENDS = """
    import json, os, signal, sys, time
    from mplog import QueueOptions, logger

    end = sys.argv[1]
    logger.remove()
    logger.configure(queue=QueueOptions(ring_size=16384, overflow="drop"))
    logger.add("app.log", format="{message}")
    owner = os.getpid()

    def note(name):
        statistics = logger.statistics()
        with open(f"{name}.txt", "w") as file:
            json.dump([[each.emitted, each.written, each.dropped, each.filtered, each.failed, each.in_flight]
                       for each in statistics.processes] + [statistics.writer_lag], file)

    def wait_for(condition):
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    child = os.fork()
    if not child:
        logger.info("first")
        assert logger.complete(10)
        os.kill(owner, signal.SIGSTOP)
        wait_for(lambda: open(f"/proc/{owner}/stat").read().rpartition(")")[2].split()[0] == "T")
        for n in range(1000):
            logger.info("record {}", n)
        note("stopped")
        if end == "worker killed":
            os.kill(owner, signal.SIGCONT)
            os.kill(os.getpid(), signal.SIGKILL)
        if end == "owner killed":
            os.kill(owner, signal.SIGKILL)
            wait_for(lambda: logger.statistics().in_flight == 0)  # It notices, though it logs nothing.
            for n in range(10):
                logger.info("later {}", n)
        else:
            os.kill(owner, signal.SIGCONT)
        assert logger.complete(20)
        note("worker")
        sys.exit()
    os.waitpid(child, 0)
    wait_for(lambda: logger.statistics().in_flight == 0)
    note("owner")
"""

OWN = """
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{message}", enqueue=True)
    logger.add("direct.log", format="{message}", rotation=100)
    gone = logger.add("gone.log", format="{message}")
    for n in range(50):
        logger.info("record {}", n)
    logger.remove(gone)
    assert logger.complete(10)
    found = logger.statistics()
    (own,) = found.processes
    assert (own.emitted, own.written, own.in_flight) == (150, 150, 0), found
    assert found.written == 150
    assert found.writer_lag == 0.0 == own.ring_fill
    with open("rotations.txt", "w") as file:
        file.write(str(found.rotations))
"""

RENEWED = """
    import os
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{message}", enqueue=True)
    logger.add("direct.log", format="{message}")
    logger.info("of the owner")
    child = os.fork()
    if not child:
        assert logger.statistics().emitted == 0
        logger.info("of the child")
        assert logger.complete(10)
        assert logger.statistics().written == 2
        raise SystemExit
    assert os.waitpid(child, 0)[1] == 0
    assert logger.complete(10)
    own, other = logger.statistics().processes
    assert (own.written, other.written, other.pid) == (2, 2, child), (own, other)
"""

COUNTS = ("emitted", "written", "dropped", "filtered", "failed", "in_flight")


def as_counts(numbers: list[int]) -> dict[str, int]:
    """Counts by their names; the sum is what `emitted` says."""
    found = dict(zip(COUNTS, numbers, strict=True))
    assert found["emitted"] == sum(numbers[1:])
    assert min(numbers) >= 0
    return found


@pytest.mark.parametrize("start", ["fork", "spawn", "forkserver"])
def test_owner_and_workers_count_the_same(program: Program, start: str) -> None:
    """Each worker's own counts, the owner's of it, and what file and function have got."""
    ended = program.run(COUNTED, start, silent=False)
    processes, taken = json.loads((ended.here / "owner.txt").read_text())
    owner, *others = processes
    workers: list[Any] = [json.loads(path.read_text())[0] for path in ended.here.glob("worker-*.txt")]
    assert sorted(others) == sorted(workers)
    assert len(workers) == 3
    assert as_counts(owner[1:]) == dict.fromkeys(COUNTS, 0) | {"emitted": 2, "written": 2}
    with_seven = sum("7" in str(n) for n in range(300))
    failing = sum(str(n).endswith("5") and "7" not in str(n) for n in range(300))
    lines = [line.split()[0] for line in ended.log()]
    for pid, *numbers in workers:
        counts = as_counts(numbers)
        by_owner = 0 if start == "fork" else with_seven
        assert counts["filtered"] == by_owner
        assert counts["failed"] == failing
        assert counts["emitted"] == 600 - with_seven + by_owner
        assert counts["written"] == lines.count(str(pid)) + 300 - with_seven - failing
        assert counts["in_flight"] == counts["dropped"] == 0
    assert taken == 3 * (300 - with_seven - failing) + 1


@pytest.mark.parametrize("end", ["exits", "worker killed", "owner killed"])
def test_what_is_in_flight_arrives_or_is_counted(program: Program, end: str) -> None:
    """While the owner stands still, records are in flight or dropped; after any death the rest is in the file."""
    running = program.start(ENDS, end)
    running.wait()
    program.wait_for_members()
    ended = running.wait()
    lines = [line for line in ended.log() if not line.startswith("mplog: ")]
    later = sum(line.startswith("later") for line in lines)
    stopped, lag = json.loads((ended.here / "stopped.txt").read_text())
    stopped = as_counts(stopped)
    assert stopped["emitted"] == 1001
    assert stopped["written"] == 1
    assert stopped["in_flight"] == len(lines) - 1 - later
    assert stopped["dropped"] == 1001 - len(lines) + later > 0
    assert lag > 0
    if end != "worker killed":
        counts = as_counts(json.loads((ended.here / "worker.txt").read_text())[0])
        assert counts == stopped | {"emitted": 1001 + later, "written": len(lines), "in_flight": 0}
        assert later == (10 if end == "owner killed" else 0)
    if end != "owner killed":
        _, counts, _ = json.loads((ended.here / "owner.txt").read_text())
        assert as_counts(counts) == stopped | {"written": len(lines), "in_flight": 0}


def test_a_program_without_children(program: Program) -> None:
    """Direct handlers, one with its own queue, and one that is removed; rotations are those that were made."""
    ended = program.run(OWN)
    rotated = [path for path in ended.here.glob("direct*.log") if path.name != "direct.log"]
    assert int((ended.here / "rotations.txt").read_text()) == len(rotated) > 0
    assert sum(len(ended.log(name)) for name in ("app.log", "direct.log", "gone.log")) == 150


def test_a_forked_child_begins_at_zero(program: Program) -> None:
    """What its parent has counted is the parent's."""
    program.run(RENEWED)
