"""The log directory may not be written any more while programs log into it: they go on in the file that is open.

Root is made a user like others for this: it gives up the right to override rights.
"""

from __future__ import annotations

import pytest
from programs import Program, assert_once_in_order, wait_until

FROZEN = """
import ctypes, os, signal, sys, time
if os.geteuid() == 0 and sys.argv[-1] != "again":
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        if prctl(24, capability, 0, 0, 0):  # PR_CAPBSET_DROP
            sys.exit(77)
    os.execv(sys.executable, [*sys.orig_argv, "again"])

from mplog import logger

name, options, end = sys.argv[1], eval(sys.argv[2]), sys.argv[3]
os.mkdir("logs.txt")
logger.remove()
logger.add(f"logs.txt/{name}", format="{process.id} {message}", rotation=5000, catch=False, **options)
slowest = 0.0

def log(who, first, last):
    global slowest
    for count in range(first, last):
        start = time.monotonic()
        logger.info("{} with a text that is somewhat longer {}", who, count)
        slowest = max(slowest, time.monotonic() - start)

def wait(condition, what):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)

def files():
    return sorted(os.listdir("logs.txt"))

def content():
    return sum(os.path.getsize(f"logs.txt/{name}") for name in files())

FROZEN, THAWED = "frozen.txt", "thawed.txt"
owner = os.getpid()
pids = []
for who in ("one", "two"):
    pids.append(os.fork())
    if not pids[-1]:
        log(who, 0, 100)
        open(f"{who}-begun.txt", "w").close()
        wait(lambda: os.path.exists(FROZEN), "frozen")
        log(who, 100, 400)
        if end == "killed":
            wait(lambda: os.getppid() != owner, "the owner is gone")
            log(who, 400, 500)
        logger.complete(10)
        open(f"{who}-done.txt", "w").close()
        wait(lambda: os.path.exists(THAWED), "thawed")
        log(who, 500, 600)
        assert slowest < 2, slowest
        os._exit(0)
log("owner", 0, 100)
wait(lambda: os.path.exists("one-begun.txt") and os.path.exists("two-begun.txt"), "begun")
logger.complete(10)
before, size = files(), content()
assert len(before) > 2, before
os.chmod("logs.txt", 0o555)
assert not os.access("logs.txt", os.W_OK)
open(FROZEN, "w").close()
log("owner", 100, 400)
if end == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
wait(lambda: os.path.exists("one-done.txt") and os.path.exists("two-done.txt"), "done")
logger.complete(10)
assert files() == before, (before, files())
assert content() > size + 3 * 300 * 40
os.chmod("logs.txt", 0o755)
open(THAWED, "w").close()
count = 400
while files() == before:
    log("owner", count, count + 1)
    count += 1
    time.sleep(0.01)
    assert count < 1000, "no rotation"
for pid in pids:
    assert os.waitpid(pid, 0)[1] == 0
assert slowest < 2, slowest
print(count)
"""


def lines_of(program: Program) -> list[str]:
    """All lines, by the time of the last line of their file."""
    directory = program.here / "logs.txt"
    files = sorted(directory.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    return "".join(path.read_text() for path in files).splitlines()


def messages(who: str, *ranges: tuple[int, int]) -> list[str]:
    """What one process logs."""
    return [f"{who} with a text that is somewhat longer {n}" for first, last in ranges for n in range(first, last)]


@pytest.mark.parametrize("name", ["app.log", "app_{time}.log"])
def test_a_rotation_waits_for_its_rights(program: Program, name: str) -> None:
    """What comes meanwhile goes into the old file, which is said once; the rotation happens when it can."""
    ended = program.run(FROZEN, name, "{}", "", silent=False)

    expected = [message for who in ("one", "two") for message in messages(who, (0, 400), (500, 600))]
    assert_once_in_order(lines_of(program), [*expected, *messages("owner", (0, int(ended.output)))])
    (said,) = ended.said.splitlines()
    assert "could not be rotated" in said


@pytest.mark.parametrize("name", ["app.log", "app_{time}.log"])
def test_workers_whose_owner_is_killed_meanwhile(program: Program, name: str) -> None:
    """They open the old file themselves, and go on in it until they can rotate it."""
    running = program.start(FROZEN, name, "{}", "killed")
    running.process.wait()
    wait_until(lambda: len(list(program.here.glob("*-done.txt"))) == 2, "the workers are done")
    directory = program.here / "logs.txt"
    assert sum(path.stat().st_size > 10_000 for path in directory.iterdir()) == 1
    directory.chmod(0o755)
    (program.here / "thawed.txt").touch()
    program.leaves_nothing()

    expected = [message for who in ("one", "two") for message in messages(who, (0, 600))]
    assert_once_in_order(lines_of(program), [*expected, *messages("owner", (0, 400))])
    said = running.wait().said.splitlines()
    refused = [line for line in said if "could not be rotated" in line]
    assert 1 <= len(refused) <= 3, said
    assert all("is gone" in line for line in said if line not in refused), said


REFUSED = """
import errno, os, sys
from mplog import logger

refuse = False

def opener(path, flags):
    if refuse:
        raise OSError(errno.ENOSPC, "No room for a new file")
    return os.open(path, flags, 0o600)

logger.remove()
logger.add(sys.argv[1], format="{process.id} {message}", rotation=1000, opener=opener, catch=False)
logger.info("a line {}", 0)
refuse = True
for count in range(1, 200):
    logger.info("a line {}", count)
assert len(os.listdir()) == 1
refuse = False
count = 200
while len(os.listdir()) == 1:
    logger.info("a line {}", count)
    count += 1
print(count)
"""


@pytest.mark.parametrize("name", ["app.log", "app_{time}.log"])
def test_a_new_file_cannot_be_opened(program: Program, name: str) -> None:
    """A rotation that has renamed the file already takes that back; no record is lost between the two."""
    ended = program.run(REFUSED, name, silent=False)

    files = sorted(ended.here.glob("*.log"), key=lambda path: path.stat().st_mtime_ns)
    lines = "".join(path.read_text() for path in files).splitlines()
    assert [line.partition(" ")[2] for line in lines] == [f"a line {n}" for n in range(int(ended.output))]
    assert ended.said.count("could not be rotated") == ended.said.count("\n") == 1
