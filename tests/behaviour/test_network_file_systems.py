"""Log files on network file systems: one program needs no locks, and a forgotten file is opened anew.

The file system is this machine's; what such a one does otherwise comes from a library that is preloaded (network.c).
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from programs import Program, assert_once_in_order, compiled

SOURCE = Path(__file__).with_name("network.c")

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")

LOGGING = """
import os, time
from mplog import logger

logger.remove()
logger.add("app.log", format="{process.id} {message}", catch=False, **%s)

def log(name, first, last):
    for count in range(first, last):
        start = time.monotonic()
        logger.info("{} {}", name, count)
        assert time.monotonic() - start < 2

ready, go = os.pipe()
done, say = os.pipe()
pids = []
for name in ("one", "two"):
    pids.append(os.fork())
    if not pids[-1]:
        log(name, 0, 200)
        logger.complete(10)
        os.write(say, b"!")
        os.read(ready, 1)
        log(name, 200, 400)
        os._exit(0)
log("owner", 0, 200)
os.read(done, 1), os.read(done, 1)
logger.complete()
"""

REMOVED = """
os.link("app.log", "kept.txt")
os.unlink("app.log")
"""

ENDING = """
os.write(go, b"!!")
log("owner", 200, 400)
for pid in pids:
    assert os.waitpid(pid, 0)[1] == 0
"""

EVERYTHING = [f"{name} {count}" for name in ("owner", "one", "two") for count in range(400)]


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The compiled library."""
    return compiled(SOURCE, tmp_path_factory.mktemp("network"))


def test_one_program_needs_no_locks(program: Program, network: str) -> None:
    """Its workers included, with rotations; one sentence says what several programs must not do."""
    source = LOGGING % {"rotation": "3 KB"} + ENDING

    ended = program.run(source, environment={"LD_PRELOAD": network, "NO_LOCKS": "1"}, silent=False)

    assert_once_in_order(ended.log(), EVERYTHING)
    assert ended.said.count("is on a file system without locks") == 1, ended.said
    assert ended.said.count("\n") == 1, ended.said


@pytest.mark.parametrize("options", [{}, {"rotation": "1 MB"}], ids=["plain", "rotation"])
def test_a_file_that_the_server_has_forgotten(program: Program, network: str, options: dict[str, object]) -> None:
    """Direct calls and batches go on in the file that the path names then; neither loses a record."""
    source = LOGGING % options + REMOVED + ENDING

    ended = program.run(source, environment={"LD_PRELOAD": network}, silent=False)

    kept = (ended.here / "kept.txt").read_text().splitlines()
    later = ended.log()
    assert (len(kept), len(later)) == (600, 600)
    assert_once_in_order(kept + later, EVERYTHING)
