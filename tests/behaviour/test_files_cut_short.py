"""A process cuts a session's file short that others have mapped: none of them ends, and the others lose nothing."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest
from compilers import CAN_BUILD
from programs import Program, wait_until

pytestmark = pytest.mark.skipif(not CAN_BUILD, reason="no compiler")

TREE = """
import glob, os, sys, time
from mplog import logger

owner = os.getpid()
logger.remove()
logger.add("app.log", format="{message}", enqueue=True)

def wait(name):
    until = time.monotonic() + 30
    while not os.path.exists(name):
        assert time.monotonic() < until, name
        logger.info("{} waits", me)
        time.sleep(0.001)

def work():
    for count in range(50):
        logger.info("{} early {}", me, count)
    logger.complete()
    open(f"{me}.early.txt", "w").close()
    wait("cut.txt")
    # So many calls that some come after the look by which this process notices, and then what must not be lost.
    for _ in range(100):
        logger.info("{} waits", me)
        time.sleep(0.001)
    for count in range(50):
        logger.info("{} late {}", me, count)
    logger.complete()

pids = {}
for me in "ab":
    pids[me] = os.fork()
    if pids[me] == 0:
        work()
        os._exit(0)
with open("pids.txt", "w") as file:
    file.write(f"{pids['a']} {owner}")
me = "own"
work()
for pid in pids.values():
    assert os.waitpid(pid, 0)[1] == 0
logger.complete()
"""

WHAT = {
    "the ring of a worker": "sessions/*/rings/{worker}-*.ring",
    "the ring of the owner": "sessions/*/rings/{owner}-*.ring",
    "the control page": "sessions/*/control",
    "the slot": "files/*/*.slot",
}


@pytest.mark.parametrize("size", [0, 4096])
@pytest.mark.parametrize("what", WHAT)
def test_everybody_goes_on(program: Program, what: str, size: int) -> None:
    """All end in good order, what was on its way in the ring is all that is lost, and it is said."""
    running = program.start(TREE)
    early = [program.here / f"{name}.early.txt" for name in ("a", "b", "own")]
    wait_until(lambda: all(path.exists() for path in early), "all have logged", within=30)
    worker, owner = (program.here / "pids.txt").read_text().split()
    (path,) = (program.runtime / f"mplog-{os.geteuid()}").glob(WHAT[what].format(worker=worker, owner=owner))
    before = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size)
    (program.here / "cut.txt").touch()
    ended = running.wait()
    assert ended.status == 0, ended.said
    lines = Counter(line for line in (program.here / "app.log").read_text().splitlines() if "waits" not in line)
    expected = [f"{me} {when} {count}" for me in ("a", "b", "own") for when in ("early", "late") for count in range(50)]
    assert lines == Counter(expected)
    ring = "the ring " if "ring" in what else ""
    assert ended.said.count(f"somebody has cut {ring}{path} short") == (before > size)


LEAVES = """
import glob, os, resource, signal, sys, time
from mplog import logger
from mplog._ring import truncation

how = sys.argv[1]
logger.remove()
logger.add("app.log", format="{message}", enqueue=True)
logger.info("owner")
if how == "blocked":
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    logger.add("other.log", format="{message}", enqueue=True)

def rings(pid):
    return glob.glob(f"{os.environ['MPLOG_RUNTIME_DIR']}/*/sessions/*/rings/{pid}-*.ring")

def log(text):
    logger.info(text)
    time.sleep(0.001)

def wait(condition):
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.001)

pid = os.fork()
if pid == 0:
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    log("early")
    logger.complete()
    mine = os.getpid()
    open("ready.txt", "w").close()
    before = truncation.cuts()
    wait(lambda: log("waits") or truncation.cuts() > before)
    open("met.txt", "w").close()
    if how == "grown again":
        wait(lambda: os.path.exists("grown.txt"))
    if how == "no descriptor":
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    for _ in range(100):
        log("waits")
    if how == "no descriptor":
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(100):
            log("waits")
    for count in range(50):
        log(f"late {count}")
    logger.complete()
    os._exit(0)
wait(lambda: os.path.exists("ready.txt"))
(path,) = rings(pid)
size = os.path.getsize(path)
os.truncate(path, 0)
if how == "grown again":
    wait(lambda: truncation.cuts() > 0 and os.path.exists("met.txt"))
    os.truncate(path, size)
    open("grown.txt", "w").close()
assert os.waitpid(pid, 0)[1] == 0
logger.complete()
"""


class TestLeaving:
    @pytest.mark.parametrize("how", ["plain", "grown again", "no descriptor", "blocked"])
    def test_a_process_leaves_its_ring(self, program: Program, how: str) -> None:
        """Also where the file has its length again, where no other ring can be made just then, and where the owner has
        blocked all signals."""
        ended = program.start(LEAVES, how).wait()
        assert ended.status == 0, ended
        lines = (program.here / "app.log").read_text().splitlines()
        assert [line for line in lines if line.startswith("late")] == [f"late {count}" for count in range(50)]
        assert "somebody has cut the ring" in ended.said


CHROOT = """
import os, sys
from mplog import logger

logger.remove()
logger.add("app.log", format="{message}")
logger.info("first")
os.mkdir("jail.txt")
os.chroot("jail.txt")
pid = os.fork()
if pid == 0:
    logger.info("child")
    logger.complete()
    os._exit(0)
os.waitpid(pid, 0)
logger.info("parent")
logger.complete()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the root")
def test_a_program_that_cannot_import_any_more(program: Program) -> None:
    """A process forked behind chroot has what it needs."""
    ended = program.start(CHROOT).wait()
    assert ended.status == 0, ended
    lines = (program.here / "app.log").read_text().splitlines()
    assert Counter(lines) == Counter(["first", "child", "parent"])


FAULT = """
import faulthandler, mmap, os, signal, sys
from mplog import logger

def handler(number, frame):
    print("handler", number, flush=True)

how = sys.argv[1]
if how == "function before":
    signal.signal(signal.SIGBUS, handler)
if how == "faulthandler before":
    faulthandler.enable()
logger.remove()
logger.add("app.log", format="{message}", enqueue=True)
logger.info("one")
if how == "function after":
    signal.signal(signal.SIGBUS, handler)
if how == "faulthandler after":
    faulthandler.enable()
logger.add("other.log", format="{message}", enqueue=True)
logger.complete()
from mplog._ring import truncation
with open("own.txt", "w+b") as file:
    file.truncate(4096)
    mine = mmap.mmap(file.fileno(), 4096)
    file.truncate(0)
if how.startswith("function"):
    for _ in range(3):
        os.kill(os.getpid(), signal.SIGBUS)
    sys.exit()
if how == "sent":
    os.kill(os.getpid(), signal.SIGBUS)
print("touches", flush=True)
mine[0]
print("went on", flush=True)
"""


class TestSignalsOfOthers:
    @pytest.mark.parametrize("how", ["default", "sent", "faulthandler before", "faulthandler after"])
    def test_a_mapping_of_the_program_ends_it(self, program: Program, how: str) -> None:
        """Only mplog's own files are gone on with; `faulthandler` tells what it has to, once."""
        ended = program.start(FAULT, how).wait()
        assert ended.status == -signal.SIGBUS, ended
        assert ended.output == ("" if how == "sent" else "touches\n")
        assert ended.said.count("Fatal Python error: Bus error") == ("faulthandler" in how)

    @pytest.mark.parametrize("how", ["function before", "function after"])
    def test_a_handler_of_the_program_has_what_is_sent(self, program: Program, how: str) -> None:
        """Each time."""
        ended = program.start(FAULT, how).wait()
        assert (ended.status, ended.output) == (0, f"handler {int(signal.SIGBUS)}\n" * 3), ended
