"""The real uWSGI: it embeds Python, loads the application once, and forks its workers without any hook of Python's.

Not among what `mplog[test]` installs, for it is built from source: `pip install uwsgi`.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from programs import FULL, Program, Running, members, wait_until

ROOT = Path(__file__).resolve().parents[2]
SERVER = Path(sys.executable).with_name("uwsgi")

pytestmark = pytest.mark.skipif(not SERVER.exists(), reason="uWSGI is not installed")

ROUNDS, CLIENTS, REQUESTS, MANY = 10 if FULL else 2, 4, 30, 1250

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


def start(program: Program, application: Path, *options: str) -> Running:
    """Start the server with four workers and wait until it answers."""
    running = program.start(
        START,
        SERVER,
        *("--master", "--processes", "4", "--die-on-term", "--disable-logging", "--need-app"),
        # A worker that is told to end while it starts forgets that, with any application, and is killed after this.
        *("--worker-reload-mercy", "2"),
        *("--virtualenv", sys.prefix, "--http-socket", "socket.txt", *options),
        *("--wsgi-file", application),
    )
    wait_until(lambda: answers(running), "the server is ready", within=30)
    return running


def load(
    running: Running, requests: int = REQUESTS, beside: Callable[[int, int], object] = lambda client, request: None
) -> Counter[str]:
    """Let several clients ask; how many answers came to each query, with the process that gave it."""
    served: Counter[str] = Counter()

    def work(client: int) -> None:
        for request in range(requests):
            with contextlib.suppress(OSError):
                process = ask(running, f"{client}.{request}")
                if process:
                    served[f"{process} {client}.{request}"] += 1
            beside(client, request)

    clients = [threading.Thread(target=work, args=(client,)) for client in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return served


@pytest.mark.parametrize("number", range(ROUNDS))
def test_every_request_is_in_the_log_once(program: Program, number: int) -> None:
    """A master and four workers that rotate one file all the time: each line once, with the number of its process."""
    running = start(program, program.script(APPLICATION, f"application{number}.py"))
    answered = load(running)
    served = Counter({f"{query} {line}": count for query, count in answered.items() for line in range(3)})
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


@pytest.mark.parametrize("threads", [(), ("--enable-threads",), ("--lazy-apps", "--enable-threads")], ids=str)
def test_lines_are_there_while_it_runs(program: Program, threads: tuple[str, ...]) -> None:
    """Whether or not Python's threads may run between requests: nothing waits for the next one, or for the end."""
    running = start(program, program.script(APPLICATION, "application.py"), *threads)
    served = load(running)
    expected = Counter(f"{query} {line}" for query in served for line in range(3))

    def found() -> Counter[str]:
        lines = (line.split(" ", 1)[1] for line in running.log())
        return Counter(line for line in lines if "first" not in line and "loaded" not in line)

    wait_until(lambda: found() == expected, lambda: f"{len(expected - found())} lines are not there yet")
    stop(running)
    assert "mplog:" not in running.wait().said
    program.leaves_nothing()


def test_workers_are_killed_and_recycled_and_the_server_is_reloaded(program: Program) -> None:
    """Each line of each request that was answered is there once, whatever became of its worker afterwards."""
    application = APPLICATION.replace('rotation="4 KB"', 'rotation="50 KB", compression="gz"')
    running = start(program, program.script(application, "application.py"), "--max-requests", "300")
    killed = reloaded = 0

    def disturb(client: int, request: int) -> None:
        nonlocal killed, reloaded
        if client == 0 and request % 100 == 50:
            killed += 1
            workers = [pid for pid in members(running.process.pid) if pid != running.process.pid]
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.kill(max(workers), signal.SIGKILL)
        if client == 0 and request % 400 == 399:
            reloaded += 1
            running.process.send_signal(signal.SIGHUP)

    served = load(running, MANY, disturb)
    begun = time.monotonic()
    stop(running)
    assert time.monotonic() - begun < 6
    ended = running.wait()
    program.wait_for_members()
    # Of what a killed worker has left the others' guard, or the next program, writes the rest.
    program.run("from mplog import logger; logger.remove(); logger.add('app.log', rotation='50 KB')", silent=False)

    lines = Counter(line.split(" ", 1)[1] for line in ended.log() if "loaded" not in line)
    assert killed >= MANY // 100
    assert reloaded >= MANY // 400
    assert len(served) > CLIENTS * MANY * 0.95
    assert not {line: count for line, count in lines.items() if count > 1}
    assert not {f"{query} {line}" for query in served for line in range(3)} - set(lines)


def test_the_example_of_the_page(program: Program) -> None:
    """Its records have the ids of their requests, which the answers have, too."""
    running = start(program, ROOT / "docs" / "examples" / "uwsgi" / "application.py", "--enable-threads")
    assert ask(running, "x") == "found\n"
    stop(running)
    ended = running.wait()
    assert any(re.fullmatch(r"[\d:.]+ \d+ \w+ looking for /", line) for line in ended.log()), ended.log()
    program.leaves_nothing()
