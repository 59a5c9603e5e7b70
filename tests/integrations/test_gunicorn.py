"""Gunicorn with `mplog.integrations.gunicorn`: its records and the application's, whatever happens to its workers."""

from __future__ import annotations

import functools
import json
import os
import re
import signal
from collections import Counter
from pathlib import Path

import pytest
from programs import Program, Running, read_log, wait_until
from serving import ASGI, Clients, answer, free_port, ledger, trouble, wait_for_server, workers_of

ANSWERS = 5000
EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples" / "gunicorn"

CONFIGURATION = """
from mplog.integrations import gunicorn

logger_class = gunicorn.Logger
accesslog = "-"
bind = "127.0.0.1:{port}"
workers = 3
graceful_timeout = 2
control_socket_disable = True
{more}
gunicorn.add("app.log", rotation="100 KB", compression="gz", format="{{level}} {{name}} {{process.id}} {{message}}")
gunicorn.add("all.json.log", serialize=True)
"""

WSGI = """
import os
from mplog import logger
from mplog.integrations import wsgi

def application(environ, start_response):
    number = environ["PATH_INFO"][1:]
    logger.info("request {}", number)
    fd = os.open(f"calls-{os.getpid()}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(fd, number.encode() + b"\\n")
    os.close(fd)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"answer"]

application = wsgi.Middleware(application)
"""

RUN = """
import os, sys
from gunicorn.app.wsgiapp import run

place = os.path.dirname(os.path.abspath(__file__))
if "-c" not in sys.argv:  # A second arbiter is started with what the first one had.
    sys.argv[1:1] = ["-c", f"{place}/gunicorn.conf.py", "--pythonpath", place, "application:application"]
sys.exit(run())
"""


def serve(program: Program, *arguments: str, source: str = WSGI, more: str = "") -> tuple[Running, int]:
    """Start Gunicorn; its port."""
    port = free_port()
    program.script(CONFIGURATION.format(port=port, more=more), "gunicorn.conf.py")
    program.script(source, "application.py")
    running = program.start(RUN, *arguments, warnings="ignore")
    wait_for_server(running, port)
    return running, port


def stop(running: Running, how: signal.Signals = signal.SIGTERM) -> str:
    """End it; what it had said."""
    os.kill(running.process.pid, how)
    ended = running.wait(within=10)
    assert ended.status == 0, ended
    return ended.said


def records(path: Path) -> list[dict[str, object]]:
    """The records of a log in JSON."""
    return [json.loads(line)["record"] for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    ("worker", "preload", "source"),
    [
        ("sync", False, WSGI),
        ("gthread", True, WSGI),
        ("gevent", False, WSGI),
        ("uvicorn_worker.UvicornWorker", False, ASGI),
    ],
    ids=["sync", "gthread preloaded", "gevent", "uvicorn"],
)
def test_every_request_is_in_the_log_once(program: Program, worker: str, preload: bool, source: str) -> None:
    """Workers are killed, recycled, reloaded, added and taken away; each kill is said by the arbiter."""
    more = f"max_requests = 400\nworker_class = {worker!r}\nthreads = {4 if worker == 'gthread' else 1}"
    running, port = serve(program, *(["--preload"] if preload else []), source=source, more=more)
    clients = Clients(port, ANSWERS)
    signals = [signal.SIGHUP, signal.SIGUSR1, signal.SIGTTIN, signal.SIGHUP, signal.SIGTTOU, signal.SIGUSR1]
    acts = [functools.partial(os.kill, running.process.pid, number) for number in signals]
    killed = set(trouble(running, clients, acts, seed=len(worker)))
    clients.wait()
    assert killed
    assert stop(running) == ""
    program.leaves_nothing()
    lines = read_log(program.here)
    found = Counter(line.rpartition(" ")[2] for line in lines if re.match(r"INFO application \d+ request ", line))
    assert max(found.values()) == 1
    noted = ledger(program)
    assert noted <= set(found)
    assert {str(number) for number in clients.answered} <= set(found)
    said = "\n".join(line for line in lines if re.match(r"\w+ (gunicorn|uvicorn).error ", line))
    for pid in killed:
        # One that had ended by itself just then had said so.
        by_itself = rf"{pid} Worker exiting|uvicorn.error {pid} Finished"
        killed_it = rf"ERROR gunicorn.error {running.process.pid} Worker \(pid:{pid}\) was sent SIGKILL"
        assert re.search(f"{killed_it}|{by_itself}", said), pid
    assert "was sent SIGKILL" in said
    names = sorted(path.name for path in program.here.glob("app*.log*"))
    assert len(names) > 1, names


def test_an_access_record_has_fields(program: Program) -> None:
    """And the text that Gunicorn's own log has; the request's id is on it and on the application's records."""
    running, port = serve(program, more='access_log_format = "%(m)s %(U)s -> %(s)s"')
    response = answer(port, "/thing?q=1", {"X-Request-ID": "mine", "User-Agent": "me", "Referer": "there"})
    assert response is not None
    assert response.headers["X-Request-ID"] == "mine"
    assert stop(running) == ""
    found = [each for each in records(program.here / "all.json.log") if each["extra"].get("request_id") == "mine"]  # type: ignore[attr-defined]  # JSON
    (ours, access) = found
    assert (ours["name"], ours["message"]) == ("application", "request thing")
    assert (access["name"], access["message"]) == ("gunicorn.access", "GET /thing -> 200")
    extra = access["extra"]
    assert isinstance(extra, dict)
    assert 0 < extra.pop("duration") < 5
    assert extra == {
        "method": "GET", "path": "/thing", "query": "q=1", "status": 200, "bytes": 6, "remote": "127.0.0.1",
        "protocol": "HTTP/1.1", "referer": "there", "user_agent": "me", "request_id": "mine",
    }  # fmt: skip


@pytest.mark.parametrize("worker", ["sync", "gthread", "asgi", "uvicorn_worker.UvicornWorker"])
def test_every_kind_of_worker_has_access_records_with_fields(program: Program, worker: str) -> None:
    """Also with an id that the middleware has made."""
    is_asgi = worker in ("asgi", "uvicorn_worker.UvicornWorker")
    running, port = serve(program, source=ASGI if is_asgi else WSGI, more=f"worker_class = {worker!r}\nworkers = 1")
    response = answer(port, "/thing?q=1")
    assert response is not None
    made = response.headers["X-Request-ID"]
    assert stop(running) == ""
    access = [
        each["extra"]
        for each in records(program.here / "all.json.log")
        if str(each["name"]).endswith(".access") and "/thing" in str(each["message"])
    ]
    assert len(access) == 1
    extra = access[0]
    assert isinstance(extra, dict)
    parts = {name: extra.get(name) for name in ("method", "path", "query", "status", "request_id")}
    assert parts == {"method": "GET", "path": "/thing", "query": "q=1", "status": 200, "request_id": made}


WRITES = """
def application(environ, start_response):
    environ["wsgi.errors"].write("one line\\nand another")
    environ["wsgi.errors"].flush()
    if environ["PATH_INFO"] == "/fails":
        raise ZeroDivisionError("in the application")
    start_response("200 OK", [])
    return [b""]
"""


def test_what_an_application_writes_to_the_error_log(program: Program) -> None:
    """`wsgi.errors` of a path is that path's, line by line, and so is the traceback of an error."""
    running, port = serve(program, source=WRITES, more='errorlog = "error.log"')
    answer(port, "/fails")
    assert stop(running) == ""
    lines = (program.here / "error.log").read_text().splitlines()
    assert any(line.endswith("[ERROR] one line") for line in lines), lines
    assert any(line.endswith("[ERROR] and another") for line in lines)
    assert any("ZeroDivisionError: in the application" in line for line in lines)


def test_uvicorns_records_are_in_the_paths(program: Program) -> None:
    """Those of a worker that gives its records to Gunicorn's handlers."""
    more = 'worker_class = "uvicorn_worker.UvicornWorker"\naccesslog = "access.log"\nerrorlog = "error.log"'
    running, port = serve(program, source=ASGI, more=more)
    assert answer(port, "/thing") is not None
    assert stop(running) == ""
    assert '"GET /thing HTTP/1.1" 200' in (program.here / "access.log").read_text()
    assert "Started server process" in (program.here / "error.log").read_text()


def test_logging_configured_beside(program: Program) -> None:
    """A `logconfig_dict` without a word about Gunicorn's loggers leaves their records to mplog, too."""
    more = 'logconfig_dict = {"version": 1, "root": {"level": "INFO", "handlers": []}}'
    running, port = serve(program, more=more)
    assert answer(port, "/thing") is not None
    stop(running)
    text = (program.here / "app.log").read_text()
    assert "gunicorn.error" in text
    assert "gunicorn.access" in text


REFUSED = """
gunicorn.add("new.log")
gunicorn.add("wrong.log", rotation="x y")
"""


def test_a_refused_configuration(program: Program) -> None:
    """Its sinks go with it, and those of the one before stay."""
    running, port = serve(program)
    path = program.script(CONFIGURATION.format(port=port, more=""), "gunicorn.conf.py")
    path.write_text(path.read_text().replace("gunicorn.add(", "(lambda *_, **__: None)(") + REFUSED)
    os.kill(running.process.pid, signal.SIGHUP)
    log = program.here / "app.log"
    wait_until(lambda: "previous" in log.read_text() or "cannot be opened" in log.read_text(), "it is refused")
    assert answer(port, "/after") is not None
    wait_until(lambda: "request after" in log.read_text(), "the sinks are those of before")
    stop(running)


def test_gunicorns_own_settings(program: Program) -> None:
    """`loglevel`, no access log, and paths, which get their records and no others."""
    more = 'accesslog = "access.log"\nerrorlog = "error.log"\nloglevel = "warning"'
    running, port = serve(program, more=more)
    assert answer(port, "/thing") is not None
    wait_until(lambda: "/thing" in (program.here / "access.log").read_text(), "it is logged when it was answered")
    (worker, *_) = workers_of(running)
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: "SIGKILL" in (program.here / "error.log").read_text(), "it is said")
    assert stop(running) == ""
    access = (program.here / "access.log").read_text().splitlines()
    assert all(re.fullmatch(r'127\.0\.0\.1 - - \[.+\] "GET /\w+ HTTP/1.1" 200 6 "-" "-"', line) for line in access)
    assert any("/thing" in line for line in access)
    error = (program.here / "error.log").read_text().splitlines()
    assert error
    assert all(re.fullmatch(r"\[[\d: +-]+\] \[\d+\] \[(WARNING|ERROR)\] Worker .+", line) for line in error), error


def test_a_configuration_that_is_read_again(program: Program) -> None:
    """What is new in it is opened, what is gone is closed, and what has stayed is neither."""
    running, port = serve(program)
    path = program.script(CONFIGURATION.format(port=port, more=""), "gunicorn.conf.py")
    before = path.read_text()
    one, two = (program.here / name for name in ("one.log", "two.log"))
    path.write_text(before + '\ngunicorn.add("one.log", mode="w", format="{message}")\n')
    os.kill(running.process.pid, signal.SIGHUP)
    wait_until(lambda: one.exists() and answer(port, "/a") is not None and "request a" in one.read_text(), "it is new")
    path.write_text(path.read_text() + '\ngunicorn.add("two.log", format="{message}")\n')
    os.kill(running.process.pid, signal.SIGHUP)
    wait_until(lambda: two.exists() and answer(port, "/b") is not None and "request b" in two.read_text(), "the next")
    assert {"request a", "request b"} <= set(one.read_text().splitlines())
    path.write_text(before)
    os.kill(running.process.pid, signal.SIGHUP)

    def has_ended() -> bool:
        assert answer(port, "/c") is not None
        count = len(one.read_text())
        return answer(port, "/d") is not None and len(one.read_text()) == count

    wait_until(has_ended, "what is not named is closed")
    assert stop(running) == ""


def test_a_daemon(program: Program) -> None:
    """The sinks are the daemon's, and nobody says that an owner has gone."""
    port = free_port()
    program.script(CONFIGURATION.format(port=port, more='pidfile = "pid.txt"'), "gunicorn.conf.py")
    program.script(WSGI, "application.py")
    started = program.start(RUN, "--daemon", warnings="ignore").wait()
    assert (started.status, started.said) == (0, "")
    number = program.here / "pid.txt"
    wait_until(number.exists, "it runs", within=30)
    pid = int(number.read_text())
    try:
        wait_until(lambda: answer(port, "/thing") is not None, "it answers", within=30)
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not Path(f"/proc/{pid}").exists(), "it has ended")
    lines = (program.here / "app.log").read_text().splitlines()
    assert sum("request thing" in line for line in lines) == 1
    assert any(f"gunicorn.error {pid} Starting gunicorn" in line for line in lines)


def test_the_example_of_the_documentation(program: Program) -> None:
    """The files of the page do what it shows."""
    for name in ("gunicorn.conf.py", "application.py"):
        more = "\ncontrol_socket_disable = True\n" if name == "gunicorn.conf.py" else ""
        program.script((EXAMPLES / name).read_text() + more, name)
    port = free_port()
    running = program.start(RUN, "-b", f"127.0.0.1:{port}", "-w", "1", warnings="ignore")
    wait_for_server(running, port)
    assert answer(port, "/thing", {"X-Request-ID": "a1", "User-Agent": "curl/7.88.1"}) is not None
    wait_until(lambda: "GET /thing" in (program.here / "app.log").read_text(), "it is logged when it was answered")
    assert stop(running) == ""
    page = (EXAMPLES.parents[1] / "how-to" / "gunicorn.md").read_text()
    shown = page.partition("<!-- log: gunicorn -->\n```text\n")[2].partition("```")[0]
    lines = [line for line in shapes((program.here / "app.log").read_text()) if "/first" not in line]
    assert shapes(shown) == lines[: len(shown.splitlines())]


def shapes(text: str) -> list[str]:
    """Lines without what differs from run to run: times, numbers of processes and ports, Gunicorn's version."""
    text = re.sub(r"(?m)^[\d:.]{12} ", "TIME ", text)
    text = re.sub(r"\[\d\d/.*?\]", "[DATE]", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
    text = re.sub(r"(?<=gunicorn )\d[\d.]+", "VERSION", text)
    return re.sub(r"(?<=[ (])\d{2,7}(?=[ )\n])(?! 6)", "PID", text).splitlines()


def test_a_second_arbiter(program: Program) -> None:
    """USR2 starts it beside the first, which then ends: both write the file, and each request is in it once."""
    running, port = serve(program, more='pidfile = "pid.txt"')
    clients = Clients(port, 1000)
    number = program.here / "pid.txt.2"
    os.kill(running.process.pid, signal.SIGUSR2)
    wait_until(number.exists, "there is a second one", within=30)
    second = int(number.read_text())
    try:
        log = program.here / "app.log"
        wait_until(lambda: f"{second} Using worker" in log.read_text(), "it serves", within=30)
        os.kill(running.process.pid, signal.SIGTERM)
        assert running.wait().status == 0
        clients.wait()
        assert answer(port, "/last") is not None
    finally:
        os.kill(second, signal.SIGTERM)
    program.leaves_nothing()
    found = Counter(line.rpartition(" ")[2] for line in read_log(program.here) if " application " in line)
    assert max(found.values()) == 1
    assert ledger(program) | {"last"} <= set(found)


QUIET = """
from mplog import logger
from mplog.integrations import wsgi

def application(environ, start_response):
    logger.info("request {}", environ["PATH_INFO"][1:])
    start_response("200 OK", [])
    return [b""]

application = wsgi.Middleware(application)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_workers_of_another_user(program: Program) -> None:
    """They need no right to the file, which is the arbiter's."""
    running, port = serve(program, "--preload", source=QUIET, more='user = "nobody"')
    assert answer(port, "/thing") is not None
    (worker, *_) = workers_of(running)
    assert os.stat(f"/proc/{worker}").st_uid == 65534
    assert stop(running) == ""
    log = program.here / "app.log"
    assert sum("request thing" in line for line in log.read_text().splitlines()) == 1
    assert log.stat().st_uid == 0


def test_a_worker_that_hangs(program: Program) -> None:
    """Its end is said by the arbiter, with the level of an error."""
    hangs = WSGI.replace(
        '    start_response("200 OK"', '    while number == "hang":\n        pass\n    start_response("200 OK"'
    )
    assert hangs != WSGI
    running, port = serve(program, source=hangs, more="timeout = 1")
    answer(port, "/hang")
    log = program.here / "app.log"
    wait_until(lambda: "WORKER TIMEOUT" in log.read_text(), "it is said", within=20)
    assert stop(running) == ""
    assert re.search(rf"^CRITICAL gunicorn.error {running.process.pid} WORKER TIMEOUT", log.read_text(), re.MULTILINE)


def test_wrong_options_end_the_start(program: Program) -> None:
    """With the text that says what is wrong."""
    wrong = CONFIGURATION.format(port=free_port(), more="gunicorn.add('a.log', rotation='x y')")
    program.script(wrong, "gunicorn.conf.py")
    program.script(WSGI, "application.py")
    ended = program.start(RUN, warnings="ignore").wait()
    assert ended.status != 0
    assert "ValueError" in ended.said
    assert "x y" in ended.said
