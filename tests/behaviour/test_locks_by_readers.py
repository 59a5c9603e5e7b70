"""Whoever may read a log may lock it: that neither holds up a call, nor costs a record, nor keeps anybody waiting.

The neighbour is another user, who keeps the kernel lock of a file that he may only read, and of each that comes after
it. Times are the best of some rounds, as the machine may be busy.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest
from neighbours import LONGEST, OWNER, ROUNDS, TIMED, Neighbour, neighbour, program
from programs import PATIENCE, SOON, Program, read_log, wait_until

import mplog

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
__all__ = ["neighbour", "program"]  # Fixtures.

LOG = """

def note(name):
    with open(f"{{name}}.{{os.getpid()}}.txt", "w") as file:
        file.write(str(longest))

logger.add("app.log", format="{{process.id}} {{message}}", {options})
logger.info("first 0")
open("ready.txt", "w").close()
sys.stdin.readline()
"""

DIRECT = """
for number in range(200):
    log("direct {} {}", "x" * 400, number)
note("direct")
"""

WORKERS = """
def work():
    for number in range(500):
        log("worker {} {}", "x" * 200, number)
    began = time.perf_counter()
    assert logger.complete()
    assert time.perf_counter() - began < 3
    note("worker")
    os._exit(0)

children = [os.fork() or work() for _ in range(3)]
for number in range(50):
    log("owner {}", number)
note("owner")
for child in children:
    assert os.waitpid(child, 0)[1] == 0
began = time.perf_counter()
assert logger.complete()
assert time.perf_counter() - began < 3
"""


def run_round(
    program: Program, neighbour: Neighbour, source: str, options: str = "", **locks: object
) -> dict[str, float]:
    """One program whose log is locked from its first record on; the longest call of each of its processes."""
    for path in program.here.iterdir():
        path.unlink()
    running = program.start(TIMED + LOG.format(options=options) + source, stdin=subprocess.PIPE)
    wait_until((program.here / "ready.txt").exists, "the log is there")
    neighbour.lock(program.here / "app.log", **locks)  # type: ignore[arg-type]  # as lock() has them
    assert running.process.stdin is not None
    running.process.stdin.write("go\n")
    running.process.stdin.flush()
    ended = running.wait()
    neighbour.end()
    assert ended.status == 0, ended.said
    assert not ended.said
    program.leaves_nothing()
    return {path.name: float(path.read_text()) for path in program.here.glob("*.*.txt")}


def best(program: Program, neighbour: Neighbour, source: str, options: str = "", **locks: object) -> float:
    """The longest call in the best of some rounds, of which each has every line once."""
    found = []
    for _ in range(ROUNDS):
        times = run_round(program, neighbour, source, options, **locks)
        if "retention" not in options:
            lines = [line.partition(" ")[2] for line in read_log(program.here)]
            assert Counter(lines) == expected(source)
        found.append(max(times.values()))
        if found[-1] <= LONGEST:
            break
    return min(found)


def expected(source: str) -> Counter[str]:
    """The messages that a program logs."""
    lines = Counter(["first 0"])
    if source == WORKERS:
        lines += Counter({f"worker {'x' * 200} {number}": 3 for number in range(500)})
        return lines + Counter(f"owner {number}" for number in range(50))
    return lines + Counter(f"direct {'x' * 400} {number}" for number in range(200))


@pytest.mark.parametrize("source", [DIRECT, WORKERS], ids=["direct", "workers"])
@pytest.mark.parametrize(
    "options",
    ["", "rotation=40_000", "rotation=40_000, compression='gz'", "rotation=40_000, retention=3", "watch=True"],
    ids=lambda options: options or "plain",
)
def test_calls_go_on(program: Program, neighbour: Neighbour, source: str, options: str) -> None:
    """While another user has the lock of the file and of each that follows, every line arrives, and at once; files are
    rotated, compressed and removed meanwhile."""
    assert best(program, neighbour, source, options, directory=program.here) <= LONGEST
    files = [path.name for path in program.here.glob("app.*")]
    assert (len(files) > 1) is ("rotation" in options)
    assert sum(name.endswith(".gz") for name in files) == (len(files) - 1 if "compression" in options else 0)
    assert len(files) <= 4 or "retention" not in options


@pytest.mark.parametrize("how", ["LOCK_SH", "bytes"])
def test_whatever_lock_it_is(program: Program, neighbour: Neighbour, how: str) -> None:
    """A shared lock, and one on all bytes of the file, do not hold up a call, either."""
    assert best(program, neighbour, WORKERS, "rotation=40_000", how=how, directory=program.here) <= LONGEST


def test_by_a_process_that_has_ended(program: Program, neighbour: Neighbour) -> None:
    """Nor does one whose taker is gone, while a child of that keeps it."""
    assert best(program, neighbour, DIRECT, forks=True) <= LONGEST


STRANGER = """
logger.add("app.log", format="{process.id} {message}", rotation=20_000)
for number in range(300):
    log("stranger {}", number)
    if number == 100:
        open(f"middle{os.getpid()}.txt", "w").close()
        sys.stdin.readline()
with open(f"longest{os.getpid()}.txt", "w") as file:
    file.write(str(longest))
"""


@pytest.mark.parametrize("shared", [False, True], ids=["own-directory", "public-directory"])
def test_strangers_with_runtime_directories_of_their_own(
    program: Program, neighbour: Neighbour, tmp_path: Path, shared: bool
) -> None:
    """Programs that know nothing of one another go on taking turns: no line is lost, doubled or torn."""
    program.here.chmod(0o1777 if shared else 0o755)
    found = []
    for _ in range(ROUNDS):
        for path in program.here.iterdir():
            path.unlink()
        running = []
        for number in range(4):
            runtime = tmp_path / f"runtime{number}"
            runtime.mkdir(exist_ok=True)
            running.append(
                program.start(TIMED + STRANGER, stdin=subprocess.PIPE, environment={"MPLOG_RUNTIME_DIR": str(runtime)})
            )
        wait_until(lambda: len(list(program.here.glob("middle*"))) == 4, "all are in the middle", PATIENCE)
        neighbour.lock(program.here / "app.log", directory=program.here)
        for each in running:
            assert each.process.stdin is not None
            each.process.stdin.write("go\n")
            each.process.stdin.flush()
        for each in running:
            ended = each.wait()
            assert ended.status == 0, ended.said
            assert not ended.said
        neighbour.end()
        lines = read_log(program.here)
        assert len(lines) == len(set(lines)) == 4 * 300
        assert not [path for path in program.here.iterdir() if path.name.startswith(".")]
        found.append(max(float(path.read_text()) for path in program.here.glob("longest*")))
        if found[-1] <= LONGEST:
            return
    assert min(found) <= LONGEST


def test_the_end_of_a_handler(program: Program, neighbour: Neighbour) -> None:
    """`remove()` compresses the file, and a retention removes old ones, while all are locked."""
    source = DIRECT + "began = time.perf_counter()\nlogger.remove()\nassert time.perf_counter() - began < 1\n"
    run_round(program, neighbour, source, "compression='gz'", directory=program.here)

    assert len(gzip.decompress((program.here / "app.log.gz").read_bytes()).splitlines()) == 201
    assert not (program.here / "app.log").exists()


def test_a_path_with_a_time(program: Program, neighbour: Neighbour) -> None:
    """`add()` does not wait for somebody who has locked the directory."""
    source = """
import time
from mplog import logger
logger.remove()
found = []
for number in range(6):
    began = time.perf_counter()
    handler = logger.add("app.{time}.log", rotation=1000)
    logger.info("one")
    found.append(time.perf_counter() - began)
    logger.remove(handler)
with open("longest.txt", "w") as file:
    file.write(str(min(found)))
"""
    neighbour.lock(program.here)
    program.run(source)
    assert float((program.here / "longest.txt").read_text()) <= LONGEST


def test_an_owner_that_is_not_root(neighbour: Neighbour, runtime_dir: Path) -> None:
    """Who cannot look into others' processes goes on, too."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        here = Path(directory)
        os.chown(here, OWNER, OWNER)
        here.chmod(0o755)
        os.chown(runtime_dir, OWNER, OWNER)
        become = f"import os, mplog\nos.setgroups([]); os.setgid({OWNER}); os.setuid({OWNER})\n"
        for _ in range(ROUNDS):
            for path in here.iterdir():
                path.unlink()
            process = subprocess.Popen(
                [sys.executable, "-c", become + TIMED + LOG.format(options="rotation=2000") + DIRECT],
                cwd=here,
                stdin=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": str(Path(mplog.__file__).parent.parent)},
            )
            wait_until((here / "ready.txt").exists, "the log is there")
            neighbour.lock(here / "app.log", directory=here)
            process.communicate("go\n", timeout=PATIENCE)
            neighbour.end()
            assert process.returncode == 0
            (longest,) = (float(path.read_text()) for path in here.glob("direct.*"))
            assert len(read_log(here)) == 201
            if longest <= LONGEST:
                return
        raise AssertionError(f"a call took {longest} s")


def test_a_writer_that_keeps_the_lock_is_waited_for(program: Program) -> None:
    """It is of this user: its turn counts, and `complete()` without a time-out gives up after some seconds."""
    source = (
        TIMED
        + LOG.format(options="")
        + (
            """
import fcntl
fd = os.open("app.log", os.O_RDONLY)
fcntl.flock(fd, fcntl.LOCK_EX)
child = os.fork()
if not child:
    os.close(fd)
    logger.info("worker 0")
    began = time.perf_counter()
    assert not logger.complete()
    assert time.perf_counter() - began < 8
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
began = time.perf_counter()
assert not logger.complete()
assert time.perf_counter() - began < 8
os.close(fd)
assert logger.complete()
"""
        )
    )
    running = program.start(source, stdin=subprocess.PIPE)
    assert running.process.stdin is not None
    running.process.stdin.write("go\n")
    running.process.stdin.flush()
    ended = running.wait()
    assert ended.status == 0, ended.said
    assert "somebody else has its lock" in ended.said
    assert [line.partition(" ")[2] for line in ended.log()] == ["first 0", "worker 0"]


def test_a_writer_that_is_killed_in_its_turn(program: Program, neighbour: Neighbour) -> None:
    """The private lock ends with whoever has it, and the file of it goes with the next who closes the log."""
    victim = program.start(
        TIMED + LOG.format(options="") + "log('direct 0')\nopen('done.txt', 'w')\ntime.sleep(60)", stdin=subprocess.PIPE
    )
    wait_until((program.here / "ready.txt").exists, "the log is there")
    neighbour.lock(program.here / "app.log")
    assert victim.process.stdin is not None
    victim.process.stdin.write("go\n")
    victim.process.stdin.flush()
    wait_until((program.here / "done.txt").exists, "it has logged")
    assert [path.name for path in program.here.iterdir() if path.name.startswith(".mplog-")]
    victim.process.kill()
    victim.wait()

    (program.here / "ready.txt").unlink()
    times = []
    other = program.start(TIMED + LOG.format(options="") + DIRECT, stdin=subprocess.PIPE)
    began = time.monotonic()
    assert other.process.stdin is not None
    other.process.stdin.write("go\n")
    other.process.stdin.flush()
    ended = other.wait()
    times.append(time.monotonic() - began)
    assert ended.status == 0, ended.said
    assert len(read_log(program.here)) == 203
    assert max(times) < SOON
    program.leaves_nothing()
