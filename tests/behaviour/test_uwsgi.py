"""The real uWSGI: it embeds Python, loads the application once, and forks its workers without any hook of Python's.

Not among what `mplog[test]` installs, for it is built from source: `pip install uwsgi`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from programs import FULL, Program, Running, wait_until

SERVER = Path(sys.executable).with_name("uwsgi")

pytestmark = pytest.mark.skipif(not SERVER.exists(), reason="uWSGI is not installed")

ROUNDS, CLIENTS, REQUESTS = 10 if FULL else 2, 4, 30

APPLICATION = """
    import os
    from mplog import logger

    logger.remove()
    logger.add("app.log", rotation="4 KB", format="{process.id} {message}")
    logger.info("{} loaded 0", os.getpid())

    def application(environment, start_response):
        for line in range(3):
            logger.info("{} {} {}", os.getpid(), environment["QUERY_STRING"], line)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(os.getpid()).encode()]
"""

START = """
    import os, sys
    os.execv(sys.argv[1], sys.argv[1:])
"""


def ask(running: Running, query: str) -> str:
    """One request; the number of the process that has served it."""
    with socket.socket(socket.AF_UNIX) as connection:
        place = os.open(running.here, os.O_RDONLY)
        try:
            connection.connect(f"/proc/self/fd/{place}/socket.txt")  # The path itself may be too long for a socket.
        finally:
            os.close(place)
        connection.settimeout(30)
        connection.sendall(f"GET /?{query} HTTP/1.0\r\n\r\n".encode())
        answer = b""
        while more := connection.recv(4096):
            answer += more
    return answer.partition(b"\r\n\r\n")[2].decode()


def answers(running: Running) -> bool:
    """Whether the server is ready."""
    try:
        return bool(ask(running, "first"))
    except OSError:
        return False


def stop(running: Running) -> None:
    """Ask the server to end. uWSGI answers before its master listens, and forgets a signal that comes in between."""
    for _ in range(30):
        running.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.process.wait(1)
            return


@pytest.mark.parametrize("number", range(ROUNDS))
def test_every_request_is_in_the_log_once(program: Program, number: int) -> None:
    """A master and four workers that rotate one file all the time: each line once, with the number of its process."""
    running = program.start(
        START,
        SERVER,
        *("--master", "--processes", "4", "--die-on-term", "--disable-logging", "--need-app"),
        *("--virtualenv", sys.prefix, "--http-socket", "socket.txt"),
        *("--wsgi-file", program.script(APPLICATION, f"application{number}.py")),
    )
    wait_until(lambda: answers(running), "the server is ready", within=30)
    served: Counter[str] = Counter()

    def work(client: int) -> None:
        for request in range(REQUESTS):
            process = ask(running, f"{client}.{request}")
            served.update(f"{process} {client}.{request} {line}" for line in range(3))

    clients = [threading.Thread(target=work, args=(client,)) for client in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    stop(running)
    ended = running.wait()
    program.leaves_nothing()

    assert "mplog:" not in ended.said
    assert served.total() == 3 * CLIENTS * REQUESTS
    lines = [line.split(" ", 1) for line in ended.log()]
    assert all(message.startswith(f"{process} ") for process, message in lines)
    assert Counter(message for _, message in lines if "first" not in message and "loaded" not in message) == served
    assert len([message for _, message in lines if "loaded" in message]) == 1
    assert len(list(ended.here.glob("app.*.log"))) >= 1
