"""A program that has more rights than whoever started it: no variable of mplog counts, which are that user's wishes."""

from __future__ import annotations

import json
import os
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mplog

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a program more rights than its user has")

USER = 65534

READS_ANYTHING = 1 << 2
"""The capability CAP_DAC_READ_SEARCH; a Python that lies in a home directory is read with it."""


def _capable(path: Path) -> None:
    os.setxattr(path, "security.capability", struct.pack("<5I", 0x02000001, READS_ANYTHING, 0, 0, 0))


KINDS: dict[str, Callable[[Path], None]] = {
    "set-user-id": lambda path: path.chmod(0o4755),
    "set-group-id": lambda path: path.chmod(0o2755),
    "capabilities of its file": _capable,
}

ASKS = """
import json, os, subprocess, sys
os.umask(0)
from mplog import QueueOptions, logger
import mplog

child = subprocess.run([sys.executable, "-I", "-c", "import os; print(*os.environ)"], capture_output=True, text=True)
logger.info("shown")
logger.remove()
logger.add(sys.argv[1], format="{message}")
pid = os.fork()
if not pid:
    logger.info("worker")
    os._exit(0)
os.waitpid(pid, 0)
logger.complete()
print(json.dumps({
    "ring_size": QueueOptions().ring_size,
    "level": logger.level("INFO").no,
    "left": [name for name in os.environ if name.startswith("MPLOG_") and name != "MPLOG_SESSION"],
    "inherited": [name for name in child.stdout.split() if name.startswith("MPLOG_")],
    "session": os.environ.get("MPLOG_SESSION", ""),
    "joined": mplog.attach(),
}))
"""


class Place:
    """A directory that the user may enter, with an interpreter in it."""

    def __init__(self, here: Path) -> None:
        self.here = here
        (here / "bin").mkdir()
        self.python = here / "bin" / "python3"
        shutil.copy(os.path.realpath(sys.executable), self.python)
        home = Path(os.path.realpath(sys.executable)).parent
        (here / "pyvenv.cfg").write_text(f"home = {home}\ninclude-system-site-packages = false\n")
        (here / "theirs").mkdir()
        os.chown(here / "theirs", USER, USER)

    def run(self, code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run *code* as the user, who has set *environment*."""
        importable = str(Path(mplog.__file__).parent.parent)
        return subprocess.run(
            [self.python, "-s", "-c", code, *arguments],
            user=USER,
            group=USER,
            extra_groups=[],
            cwd=self.here / "theirs",
            env={"PYTHONPATH": importable, "PYTHONDONTWRITEBYTECODE": "1", **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture
def place() -> Iterator[Place]:
    # Not below pytest's own directory, which only this user may enter.
    with tempfile.TemporaryDirectory(prefix="mplog-test-", dir="/var/tmp") as path:
        os.chmod(path, 0o755)
        yield Place(Path(path))


def _secured(place: Place, kind: str) -> None:
    KINDS[kind](place.python)
    if os.statvfs(place.python).f_flag & os.ST_NOSUID:
        pytest.skip("programs get no rights in this file system")
    if kind == "set-group-id" and place.run("pass").returncode:
        pytest.skip("this Python cannot be read by other users")


@pytest.mark.parametrize("kind", KINDS)
def test_no_variable_counts(place: Place, kind: str) -> None:
    """None changes anything or makes anything, here or in what it starts; which ones do nothing is said once."""
    _secured(place, kind)
    before = set(os.listdir(place.here / "theirs"))

    ended = place.run(
        ASKS,
        str(place.here / "theirs" / "app.log"),
        MPLOG_RUNTIME_DIR=str(place.here / "theirs" / "new" / "runtime"),
        MPLOG_FORMAT="THEIRS {message}",
        MPLOG_LEVEL="no such level",
        MPLOG_INFO_NO="99",
        MPLOG_RING_SIZE="16384",
        MPLOG_SESSION="/theirs",
        MPLOG_STRICT="nonsense",
    )

    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    assert (found["ring_size"], found["level"]) == (mplog.QueueOptions().ring_size, 20)
    assert found["left"] == found["inherited"] == []
    assert "/theirs" not in found["session"]
    assert found["joined"] is False
    assert set(os.listdir(place.here / "theirs")) - before == {"app.log"}
    assert (place.here / "theirs" / "app.log").read_text() == "worker\n"
    said, _, shown = ended.stderr.partition("\n")
    assert ": MPLOG_FORMAT, MPLOG_INFO_NO, MPLOG_LEVEL, " in said
    assert "do nothing" in said
    assert shown.endswith(" - shown\n")
    assert "THEIRS" not in shown
    assert "MPLOG" not in shown


def test_without_more_rights_they_count(place: Place) -> None:
    """The same program of the user's own, for comparison."""
    os.chmod(place.here / "theirs", 0o755)
    if place.run("pass").returncode:
        place.python.unlink()
        place.python.symlink_to(shutil.which("python3", path="/usr/bin") or "/nowhere")
        (place.here / "pyvenv.cfg").unlink()
    if place.run("import mplog").returncode:
        pytest.skip("this Python, or mplog, cannot be read by other users")

    ended = place.run(
        ASKS,
        str(place.here / "theirs" / "app.log"),
        MPLOG_RUNTIME_DIR=str(place.here / "theirs" / "new" / "runtime"),
        MPLOG_FORMAT="THEIRS {message}",
        MPLOG_INFO_NO="99",
        MPLOG_RING_SIZE="16384",
    )

    found = json.loads(ended.stdout)
    assert (found["ring_size"], found["level"]) == (16384, 99)
    assert ended.stderr == "THEIRS shown\n"
    runtime = place.here / "theirs" / "new" / "runtime"
    assert stat.S_IMODE(runtime.stat().st_mode) == 0o700
    assert stat.S_IMODE(runtime.parent.stat().st_mode) == 0o755


def test_rights_that_were_there_before_the_import(place: Place) -> None:
    """What has become root by another user's program before it imports mplog has that user's environment, too."""
    become = "import os; os.setregid(65534, 65534); os.setreuid(65534, 0)\n"
    ended = subprocess.run(
        [sys.executable, "-c", become + "from mplog import logger; logger.info('shown')"],
        env={**os.environ, "MPLOG_FORMAT": "THEIRS {message}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0
    assert ended.stderr.endswith(" - shown\n")
    assert "THEIRS" not in ended.stderr


def test_a_server_of_root_that_is_another_user_for_a_while() -> None:
    """Its environment is root's: the variables count."""
    become = "import os; os.setegid(65534); os.seteuid(65534)\n"
    load = "import encodings.idna, importlib, json, mplog as first, sys\n"
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            load + become + "from mplog._capture import variables; print(variables.has_foreign_environment())",
        ],
        env={**os.environ, "MPLOG_AUTOINIT": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout == "False\n", ended.stderr
