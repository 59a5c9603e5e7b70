"""Starts the programs under test, kills parts of them, and sees to it that none outlives its round.

Every program leads a process group of its own. Where the system allows it, the harness adopts orphans: workers whose
owner was killed are then reaped here, and their end can be waited for.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from stress.job import Job, statistics_path
from stress.workshop import Workshop

_SET_CHILD_SUBREAPER = 36
_POLL = 0.002
_STACKS_GRACE = 1.0
_SAID_LIMIT = 4000
_PROGRAM = Path(__file__).with_name("program.py")


class DeadlinePassed(Exception):
    """Something did not happen in time; the text holds the stacks of the processes that are still there."""


def adopt_orphans() -> None:
    """Become the parent of orphaned grandchildren. Without it (not Linux) they are only waited for by their group."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def wait_until(condition: Callable[[], bool], deadline: float) -> bool:
    """Poll *condition* until it holds or the monotonic *deadline* has passed; return whether it held."""
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True


class Program:
    """One program under test with all its processes. Leaving the block ends every one of them."""

    def __init__(
        self, job: Job, workshop: Workshop, name: str, extra_environment: dict[str, str] | None = None
    ) -> None:
        self.name = name
        self.job = job
        self._said = workshop.root / f"{name}.said"
        self._job_path = workshop.root / f"{name}.job"
        environment = {
            **workshop.environment(),
            **job.save(self._job_path),
            **(extra_environment or {}),
        }
        # A multi-threaded program that forks is what some scenarios are about: no need to be warned of it.
        command = [sys.executable, "-W", "ignore::DeprecationWarning", str(_PROGRAM)]
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The owner's pid, and the number of the program's process group."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """The owner's exit status, None while it runs."""
        return self._process.poll()

    def said(self) -> str:
        """What the program's processes wrote to standard output and error, bounded."""
        text = self._said.read_text(errors="replace")
        return text if len(text) <= _SAID_LIMIT else text[:_SAID_LIMIT] + " [...]"

    def statistics(self) -> dict[str, Any] | None:
        """What the program's library has counted; None when it does not count, or has not come to its end."""
        path = statistics_path(self._job_path)
        return json.loads(path.read_text()) if path.exists() else None

    def kill_owner(self) -> None:
        """SIGKILL the program's first process and reap it. Its workers go on."""
        self._process.kill()
        self._process.wait()

    def kill_all(self) -> None:
        """SIGKILL every process of the program at once, and reap the first one."""
        os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def wait(self, deadline: float) -> None:
        """Return when the owner and all its processes have ended by themselves."""
        if not wait_until(lambda: self._process.poll() is not None, deadline):
            raise DeadlinePassed(f"program {self.name!r} has not ended in time.\n{self.stacks()}")
        self.wait_for_group(deadline)

    def wait_for_group(self, deadline: float) -> None:
        """Return when no process of the program is left, its owner having ended before."""
        if not wait_until(self.is_gone, deadline):
            raise DeadlinePassed(f"workers of program {self.name!r} have not ended in time.\n{self.stacks()}")

    def is_gone(self) -> bool:
        """Whether no process of the program is left."""
        if self._process.poll() is None:  # Its status is taken here first: waiting for the whole group would lose it.
            return False
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-self.pid, os.WNOHANG)[0]:
                pass
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def stacks(self) -> str:
        """Ask every process of the program where it is, and return what they all said."""
        before = self._said.stat().st_size
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGUSR1)
        time.sleep(_STACKS_GRACE)  # a process that hangs for good may never answer: there is nothing to wait for
        return self._said.read_bytes()[before:].decode(errors="replace")

    def close(self) -> None:
        """End every process of the program, whatever state it is in."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        wait_until(self.is_gone, time.monotonic() + 10)

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
