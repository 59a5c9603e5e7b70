"""Several users who write one log, while another one who may read it keeps its lock; see test_locks_by_readers.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from neighbours import LONGEST, OWNER, ROUNDS, TIMED, Neighbour, neighbour, program
from programs import PATIENCE, Program, read_log, wait_until

import mplog

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
__all__ = ["neighbour", "program"]  # Fixtures.


class TestSeveralUsers:
    """Who write one log, and take turns in a directory that nobody else can enter."""

    GROUP = 52347
    SOURCE = """
import os, mplog
os.umask(0o002)
os.setgroups([{group}]); os.setgid({user}); os.setuid({user})
"""
    LOGS = """
logger.add("app.log", format="{process.id} {message}", permissions=0o664, rotation=20_000, coordination_dir="../turns")
for number in range(300):
    log("user {}", number)
    if number == 100:
        open(f"middle{os.getpid()}.txt", "w").close()
        sys.stdin.readline()
with open(f"longest{os.getpid()}.txt", "w") as file:
    file.write(str(longest))
"""

    @pytest.fixture
    def place(self, program: Program) -> Path:
        """The directory of the log, which the group may write and all may read."""
        turns = program.here.parent / "turns"
        turns.mkdir()
        for path, mode in ((program.here, 0o2775), (turns, 0o2770)):
            os.chown(path, 0, self.GROUP)
            path.chmod(mode)
        return program.here

    def start(self, place: Path, user: int, runtime: Path) -> subprocess.Popen[str]:
        """A program of *user*."""
        runtime.mkdir(exist_ok=True)
        os.chown(runtime, user, user)
        return subprocess.Popen(
            [sys.executable, "-c", self.SOURCE.format(user=user, group=self.GROUP) + TIMED + self.LOGS],
            cwd=place,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": str(Path(mplog.__file__).parent.parent),
                "MPLOG_RUNTIME_DIR": str(runtime),
            },
        )

    def test_with_a_directory_for_their_turns(self, place: Path, neighbour: Neighbour, tmp_path: Path) -> None:
        """No call waits for a reader's lock, and every line is there once, also over rotations."""
        tmp_path.chmod(0o711)
        found = []
        for _ in range(ROUNDS):
            for path in place.iterdir():
                path.unlink()
            running = [self.start(place, user, tmp_path / f"runtime{user}") for user in (OWNER, OWNER + 10)]
            wait_until(lambda: len(list(place.glob("middle*"))) == 2, "all are in the middle", PATIENCE)
            neighbour.lock(place / "app.log", directory=place)
            for process in running:
                _, said = process.communicate("go\n", timeout=PATIENCE)
                assert process.returncode == 0, said
            neighbour.end()
            lines = read_log(place)
            assert len(lines) == len(set(lines)) == 600
            assert not list((place.parent / "turns").iterdir())
            found.append(max(float(path.read_text()) for path in place.glob("longest*")))
            if found[-1] <= LONGEST:
                return
        assert min(found) <= LONGEST

    def test_a_directory_that_everybody_may_write(self, tmp_path: Path) -> None:
        """Anybody could keep the lock there, so it is refused; so is one that is not there."""
        (tmp_path / "turns").mkdir()
        (tmp_path / "turns").chmod(0o777)
        with pytest.raises(PermissionError, match="chmod 2770"):
            mplog.logger.add(tmp_path / "app.log", coordination_dir=tmp_path / "turns")
        with pytest.raises(ValueError, match="Invalid coordination_dir"):
            mplog.logger.add(tmp_path / "app.log", coordination_dir=tmp_path / "missing")
        with pytest.raises(TypeError, match="should be a path"):
            mplog.logger.add(tmp_path / "app.log", coordination_dir=5)  # type: ignore[call-overload]  # on purpose
