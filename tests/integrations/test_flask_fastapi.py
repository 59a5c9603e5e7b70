"""Flask and FastAPI, as their page shows them, under the servers that it names."""

from __future__ import annotations

import functools
import os
import re
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from programs import Program, Running, read_log, wait_until
from serving import Clients, answer, free_port, ledger, trouble, wait_for_server, workers_of

ANSWERS = 500
EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"

NOTE = """

def note(number):
    fd = os.open(f"calls-{os.getpid()}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(fd, number.encode() + b"\\n")
    os.close(fd)
"""

FLASK = (EXAMPLES / "flask" / "application.py").read_text()
FLASK_NUMBERED = """
@app.get("/<number>")
def numbered(number):
    app.logger.info("request %s", number)
    note(number)
    return "answer"
"""

FASTAPI = (EXAMPLES / "fastapi" / "application.py").read_text()
FASTAPI_NUMBERED = """
def in_the_background(number):
    log.info("background %s", number)
    note(f"background-{number}")

@app.get("/{number}")
async def numbered(number: str, tasks: BackgroundTasks):
    log.info("request %s", number)
    note(number)
    tasks.add_task(in_the_background, number)
    return "answer"
"""

FLASK_RUN = """
import sys
from flask.cli import main

sys.modules["watchdog"] = None  # Not the kernel's queue of changes, which runs over when other tests make many files.
sys.argv[1:1] = ["--app", f"{sys.path[0]}/application.py", "run"]
main()
"""

GUNICORN = """
import sys
from gunicorn.app.wsgiapp import run

sys.argv[1:1] = ["-c", f"{sys.path[0]}/gunicorn.conf.py", "--pythonpath", sys.path[0], "application:app"]
sys.exit(run())
"""

GUNICORN_CONFIGURATION = """
from mplog.integrations import gunicorn

logger_class = gunicorn.Logger
workers = 3
graceful_timeout = 2
preload_app = True
control_socket_disable = True
"""

UVICORN = """
import sys
from uvicorn import main
from mplog.cli import main as mplog

if __name__ == "__main__":
    configuration = f"{sys.path[0]}/log.json"
    with open(configuration, "w") as sys.stdout:
        mplog(["integrations", "uvicorn"])
    sys.stdout = sys.__stdout__
    main(["--app-dir", sys.path[0], "--log-config", configuration, *sys.argv[1:], "application:app"])
"""


def start(program: Program, kind: str, application: str, *more: str) -> tuple[Running, int]:
    """A server with *application*; its port."""
    port = free_port()
    program.script(application, "application.py")
    if kind == "flask run":
        running = program.start(FLASK_RUN, "-p", port, *more, warnings="ignore")
    elif kind == "gunicorn":
        program.script(GUNICORN_CONFIGURATION, "gunicorn.conf.py")
        running = program.start(GUNICORN, "-b", f"127.0.0.1:{port}", *more, warnings="ignore")
    else:
        running = program.start(UVICORN, "--port", port, *more, warnings="ignore")
    wait_for_server(running, port)
    return running, port


def stop(program: Program, running: Running, kind: str) -> list[str]:
    """End it; what it had said, but for what the first process of uvicorn says, which has no sinks."""
    if kind == "flask run":
        os.killpg(running.process.pid, signal.SIGTERM)  # The first process would kill the one that serves.
    else:
        os.kill(running.process.pid, signal.SIGTERM)
    ended = running.wait(within=10)
    program.leaves_nothing()
    return [line for line in ended.said.splitlines() if kind != "uvicorn" or " | uvicorn.error:" not in line]


def change(program: Program, running: Running, port: int) -> None:
    """Put another application in its place until the reloader has noticed, and it answers again."""
    path, before, written = program.here.parent / "scripts" / "application.py", set(workers_of(running)), -10.0

    def is_another() -> bool:
        nonlocal written
        if time.monotonic() - written > 10:  # Perhaps it had not yet looked before.
            new = program.script(path.read_text() + "# changed\n", "new.py")
            new.replace(path)
            written = time.monotonic()
        return not set(workers_of(running)) <= before

    wait_until(is_another, "it serves in another process", within=30)
    wait_for_server(running, port)


@pytest.mark.parametrize("kind", ["flask run", "gunicorn", "uvicorn"])
def test_every_request_is_in_the_log_once(program: Program, kind: str) -> None:
    """Workers are killed and reloaded, `flask run --debug` sees changed files; so is each task in the background."""
    example, numbered = (FASTAPI, FASTAPI_NUMBERED) if kind == "uvicorn" else (FLASK, FLASK_NUMBERED)
    source = re.sub(
        r"    format=.*\n", '    format="{level} {name} {process.id} {extra[request_id]} {message}",\n', example
    )
    source = source.replace('rotation="10 MB"', 'rotation="10 KB"').replace("    retention=5,\n", "")
    assert "10 KB" in source
    more = {"flask run": ["--debug"], "uvicorn": ["--workers", "3"]}.get(kind, [])
    running, port = start(program, kind, f"import os\n{source}{NOTE}{numbered}", *more)
    clients = Clients(port, ANSWERS)
    acts: list[Any] = [functools.partial(os.kill, running.process.pid, signal.SIGHUP)]
    if kind == "flask run":
        acts = [functools.partial(change, program, running, port)] * 2
    killed = set(trouble(running, clients, acts if kind != "uvicorn" else [], seed=2))
    clients.wait()
    assert killed or kind == "flask run"
    assert stop(program, running, kind) == []
    lines = read_log(program.here)
    found = Counter(
        (match[1], match[2], match[3])
        for line in lines
        if (match := re.fullmatch(r"INFO application \d+ (\S+) (request|background) (\w+)", line))
    )
    assert max(found.values()) == 1
    said = {f"{'background-' if what == 'background' else ''}{number}" for _, what, number in found}
    assert ledger(program) <= said
    assert {str(number) for number in clients.answered} <= said
    assert all(request_id == f"id-{number}" for request_id, _, number in found if number != "first")
    assert list(program.here.glob("app*.log.gz"))


@pytest.mark.parametrize(("kind", "name"), [("flask run", "flask"), ("uvicorn", "fastapi")])
def test_the_examples_of_the_documentation(program: Program, kind: str, name: str) -> None:
    """The files of the page do what it shows."""
    running, port = start(program, kind, (EXAMPLES / name / "application.py").read_text())
    for request_id, path in (("a1", "things/lamp"), ("a2", "fails")):
        response = answer(port, f"/{path}", {"X-Request-ID": request_id})
        assert response is not None
        assert response.status == (500 if path == "fails" else 200)
        assert response.headers["X-Request-ID"] == request_id
        # The client has its answer first, and background tasks come after the server's own line.
        last = "remembering lamp" if name == "fastapi" and path != "fails" else f"GET /{path} "
        wait_until(lambda last=last: any(last in line for line in running.log()), f"{path} is logged")  # type: ignore[misc]  # bound now on purpose
    assert stop(program, running, kind) == []
    page = (EXAMPLES.parent / "how-to" / "flask-fastapi.md").read_text()
    shown = page.partition(f"<!-- log: {name} -->\n```text\n")[2].partition("```")[0]
    log = "".join(line + "\n" for line in running.log() if "/first" not in line)
    assert shapes(shown) == shapes(log)


def shapes(text: str) -> list[str]:
    """The records without what differs from run to run; of a traceback its last two lines of code, and the error."""
    text = re.sub(r"(?m)^[\d:.]{12} (\w+) +\d+ +", r"TIME \1 PID ", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
    text = re.sub(r"\d\.\d{3} s", "SECONDS", text)
    text = re.sub(r'File ".*?/(application.py)"', r'File "\1"', text)
    text = re.sub(r'(?m)^  File "/.*\n    .*\n', "", text)
    return [line for line in re.sub(r"(?m)^  \.\.\.\n", "", text).splitlines() if " uvicorn.error " not in line]
