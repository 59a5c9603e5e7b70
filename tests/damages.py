"""A killed program with records in its rings, and what is damaged then before anybody looks at it."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from programs import Program, wait_until

from mplog._sinks.file import slot as slots

VICTIM = """
import os, signal, sys, time
from mplog import logger

logger.remove()
for path in sys.argv[2:]:
    logger.add(path, format="{message}")

def state(pid):
    return open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0]

def wait(condition):
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.001)

owner = os.getpid()
def work(name):
    for count in range(20):
        logger.info("early {} {}", name, count)
    logger.complete()
    open(f"{name}.early.txt", "w").close()
    wait(lambda: state(owner) == "T")
    for count in range(60):
        logger.info("late {} {}", name, count)
    open(f"{name}.late.txt", "w").close()
    wait(lambda: os.path.exists("die.txt"))
    os._exit(0)

pids = []
for name in "ab":
    pid = os.fork()
    if pid == 0:
        work(name)
    pids.append(pid)
killer = os.fork()
if killer == 0:
    wait(lambda: all(os.path.exists(f"{name}.early.txt") for name in "ab"))
    os.kill(owner, signal.SIGSTOP)
    wait(lambda: all(os.path.exists(f"{name}.late.txt") for name in "ab"))
    for pid in pids if sys.argv[1] == "all" else ():
        os.kill(pid, signal.SIGKILL)
    os.kill(owner, signal.SIGKILL)
    os._exit(0)
time.sleep(60)
"""
EARLY = [f"early {name} {count}" for name in "ab" for count in range(20)]
LATE = [f"late {name} {count}" for name in "ab" for count in range(60)]

NEXT = """
import sys
from mplog import logger
logger.remove()
for path in sys.argv[1:]:
    logger.add(path, format="{message}")
logger.info("next")
"""


def leave(program: Program, *files: str, who: str = "all") -> Path:
    """Kill a program whose workers have written 40 records to each of *files*, and have 120 more in their rings; its
    session."""
    victim = program.start(VICTIM, who, *(files or ("app.log",)))
    wait_until(lambda: victim.process.poll() is not None, "the owner is killed", within=30)
    assert victim.process.returncode == -signal.SIGKILL, victim.said_so_far()
    if who == "all":
        program.wait_for_members()
    (session,) = (program.runtime / f"mplog-{os.geteuid()}" / "sessions").iterdir()
    return session


def slot_of(program: Program, route: str = "*") -> Path:
    """Its slot."""
    (path,) = (program.runtime / f"mplog-{os.geteuid()}" / "files").glob(f"*/*-{route}.slot")
    return path


def store(path: Path, at: int, data: bytes) -> None:
    """Put *data* into the file *path*."""
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def flip(path: Path, at: int) -> None:
    """Change one bit."""
    store(path, at, bytes([path.read_bytes()[at] ^ 2]))


def last_bank(path: Path) -> int:
    """Where the last kept promise is."""
    done: int = struct.unpack_from("=Q", path.read_bytes(), 16)[0]
    assert done
    return slots.BANK_AT + (done & 1) * slots.BANK_BYTES


def replaced_by(make: Callable[[Path], object]) -> Callable[[Path], None]:
    """Something else in its place."""

    def replace(path: Path) -> None:
        path.unlink()
        make(path)

    return replace


def recover(program: Program, *arguments: str, status: int = 0) -> tuple[list[dict[str, Any]], str]:
    """Run the command, which must end with *status*; the sessions that it tells of, and what it said."""
    ended = subprocess.run(
        [sys.executable, "-m", "mplog", "recover", "--json", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        env=program.environment(),
    )
    assert ended.returncode == status, ended
    return json.loads(ended.stdout)["sessions"], ended.stderr


def start(program: Program, source: str, *files: str) -> str:
    """Run the program to its end, whatever it leaves; what it said."""
    ended = program.start(source, *files).wait()
    assert ended.status == 0, ended.said
    return ended.said


def messages(program: Program, name: str = "app.log") -> Counter[str]:
    """How often each line is in a log."""
    return Counter((program.here / name).read_text().splitlines())


LATER = """open("damage.txt", "w").close()
    wait(lambda: os.path.exists("kill.txt"))
    os.kill(owner, signal.SIGKILL)"""
"""What a killer does instead, so that something can be damaged while workers live."""


def ring_of(session: Path, text: bytes) -> Path:
    """The ring that holds *text*."""
    (path,) = (path for path in (session / "rings").glob("*.ring") if text in path.read_bytes())
    return path
