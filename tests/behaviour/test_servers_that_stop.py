"""Real servers with four workers are stopped: their last lines are in the file, and no session is left behind.

Their workers have no parent that uses mplog, so one of them serves the others. uvicorn ends each by raising the signal
again, so that no exit function runs; hypercorn ends those that are slower than the first by a signal from outside.
"""

from __future__ import annotations

import functools
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from programs import FULL, Program, members, wait_until

STOPS = 20 if FULL else 3

APPLICATION = """
import os, threading, time
from mplog import logger

logger.remove()
logger.add("app.log", format="{process.id} {message}")
ledger = os.open(f"calls-{os.getpid()}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
count = 0
stopping = threading.Event()

def log(what):
    # A call that has returned is noted where no library has to do with it.
    global count
    logger.info("{} {}", what, count)
    os.write(ledger, f"{os.getpid()} {what} {count}\\n".encode())
    count += 1

def busy():
    while not stopping.is_set():
        log("busy")
        time.sleep(0.001)

thread = threading.Thread(target=busy)

async def application(scope, receive, send):
    assert scope["type"] == "lifespan"
    while (await receive())["type"] == "lifespan.startup":
        thread.start()
        await send({"type": "lifespan.startup.complete"})
    stopping.set()
    thread.join()
    for _ in range(4):
        log("stopping")
    await send({"type": "lifespan.shutdown.complete"})
    log("stopped")
"""

SERVERS = {
    "uvicorn": ("uvicorn", ["-m", "uvicorn", "--workers", "4", "--port", "PORT", "application:application"]),
    "gunicorn": (
        "uvicorn_worker",
        ["-m", "gunicorn", "-w", "4", "-k", "uvicorn_worker.UvicornWorker", "-b", "127.0.0.1:PORT",
         "application:application"],
    ),
    "hypercorn": ("hypercorn", ["-m", "hypercorn", "-w", "4", "-b", "127.0.0.1:PORT", "application:application"]),
}  # fmt: skip


def calls(here: Path) -> Counter[str]:
    """What the workers know to have logged."""
    return Counter(line for path in here.glob("calls-*.txt") for line in path.read_text().splitlines())


def written(here: Path) -> Counter[str]:
    """What is in the file."""
    return Counter((here / "app.log").read_text().splitlines())


def is_complete(here: Path) -> bool:
    """Whether every call that has returned is in the file."""
    return not calls(here) - written(here)


def all_log(here: Path) -> bool:
    """Whether all workers have logged some time."""
    return sum(path.stat().st_size > 4000 for path in here.glob("calls-*.txt")) >= 4


def is_gone(group: int) -> bool:
    """Whether no process of the server is left."""
    return not members(group)


@pytest.mark.parametrize("server", SERVERS)
def test_last_lines(program: Program, server: str) -> None:
    """Every call that returned is in the file when the server has stopped, once, without another start."""
    module, command = SERVERS[server]
    pytest.importorskip(module)
    scripts = program.script(APPLICATION, "application.py").parent
    for stop in range(STOPS):
        here = program.here / f"{stop}.txt"
        here.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        environment = program.environment()
        environment["PYTHONPATH"] += os.pathsep + str(scripts)
        with (here / "said.txt").open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, *(word.replace("PORT", port) for word in command)],
                cwd=here, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True,
            )  # fmt: skip
        try:
            log_enough = functools.partial(all_log, here)
            wait_until(log_enough, "all have logged enough to have met the others", 60)
            process.send_signal(signal.SIGTERM)
            process.wait(60)
            wait_until(functools.partial(is_gone, process.pid), "nobody is left", 60)
        finally:
            for each in members(process.pid):
                os.kill(each, signal.SIGKILL)
            process.wait()
        wanted = calls(here)
        # What all of them left that were killed at once their guard writes, which sees the end of the last one.
        wait_until(functools.partial(is_complete, here), f"all is written in {here}")
        found = written(here)
        assert max(found.values()) == 1
        # A worker that a signal ended between its call and its note has one more.
        assert (found - wanted).total() <= 4, list(found - wanted)[:9]
        assert sum("stopped" in line for line in wanted) >= (1 if server == "hypercorn" else 4)
        wait_until(
            lambda: not program.runtime_entries(), lambda: f"no session is left; {program.runtime_entries()} are"
        )
