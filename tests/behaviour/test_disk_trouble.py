"""Disks that are full, fail or go away: what a worker has logged arrives once, what a direct call lost is said.

The file system is a small tmpfs of its own, and the faults of a disk come from a library that is preloaded (faults.c).
"""

from __future__ import annotations

import errno
import re
import shutil
from pathlib import Path

import pytest
from programs import Program, assert_once_in_order, can_mount, compiled

FAULTS = Path(__file__).with_name("faults.c")
NEEDS_COMPILER = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")

TROUBLE = """
import os, sys, time
from mplog import logger

plan, options = sys.argv[1], eval(sys.argv[2])
logger.remove()
logger.add("app.log", format="{process.id} {message}", catch=False, **options)
slowest = 0.0
written = []

def log(name, count):
    global slowest
    start = time.monotonic()
    try:
        logger.info("{} and more text {}", name, count)
    except OSError:
        written.append(count)
    slowest = max(slowest, time.monotonic() - start)

def fail():
    with open("hidden.txt", "w") as file:
        file.write(plan)
    os.rename("hidden.txt", "fault.txt")

ready, go = os.pipe()
pids = []
for name in ("one", "two"):
    pids.append(os.fork())
    if not pids[-1]:
        log(name, 0)
        os.read(ready, 1)
        for count in range(1, 400):
            log(name, count)
        assert slowest < 2, slowest
        os._exit(0)
log("owner", 0)
fail()
os.write(go, b"!!")
for count in range(1, 20):
    log("owner", count)
    time.sleep(0.005)
for pid in pids:
    assert os.waitpid(pid, 0)[1] == 0
time.sleep(0.3)
os.unlink("fault.txt")
for count in range(20, 40):
    log("owner", count)
assert slowest < 2, slowest
print(*written)
"""

FULL = """
import os, pathlib, sys, time
os.chdir("small.txt")
from mplog import logger

logger.remove()
logger.add("app.log", format="{process.id} {message}", catch=False, rotation="60 KB", retention=100)
slowest = 0.0

def written():
    lines = 0
    for path in pathlib.Path(".").glob("*.log*"):
        try:
            lines += path.read_text().count("worker")
        except FileNotFoundError:
            pass  # It is just being rotated.
    return lines

def log(name, count):
    global slowest
    start = time.monotonic()
    try:
        logger.info("{} {} {}", name, "x" * 100, count)
        return True
    except OSError:
        return False
    finally:
        slowest = max(slowest, time.monotonic() - start)

assert log("owner", 0)
logger.warning("older {} 0", "x" * 100)
with open("fill", "wb") as file:
    try:
        while True:
            file.write(b"x" * 512)
            file.flush()
    except OSError:
        pass
    try:
        file.close()
    except OSError:
        pass
before = sorted(name for name in os.listdir(".") if ".log" in name)
lead, lag = os.pipe()
pid = os.fork()
if not pid:
    size = int(sys.argv[1])
    for count in range(size):
        log("worker", count)
    os.write(lag, b"!")
    assert slowest < 2, slowest
    os._exit(0)
refused = 0
count = 1
while not refused:  # What is left of the last block comes first.
    refused += not log("owner", count)
    count += 1
os.read(lead, 1)
refused += not log("owner", count)
assert refused == 2
assert set(before) <= set(os.listdir(".")), "a full disk has cost an older log"
os.unlink("fill")
freed = time.monotonic()
while not log("owner", count + 1):
    time.sleep(0.05)
assert os.waitpid(pid, 0)[1] == 0
while not written():
    assert time.monotonic() < freed + 5, "nothing was written within 5 s of room"
    time.sleep(0.05)
assert slowest < 2, slowest
print(count)
"""

GONE = """
import os, pathlib, shutil, sys, time
from mplog import logger

os.mkdir("logs.txt")
logger.remove()
logger.add("logs.txt/deep/app.log", format="{process.id} {message}", **eval(sys.argv[1]))
ready, go = os.pipe()
pid = os.fork()
if not pid:
    for count in range(10):
        logger.info("worker {}", count)
    os.read(ready, 1)
    for count in range(10, 20):
        logger.info("worker {}", count)
    os._exit(0)
logger.info("owner 0")
again = pathlib.Path("logs.txt/deep/app.log")
while not again.exists() or again.read_text().count("worker") < 10:
    time.sleep(0.01)
shutil.rmtree("logs.txt")
os.write(go, b"!")
assert os.waitpid(pid, 0)[1] == 0
logger.info("owner 1")
"""


@pytest.fixture(scope="session")
def faults(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The compiled library."""
    return compiled(FAULTS, tmp_path_factory.mktemp("faults"))


@NEEDS_COMPILER
class TestFaults:
    @pytest.mark.parametrize(
        ("plan", "options"),
        [
            pytest.param(f"{errno.ENOSPC} 17", {}, id="full in the middle of a record"),
            pytest.param(f"{errno.EIO} 17", {"rotation": "3 KB"}, id="input/output error, with rotation"),
            pytest.param(f"{errno.EIO} -1", {}, id="input/output error after all was written"),
            pytest.param(f"{errno.EDQUOT} 500", {"enqueue": True}, id="quota, with enqueue"),
        ],
    )
    def test_every_record_that_was_accepted_is_there_once(
        self, program: Program, faults: str, plan: str, options: dict[str, object]
    ) -> None:
        """Workers lose nothing; a direct call raises (`catch=False`) exactly when its record is not in the file.

        When it is over the log says so, with the time it took and what was lost.
        """
        ended = program.run(TROUBLE, plan, options, environment={"LD_PRELOAD": faults}, silent=False)

        refused = {int(count) for count in ended.output.split()}
        assert bool(refused) == (plan[0] != "0" and "-1" not in plan and "enqueue" not in options)
        told = [line for line in ended.log() if " could not be written for " in line]
        assert len(told) <= 2
        assert not refused or any(f"; {len(refused)} records of process " in line for line in told), told
        assert_once_in_order(
            [line for line in ended.log() if line not in told],
            [
                *[f"{name} and more text {count}" for name in ("one", "two") for count in range(400)],
                *[f"owner and more text {count}" for count in range(40) if count not in refused],
            ],
        )


@pytest.mark.skipif(not can_mount("mount -t tmpfs -o size=64k tmpfs /mnt"), reason="may not mount file systems here")
def test_a_disk_that_is_full_and_has_room_again(program: Program) -> None:
    """The program goes on, older logs stay, and writing resumes within 5 s; what was dropped is said in the log."""
    count = 12_000  # More than the queue takes.
    (program.here / "small.txt").mkdir()
    script = program.script(FULL, "full.py")
    outer = f"""
        import subprocess, sys
        sys.exit(subprocess.run(["unshare", "--mount", "sh", "-c",
            "mount -t tmpfs -o size=4m tmpfs small.txt && " + sys.executable + " {script} {count}; status=$?; "
            "mkdir -p out.txt; cp small.txt/*.log* out.txt; exit $status"]).returncode)
    """
    ended = program.run(outer, silent=False)

    lines = [line for path in sorted((ended.here / "out.txt").iterdir()) for line in path.read_text().splitlines()]
    found = [int(line.split()[-1]) for line in lines if " worker " in line]
    said = [line for line in lines if "dropped" in line]
    dropped = sum(int(line.split(" dropped ")[1].split()[0]) for line in said)
    assert len(found) == len(set(found))
    assert len(found) + dropped == count
    again = [line for line in lines if " could not be written for " in line]
    assert all(re.search(r"for \d+\.\d s \(.*No space left on device.*\); ", line) for line in again), again
    # The owner's own calls failed twice before there was room, and were tried again until there was.
    lost = sum(
        int(match[1]) for line in again if (match := re.search(r"; (\d+) records of process \d+ were lost", line))
    )
    assert lost >= 2, again
    assert "Traceback" not in ended.said


def test_a_log_directory_that_is_gone(program: Program) -> None:
    """It is made again, with everything that is logged from then on."""
    ended = program.run(GONE, {"rotation": "1 MB"})

    text = (ended.here / "logs.txt/deep/app.log").read_text()
    assert sorted(line.partition(" ")[2] for line in text.splitlines()) == sorted(
        [*[f"worker {count}" for count in range(10, 20)], "owner 1"]
    )
