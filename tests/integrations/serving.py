"""A server under test, and clients that ask it while things happen to it."""

from __future__ import annotations

import http.client
import os
import random
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from programs import Program, Running, members, wait_until

ASGI = """
import os
from mplog import logger
from mplog.integrations import asgi

async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        logger.info("last line of {}", os.getpid())
        await send({"type": "lifespan.shutdown.complete"})
        return
    number = scope["path"][1:]
    logger.info("request {}", number)
    fd = os.open(f"calls-{os.getpid()}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(fd, number.encode() + b"\\n")
    os.close(fd)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"answer"})

application = asgi.Middleware(application)
"""
"""An application that logs the id of each request, and notes it when that call has returned; see `ledger`."""


def free_port() -> int:
    """A port on loopback that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answer(port: int, path: str, headers: dict[str, str] | None = None) -> http.client.HTTPResponse | None:
    """The whole answer to a request; None where there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        response.read()
        return response
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


_BETWEEN = 50
"""Answers between two troubles."""


class Clients:
    """Some threads that ask for `/ID` with running numbers until so many were answered, and remember which."""

    def __init__(self, port: int, answers: int, threads: int = 4) -> None:
        self._port = port
        self._answers = answers
        self._numbers = iter(range(100 * answers))
        self._lock = threading.Lock()
        self.answered: list[int] = []
        self._threads = [threading.Thread(target=self._ask) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def _ask(self) -> None:
        while len(self.answered) < self._answers:
            with self._lock:
                number = next(self._numbers)
            response = answer(self._port, f"/{number}", {"X-Request-ID": f"id-{number}"})
            if response is not None and response.status == 200:
                self.answered.append(number)

    def are_at_work(self) -> bool:
        """Whether there is something still to be asked."""
        return any(thread.is_alive() for thread in self._threads)

    def wait(self) -> None:
        """Until everything is answered."""
        for thread in self._threads:
            thread.join()


def workers_of(running: Running) -> list[int]:
    """The children of a server's first process."""
    found = []
    for pid in members(running.process.pid):
        try:
            parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if parent == running.process.pid:
            found.append(pid)
    return found


def wait_for_server(running: Running, port: int) -> None:
    """Until it answers."""
    wait_until(
        lambda: answer(port, "/first") is not None or running.process.poll() is not None,
        lambda: f"the server answers; it said {running.said_so_far()}",
        within=30,
    )
    assert running.process.poll() is None, running.said_so_far()


def trouble(running: Running, clients: Clients, acts: Sequence[Callable[[], object]], seed: int) -> Iterator[str]:
    """While the clients ask, do one of *acts* every now and then, and kill a worker between; the pids that were killed.

    Each act is done once at least. The pace is that of the answers: however slow the machine is, between two troubles
    the server gets something done.
    """
    chance = random.Random(seed)
    todo = list(acts)
    while clients.are_at_work() or todo:
        wanted = len(clients.answered) + _BETWEEN
        wait_until(
            lambda wanted=wanted: len(clients.answered) >= wanted or not clients.are_at_work(),  # type: ignore[misc]  # bound now on purpose
            lambda: f"there are further answers; the server said {running.said_so_far()}",
            within=60,
        )
        if todo and chance.random() < 0.3:
            todo.pop(0)()
        elif chance.random() < 0.4:
            workers = workers_of(running)
            if len(workers) > 1:
                pid = chance.choice(workers)
                os.kill(pid, signal.SIGKILL)
                yield str(pid)


def ledger(program: Program) -> set[str]:
    """The ids of all requests whose log call has returned, as the application has noted them."""
    return {line for path in program.here.glob("calls-*.txt") for line in path.read_text().split()}
