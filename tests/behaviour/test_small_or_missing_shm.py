"""A small, full or missing /dev/shm costs room, never records: mplog says so once and works by another way."""

from __future__ import annotations

import pytest
from programs import Program, assert_once_in_order, can_mount

WORKERS = """
import multiprocessing, sys
from mplog import logger

logger.remove()
logger.add("app.log", format="{process.id} {message}", rotation="200 KB", compression="gz")

def work(number):
    for count in range(3000):
        logger.info("worker{} {}", number, count)

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    children = [context.Process(target=work, args=(number,)) for number in range(6)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0, child.exitcode
"""

INSIDE = """
import os, subprocess, sys
mounts, method, script = sys.argv[1:4]
os.environ.pop("MPLOG_RUNTIME_DIR")
os.makedirs("small.txt", exist_ok=True)
os.environ["TMPDIR"] = os.path.abspath("small.txt")
for command in mounts.split(";"):
    subprocess.run(command, shell=True, check=True)
ended = subprocess.run([sys.executable, "-W", "error", script, method])
left = [name for place in ("/dev/shm", "small.txt") if os.path.isdir(place)
        for name in os.listdir(place) if name.startswith("mplog")]
assert not left, left
sys.exit(ended.returncode)
"""


NEEDS_MOUNT = pytest.mark.skipif(
    not can_mount("mount -t tmpfs -o size=64k tmpfs /dev/shm"), reason="may not mount file systems here"
)

SMALL = "mount -t tmpfs -o size=1m tmpfs /dev/shm"
FULL = f"{SMALL}; head -c 1000k /dev/zero > /dev/shm/full 2>/dev/null || true"
NEARLY_FULL = f"{SMALL}; head -c 400k /dev/zero > /dev/shm/full"
MISSING = "mount --bind /proc/sys /dev/shm"
BOTH_TINY = "mount -t tmpfs -o size=32k tmpfs /dev/shm; mount -t tmpfs -o size=32k tmpfs $TMPDIR"


@NEEDS_MOUNT
@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize(
    ("mounts", "sentences"),
    [(SMALL, 0), (NEARLY_FULL, 0), (FULL, 1), (MISSING, 1), (BOTH_TINY, 1)],
    ids=["small", "nearly full", "full", "missing", "nowhere is room"],
)
def test_every_record_arrives(program: Program, mounts: str, sentences: int, method: str) -> None:
    """Six workers lose nothing and none of them dies of a signal, however little shared memory there is."""
    script = program.script(WORKERS, "workers.py")
    inside = program.script(INSIDE, "inside.py")
    outer = f"""
        import subprocess, sys
        sys.exit(subprocess.run(["unshare", "--mount", sys.executable, {str(inside)!r}, {mounts!r}, {method!r},
                                 {str(script)!r}]).returncode)
    """
    ended = program.run(outer, silent=not sentences)

    assert_once_in_order(ended.log(), [f"worker{number} {count}" for number in range(6) for count in range(3000)])
    assert sentences == ended.said.count("mplog:"), ended.said


def test_no_slot_for_a_file(program: Program) -> None:
    """Where a file cannot be promised anything, its records do not go through a queue: none is lost, with `enqueue`."""
    ended = program.start(
        """
        import os
        from mplog import logger
        os.mkdir(f"{os.environ['MPLOG_RUNTIME_DIR']}/mplog-{os.geteuid()}", 0o700)
        open(f"{os.environ['MPLOG_RUNTIME_DIR']}/mplog-{os.geteuid()}/files", "w").close()
        logger.remove()
        logger.add("app.log", format="{process.id} {message}", enqueue=True)
        for count in range(100):
            logger.info("owner {}", count)
        pid = os.fork()
        if not pid:
            for count in range(100):
                logger.info("child {}", count)
            os._exit(0)
        os.waitpid(pid, 0)
        """
    ).wait()
    assert ended.said.count("no room for the commit slot") == 1
    assert_once_in_order(ended.log(), [f"{name} {count}" for name in ("owner", "child") for count in range(100)])
