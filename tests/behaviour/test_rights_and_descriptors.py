"""Workers that give up root, processes without a descriptor left, and hostile umasks: records arrive, quickly."""

from __future__ import annotations

import os

import pytest
from programs import Program, assert_once_in_order

NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

DROPS = """
import multiprocessing, os, sys, time
from mplog import logger

logger.remove()
os.chmod(".", 0o755)
logger.add("app.log", format="{process.id} {message}")

def work(name, again):
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    start = time.monotonic()
    for count in range(500):
        logger.info("{} {}", name, count)
    if again:
        os.read(begin, 1)  # The owner has another level by now, which this one may not read.
        logger.info("{} 500", name)
    assert time.monotonic() - start < 30
    os._exit(0)

begin, go = os.pipe()
pids = []
for name in ("first", "second"):
    pids.append(os.fork())
    if not pids[-1]:
        work(name, True)
logger.level("SPECIAL", no=33)
os.write(go, b"!!")
for pid in pids:
    assert os.waitpid(pid, 0)[1] == 0
child = multiprocessing.get_context("fork").Process(target=work, args=("third", False))
child.start()
child.join()
assert child.exitcode == 0
idle = os.fork()
if not idle:
    os._exit(0)
os.waitpid(idle, 0)
"""

EXHAUSTED = """
import os, resource, sys, time
from mplog import logger

who = sys.argv[1]
logger.remove()
logger.add("app.log", format="{process.id} {message}", rotation="20 KB" if who == "rotating" else None)
logger.info("owner 0")

def exhaust():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    taken = []
    try:
        while True:
            taken.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        return taken

lead, lag = os.pipe()
slowest = 0.0
def log(name, count):
    global slowest
    start = time.monotonic()
    logger.info("{} {}", name, count)
    slowest = max(slowest, time.monotonic() - start)

pids = []
for name in ("one", "two"):
    pids.append(os.fork())
    if not pids[-1]:
        if who == "worker":
            exhaust()
        else:
            os.read(lead, 1)
        for count in range(1000):
            log(name, count)
        assert slowest < 2, slowest
        os._exit(0)
taken = exhaust() if who != "worker" else []
if who == "owner":
    os.close(taken.pop())  # Enough to see a new ring, not enough to map it.
os.write(lag, b"!!")
for count in range(1, 1000):
    log("owner", count)
if who != "worker":
    # Nobody waits for an owner that cannot open their rings, and it catches up as soon as it can.
    for pid in pids:
        assert os.waitpid(pid, 0)[1] == 0
    for number in taken:
        os.close(number)
else:
    for pid in pids:
        assert os.waitpid(pid, 0)[1] == 0
assert slowest < 2, slowest
"""

UMASK = """
import os, signal, stat, sys
from mplog import logger

logger.remove()
os.umask(int(sys.argv[1], 8))
logger.add("app.log", format="{process.id} {message}", permissions=0o640)
logger.info("owner 0")

def look():
    strange, seen = [], set()
    for place, directories, files in os.walk(os.path.join(os.environ["MPLOG_RUNTIME_DIR"], f"mplog-{os.geteuid()}")):
        if stat.S_IMODE(os.lstat(place).st_mode) != 0o700:
            strange.append(place)
        for name in files:
            path = os.path.join(place, name)
            seen.add("a spilled record" if place.endswith("spill") else name.rpartition(".")[2])
            if not os.path.islink(path) and stat.S_IMODE(os.lstat(path).st_mode) != 0o600:
                strange.append(path)
    assert not strange, strange
    return seen

def stop(owner):
    os.kill(owner, signal.SIGSTOP)
    state = ""
    while state != "T":
        with open(f"/proc/{owner}/stat") as file:
            state = file.read().rpartition(")")[2].split()[0]

for name in ("one", "two"):
    pid = os.fork()
    if not pid:
        status = 1
        try:
            logger.info("{} 0", name)
            stop(os.getppid())  # What it has read it would remove.
            logger.info("{} " * 40000 + "1", *[name] * 40000)
            seen = look()
            assert {"control", "registry", "slot", "ring", "a spilled record"} <= seen, seen
            status = 0
        finally:
            os.kill(os.getppid(), signal.SIGCONT)
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
assert look()
"""


@NEEDS_ROOT
def test_workers_that_give_up_root_before_their_first_record(program: Program) -> None:
    """What they log comes through a ring made while they were root, also after the configuration has changed."""
    ended = program.run(DROPS, silent=False)

    expected = [f"{name} {count}" for name in ("first", "second") for count in range(501)]
    assert_once_in_order(ended.log(), [*expected, *[f"third {count}" for count in range(500)]])
    assert all("may no longer read" in line for line in ended.said.splitlines()), ended.said


@pytest.mark.parametrize("who", ["worker", "owner", "rotating"])
def test_no_descriptor_is_left(program: Program, who: str) -> None:
    """A worker logs its first record then; an owner reads new rings later; a rotation waits. No call takes 2 s."""
    ended = program.run(EXHAUSTED, who, silent=False)

    expected = [f"{name} {count}" for name in ("one", "two", "owner") for count in range(1000)]
    assert_once_in_order(ended.log(), expected)
    assert ended.said.count("\n") < 10, ended.said


@pytest.mark.parametrize("umask", ["000", "777"])
def test_umask(program: Program, umask: str) -> None:
    """Whatever it takes away or leaves to others: what lies in the runtime directory is this user's alone."""
    ended = program.run(UMASK, umask)

    lines = [line.partition(" ")[2] for line in ended.log()]
    large = [f"{f'{name} ' * 40000}1" for name in ("one", "two")]
    assert sorted(lines) == sorted(["owner 0", "one 0", "two 0", *large])
