"""uvicorn and Hypercorn with their integrations: their records and the application's, from all of their workers."""

from __future__ import annotations

import json
import os
import re
import signal
from collections import Counter

import pytest
from programs import Program, Running, read_log
from serving import ASGI, Clients, answer, free_port, ledger, trouble, wait_for_server

ANSWERS = 5000

APPLICATION = (
    """
import os
from mplog import logger

if "worker" in os.environ["SINKS"]:
    logger.remove()
    logger.add("app.log", rotation="200 KB", compression="gz", format="{level} {name} {process.id} {message}")
    logger.add("all.json.log", serialize=True)
"""
    + ASGI
)

UVICORN = """
import os, sys
import uvicorn
from mplog import logger
from mplog.integrations.uvicorn import LOG_CONFIG

if __name__ == "__main__":
    if "supervisor" in os.environ["SINKS"]:
        logger.remove()
        logger.add("app.log", rotation="200 KB", compression="gz", format="{level} {name} {process.id} {message}")
        logger.add("all.json.log", serialize=True)
    uvicorn.run("application:application", port=int(sys.argv[1]), workers=3, log_config=LOG_CONFIG)
"""

HYPERCORN = """
import sys
from hypercorn.config import Config
from hypercorn.run import run
from mplog.integrations import hypercorn

if __name__ == "__main__":
    config = Config()
    config.application_path = "application:application"
    config.bind = [f"127.0.0.1:{sys.argv[1]}"]
    config.workers = 3
    config.accesslog = "-"
    config.logger_class = hypercorn.Logger
    config.graceful_timeout = 1
    sys.exit(run(config))
"""


def serve(program: Program, server: str, sinks: str) -> tuple[Running, int]:
    """Start one; its port."""
    port = free_port()
    program.script(APPLICATION, "application.py")
    running = program.start(server, port, environment={"SINKS": sinks}, warnings="ignore")
    wait_for_server(running, port)
    return running, port


def stop(program: Program, running: Running) -> str:
    """End it; what it had said."""
    os.kill(running.process.pid, signal.SIGTERM)
    ended = running.wait(within=10)
    program.leaves_nothing()
    assert ended.status in (0, -signal.SIGTERM), ended
    return ended.said


def check(program: Program, clients: Clients) -> list[str]:
    """Every request that was noted or answered is in the log once; its lines."""
    lines = read_log(program.here)
    found = Counter(line.rpartition(" ")[2] for line in lines if re.match(r"INFO application \d+ request ", line))
    assert max(found.values()) == 1
    assert ledger(program) <= set(found)
    assert {str(number) for number in clients.answered} <= set(found)
    return lines


@pytest.mark.parametrize("sinks", ["supervisor", "workers"])
def test_uvicorn(program: Program, sinks: str) -> None:
    """Its workers are killed and replaced; the last line of each that stops is there."""
    running, port = serve(program, UVICORN, sinks)
    clients = Clients(port, ANSWERS)
    assert set(trouble(running, clients, [], seed=len(sinks)))
    clients.wait()
    said = stop(program, running).splitlines()
    # A supervisor without sinks has mplog's own one.
    assert [line for line in said if sinks == "supervisor" or " | uvicorn.error:" not in line] == []
    lines = check(program, clients)
    stopped = [line.split()[2] for line in lines if line.endswith("Waiting for application shutdown.")]
    assert stopped
    for pid in stopped:
        assert f"INFO application {pid} last line of {pid}" in lines
    (access,) = (
        record
        for line in (program.here / "all.json.log").read_text().splitlines()
        if (record := json.loads(line)["record"])["name"] == "uvicorn.access"
        and record["extra"]["path"] == f"/{clients.answered[0]}"
    )
    remote = access["extra"].pop("remote")
    assert re.fullmatch(r"127\.0\.0\.1:\d+", remote)
    number = clients.answered[0]
    assert access["message"] == f'{remote} - "GET /{number} HTTP/1.1" 200'
    assert access["extra"] == {
        "method": "GET", "path": f"/{number}", "query": "", "protocol": "HTTP/1.1", "status": 200,
        "request_id": f"id-{number}",
    }  # fmt: skip


def test_hypercorn(program: Program) -> None:
    """The same of one that ends when a worker is killed; its access records have fields."""
    running, port = serve(program, HYPERCORN, "workers")
    clients = Clients(port, ANSWERS)
    clients.wait()
    assert answer(port, "/thing?q=1", {"X-Request-ID": "mine"}) is not None
    assert stop(program, running) == ""
    lines = check(program, clients)
    assert sum("Running on http" in line and " hypercorn.error " in line for line in lines) >= 3
    # Those that are slower than the first one Hypercorn ends by a signal.
    assert 1 <= sum("application" in line and "last line of" in line for line in lines) <= 3
    records = [json.loads(line)["record"] for line in (program.here / "all.json.log").read_text().splitlines()]
    (access,) = (each for each in records if each["name"] == "hypercorn.access" and "/thing" in each["message"])
    extra = access["extra"]
    assert 0 <= extra.pop("duration") < 5
    assert extra == {
        "method": "GET", "path": "/thing", "query": "q=1", "status": 200, "remote": "127.0.0.1", "protocol": "HTTP/1.1",
        "request_id": "mine",
    }  # fmt: skip
