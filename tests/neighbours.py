"""Another user of the machine, who locks what he may only read; see the tests of locks."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from programs import Program

NEIGHBOUR = 52346
OWNER = 52345
LONGEST = 0.05
"""Seconds that a call may take."""
ROUNDS = 6
"""So often it is tried; times are the best of them, as the machine may be busy."""

LOCKS = """
import fcntl, os, struct, sys, time
user, how, forks, directory, *names = sys.argv[1:]
os.setgroups([])
os.setgid(int(user))
os.setuid(int(user))
held = {}
def lock(path):
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return
    there = os.fstat(fd).st_dev, os.fstat(fd).st_ino
    if there in held:
        return os.close(fd)
    try:
        if how == "bytes":
            fcntl.fcntl(fd, 37, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 0, 0, 0))
        else:
            fcntl.flock(fd, getattr(fcntl, how) | fcntl.LOCK_NB)
    except OSError:
        return os.close(fd)
    held[there] = fd
while not set(names) <= {name for name in names if lock(name) or True} or not held:
    time.sleep(0.001)
if forks == "1" and os.fork():
    os._exit(0)
print("locked", flush=True)
while True:
    if directory:
        for name in os.listdir(directory):
            lock(os.path.join(directory, name))
    time.sleep(0.0005)
"""
"""Locks the files named, and then all that come to be in a directory."""

TIMED = """
import os, sys, time
from mplog import logger

logger.remove()
longest = 0.0

def waits():
    # For how long each thread of this program, whose turn it may be, was ready and had no processor.
    found = {}
    for thread in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{thread}/schedstat") as numbers:
                found[thread] = int(numbers.read().split()[1]) / 1e9
        except OSError:
            pass  # It has just ended.
    return found

def log(text, *values):
    global longest
    before, began = waits(), time.perf_counter()
    logger.info(text, *values)
    took = time.perf_counter() - began
    longest = max(longest, took - sum(waited - before.get(thread, 0.0) for thread, waited in waits().items()))
"""


class Neighbour:
    """Another user's processes that lock what they may read."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[str]] = []

    def lock(self, *paths: Path, how: str = "LOCK_EX", forks: bool = False, directory: Path | None = None) -> None:
        """Lock *paths*, and all that comes to be in *directory*; with *forks* by a process that has ended then."""
        process = subprocess.Popen(
            [sys.executable, "-c", LOCKS, str(NEIGHBOUR), how, str(int(forks)), str(directory or ""), *map(str, paths)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"

    def end(self) -> None:
        """End all of them."""
        for process in self._running:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
        self._running.clear()


@pytest.fixture
def neighbour() -> Iterator[Neighbour]:
    """Another user."""
    found = Neighbour()
    yield found
    found.end()


@pytest.fixture
def program(runtime_dir: Path) -> Iterator[Program]:
    """As for other tests, in a directory that others may enter."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        Path(directory).chmod(0o755)
        found = Program(Path(directory), runtime_dir)
        try:
            yield found
        finally:
            found.end()
