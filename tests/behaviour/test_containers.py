"""Containers: everything but the log's volume is read-only, the user has no name and no home. Covers field note K4."""

from __future__ import annotations

import pytest
from programs import Program, assert_once_in_order, can_mount

WORKERS = """
import multiprocessing, os, pwd, sys
from mplog import logger

assert not {"HOME", "USER", "LOGNAME", "TMPDIR"} & set(os.environ)
try:
    pwd.getpwuid(os.geteuid())
except KeyError:
    pass
else:
    sys.exit("this user has a name")
for place in ("/", "/tmp", "/var/tmp", "/dev/shm"):
    if os.access(place, os.W_OK) and place != sys.argv[2]:
        sys.exit(f"{place} can be written")

logger.remove()
logger.add("app.log", format="{process.id} {message}", rotation="20 KB", retention=100, compression="gz")

def work(number):
    for count in range(500):
        logger.info("worker{} {}", number, count)

if __name__ == "__main__":
    logger.info("owner {}", 0)
    context = multiprocessing.get_context(sys.argv[1])
    children = [context.Process(target=work, args=(number,)) for number in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0, child.exitcode
    logger.info("owner {}", 1)
"""

CONTAINER = """
import os, subprocess, sys
method, script, writable, *variables = sys.argv[1:]
volume = os.getcwd()
def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)
mount("--bind", volume, volume)
for place in ("/dev/shm", "/"):
    if place != writable:
        if place != "/":
            mount("--bind", place, place)
        mount("-o", "remount,bind,ro", place)
os.chown(volume, 54321, 54321)
os.chmod(volume, 0o700)
os.chdir(volume)  # What is mounted there, not what lies below.
# The right to read everything is for interpreters that root has for itself.
user = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups", "--inh-caps=+dac_read_search",
        "--ambient-caps=+dac_read_search"]
clean = ["env", "-i", f"PATH={os.environ['PATH']}", *variables]
ended = subprocess.run([*user, *clean, sys.executable, "-W", "error", script, method, writable])
left = [name for name in os.listdir("/dev/shm") if name.startswith("mplog-54321")]
assert not left, left
sys.exit(ended.returncode)
"""


@pytest.mark.skipif(
    not can_mount("mount -o remount,bind,ro / && setpriv --reuid=54321 true"),
    reason="may not mount file systems and become somebody else here",
)
@pytest.mark.parametrize(
    ("method", "writable", "variables", "sentences"),
    [
        pytest.param("fork", "/dev/shm", [], 0, id="shared memory"),
        pytest.param("spawn", "nowhere", ["MPLOG_RUNTIME_DIR=runtime.txt"], 0, id="runtime directory in the volume"),
        pytest.param("fork", "nowhere", [], 1, id="nowhere, fork"),
        pytest.param("spawn", "nowhere", [], 1, id="nowhere, spawn"),
    ],
)
def test_every_record_arrives(
    program: Program, method: str, writable: str, variables: list[str], sentences: int
) -> None:
    """With rotation and compression, whatever may be written besides; what that costs is said in one sentence."""
    (program.here / "runtime.txt").mkdir(mode=0o777)
    (program.here / "runtime.txt").chmod(0o1777)
    script = program.script(WORKERS, "workers.py")
    inside = program.script(CONTAINER, "inside.py")
    outer = f"""
        import subprocess, sys
        command = ["unshare", "--mount", sys.executable, {str(inside)!r}, {method!r}, {str(script)!r}, {writable!r}]
        sys.exit(subprocess.run([*command, *{variables!r}]).returncode)
    """
    ended = program.run(outer, silent=not sentences)

    expected = [f"worker{number} {count}" for number in range(3) for count in range(500)]
    assert_once_in_order(ended.log(), ["owner 0", *expected, "owner 1"])
    assert sentences == ended.said.count("mplog:"), ended.said
    assert not list((program.here / "runtime.txt").iterdir())
