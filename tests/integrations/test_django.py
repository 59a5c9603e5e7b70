"""Django with `mplog.integrations.django`: its records and the application's, under every server and by commands."""

from __future__ import annotations

import functools
import json
import os
import re
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from programs import Program, Running, read_log, wait_until
from serving import Clients, answer, free_port, ledger, trouble, wait_for_server, workers_of

ANSWERS = 1000
EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples" / "django"

SETTINGS = """
from mplog import logger
from mplog.integrations import django

SECRET_KEY = "x"
DEBUG = True
ALLOWED_HOSTS = ["127.0.0.1", "testserver"]
ROOT_URLCONF = "urls"
WSGI_APPLICATION = "wsgi.application"
MIDDLEWARE = ["mplog.integrations.django.Middleware", "urls.failing"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
"""

CONFIGURED = """
LOGGING_CONFIG = None
django.configure("app.log", rotation="30 KB", compression="gz", format="{level} {name} {process.id} {message}")
"""

IN_JSON = """
logger.add("all.json.log", serialize=True, level="DEBUG")
"""

URLS = """
import logging, os
from django.core.exceptions import SuspiciousOperation
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path
from mplog import logger

def note(number):
    fd = os.open(f"calls-{os.getpid()}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(fd, number.encode() + b"\\n")
    os.close(fd)

def numbered(request, number):
    logger.info("request {}", number)
    note(number)
    return HttpResponse(b"answer")

async def numbered_async(request, number):
    logger.info("request {}", number)
    note(number)
    return HttpResponse(b"answer")

def fails(request):
    return HttpResponse(1 / 0)

def suspicious(request):
    raise SuspiciousOperation("out of line")

def streams(request):
    def parts():
        logging.getLogger("streams").info("while it is read")
        yield b"part"
    return StreamingHttpResponse(parts())

async def streams_async(request):
    async def parts():
        logging.getLogger("streams").info("while it is awaited")
        yield b"part"
        logging.getLogger("streams").info("to its end")
    return StreamingHttpResponse(parts())

def failing(get_response):
    def middleware(request):
        if request.path == "/middleware":
            raise LookupError("in a middleware")
        return get_response(request)
    return middleware

def started(request):
    return HttpResponse(b"answer")

urlpatterns = [
    path("fails", fails), path("suspicious", suspicious), path("streams", streams),
    path("streams_async", streams_async), path("first", started),
    path("async/<number>", numbered_async), path("<number>", numbered),
]
"""

WSGI = (EXAMPLES / "wsgi.py").read_text()
ASGI = WSGI.replace("wsgi", "asgi")
MANAGE = (EXAMPLES / "manage.py").read_text()


def project(program: Program, settings: str) -> None:
    """The modules of a project."""
    for name, source in {"settings": settings, "urls": URLS, "wsgi": WSGI, "asgi": ASGI}.items():
        program.script(source, f"{name}.py")


def records(program: Program, **wanted: str) -> list[dict[str, Any]]:
    """Those with such values, from the log in JSON."""
    found = [json.loads(line)["record"] for line in (program.here / "all.json.log").read_text().splitlines()]
    return [each for each in found if all(each[key] == value for key, value in wanted.items())]


ASKS = """
import asyncio, logging, os
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
import django
django.setup()
from django.db import connection
from django.test import AsyncClient, Client

client = Client(raise_request_exception=False)
response = client.get("/17?q=1", headers={"X-Request-ID": "mine"})
assert response.headers["X-Request-ID"] == "mine"
for path in ("fails", "middleware", "suspicious", "nowhere/at/all"):
    client.get(f"/{path}", headers={"X-Request-ID": path})
assert b"".join(client.get("/streams", headers={"X-Request-ID": "stream"}).streaming_content) == b"part"
async def ask():
    client = AsyncClient(raise_request_exception=False)
    response = await client.get("/streams_async", headers={"X-Request-ID": "awaited"})
    assert b"".join([part async for part in response]) == b"part"
    response = await client.get("/async/18", headers={"X-Request-ID": "async"})
    assert response.headers["X-Request-ID"] == "async"
    await client.get("/not/here", headers={"X-Request-ID": "not"})

asyncio.run(ask())
with connection.cursor() as cursor:
    cursor.execute("select 17 + %s", [4])
logging.getLogger("some.library").debug("for those who debug it")
logging.getLogger("some.library").info("for all")
"""

BY_LOGGING = """
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {
        "file": {
            "class": "mplog.integrations.django.Handler",
            "sink": "app.log",
            "backtrace": False,
            "format": "{level} {name} {process.id} {message}",
        }
    },
    "root": {"handlers": ["file"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO"},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
    },
}
"""


@pytest.mark.parametrize("configured", [CONFIGURED, BY_LOGGING], ids=["configure()", "LOGGING"])
def test_django_s_records_have_fields(program: Program, configured: str) -> None:
    """Each comes once, with the id of its request, and with the application's part of a traceback."""
    project(program, SETTINGS + configured + IN_JSON)
    ended = program.run(ASKS)
    (asked,) = records(program, message="request 17")
    assert asked["extra"] == {"request_id": "mine"}
    about = {"method": "GET", "query": "", "remote": "127.0.0.1"}
    (not_found,) = records(program, message="Not Found: /nowhere/at/all")
    assert not_found["name"] == "django.request"
    assert not_found["level"]["name"] == "WARNING"
    assert not_found["extra"] == {**about, "path": "/nowhere/at/all", "status": 404, "request_id": "nowhere/at/all"}
    (failed,) = records(program, message="Internal Server Error: /fails")
    assert failed["extra"] == {**about, "path": "/fails", "status": 500, "request_id": "fails"}
    (suspicious,) = records(program, name="django.security.SuspiciousOperation")
    assert suspicious["extra"] == {**about, "path": "/suspicious", "status": 400, "request_id": "suspicious"}
    assert suspicious["message"] == "out of line"
    (streamed,) = records(program, message="while it is read")
    assert streamed["extra"] == {"request_id": "stream"}
    for message, request_id in (("while it is awaited", "awaited"), ("to its end", "awaited"), ("request 18", "async")):
        (asked,) = records(program, message=message)
        assert asked["extra"] == {"request_id": request_id}
    (not_found,) = records(program, message="Not Found: /not/here")
    assert not_found["extra"] == {**about, "path": "/not/here", "status": 404, "request_id": "not"}
    assert records(program, name="django.db.backends") == []
    assert [each["message"] for each in records(program, name="some.library")] == ["for all"]
    text = "\n".join(ended.log())
    shown = re.findall(r"Traceback .*?\n(?=\w+Error: |[\w.]+Operation: )", text, re.DOTALL)
    first = [re.findall(r'File "(.*?)", line \d+, in (\w+)', each)[0] for each in shown]
    assert [(Path(file).name, function) for file, function in first] == [
        ("urls.py", "fails"),
        ("urls.py", "middleware"),
        ("urls.py", "suspicious"),
    ]
    assert text.count("Not Found: /nowhere/at/all") == 1
    # A sink that shows callers, which is what sinks do unless they are told otherwise, shows none of the framework's.
    for line in (program.here / "all.json.log").read_text().splitlines():
        assert "/django/" not in json.loads(line)["text"], line


LEVELS = """
LOGGING_CONFIG = None
django.configure("before.log")
django.configure("app.log", level="WARNING", levels={"django.db.backends": "DEBUG"}, format="{name} {message}")
"""


def test_levels_by_name(program: Program) -> None:
    """What is asked of the database has its duration, and not its text twice; a second call replaces the first."""
    project(program, SETTINGS + LEVELS + IN_JSON)
    ended = program.run(ASKS)
    (asked,) = records(program, name="django.db.backends")
    assert re.fullmatch(r"\(\d\.\d{3}\) select 17 \+ 4; args=[\[(]4,?[\])]; alias=default", asked["message"])
    assert asked["extra"].keys() == {"duration", "alias"}
    assert "some.library" not in "\n".join(ended.log())
    assert (ended.here / "before.log").read_text() == ""


REFUSED = """
from mplog.integrations import django
for arguments in ({"level": "LOUD"}, {"levels": {"a": 1.5}}, {"rotation": "1 MB"}):
    try:
        django.configure(**arguments)
    except (ValueError, TypeError) as error:
        print(error)
import logging
assert logging.getLogger().handlers == []
"""


def test_what_is_refused(program: Program) -> None:
    """Before anything is changed."""
    said = program.run(REFUSED).output.splitlines()
    assert len(said) == 3
    assert "got 'rotation'. Give it a `sink`" in said[2]


KEEPS = """
import logging

class Keeps(logging.Handler):
    def emit(self, record):
        print(record.request.path, record.status_code, len(record.exc_info))

logging.getLogger().addHandler(Keeps(level="ERROR"))
"""


def test_another_handler_gets_what_django_gave(program: Program) -> None:
    """Mails to administrators, for one, tell about the request."""
    project(program, SETTINGS + CONFIGURED + KEEPS)
    assert program.run(ASKS).output.splitlines()[0] == "/fails 500 3"


def test_commands(program: Program) -> None:
    """Several at once write the file, whole lines, each once."""
    project(program, SETTINGS + CONFIGURED)
    code = "import os; from mplog import logger; [logger.info('line {}', n) for n in range(500)]"
    running = [program.start(MANAGE, "shell", "--no-imports", "-c", code) for _ in range(2)]
    for each in running:
        ended = each.wait()
        assert (ended.status, ended.said) == (0, "")
    program.leaves_nothing()
    found = Counter(line.rpartition("line ")[2] for line in read_log(program.here) if "line " in line)
    assert found == Counter({str(number): 2 for number in range(500)})


GUNICORN = """
import os, sys
from gunicorn.app.wsgiapp import run

place = os.path.dirname(os.path.abspath(__file__))
sys.argv[1:1] = ["-c", f"{place}/gunicorn.conf.py", "--pythonpath", place, "wsgi"]
sys.exit(run())
"""

GUNICORN_CONFIGURATION = """
from mplog.integrations import gunicorn

logger_class = gunicorn.Logger
accesslog = "-"
bind = "127.0.0.1:{port}"
workers = 3
graceful_timeout = 2
control_socket_disable = True
{more}
"""

OF_THE_ARBITER = """
gunicorn.add(
    "app.log", rotation="30 KB", compression="gz", format="{{level}} {{name}} {{process.id}} {{message}}",
    backtrace=False,
)
"""

UVICORN = """
import os, sys
import uvicorn
from mplog.integrations.uvicorn import LOG_CONFIG

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    import django
    django.setup()
    uvicorn.run("asgi:application", port=int(sys.argv[1]), workers=3, log_config=LOG_CONFIG)
"""


def serve(program: Program, kind: str) -> tuple[Running, int]:
    """Start a server; its port."""
    port = free_port()
    project(program, SETTINGS + CONFIGURED)
    if kind.startswith("gunicorn"):
        more = "preload_app = True" if "preloaded" in kind else OF_THE_ARBITER.replace("{{", "{").replace("}}", "}")
        program.script(GUNICORN_CONFIGURATION.replace("{port}", str(port)).replace("{more}", more), "gunicorn.conf.py")
        running = program.start(GUNICORN, warnings="ignore")
    elif kind == "uvicorn":
        running = program.start(UVICORN, port, warnings="ignore")
    else:
        running = program.start(MANAGE, "runserver", port, warnings="ignore")  # Django leaves its child behind.
    wait_for_server(running, port)
    return running, port


def change(program: Program, running: Running, port: int) -> None:
    """Touch a module until `runserver` has noticed, and answers again."""
    path, before = program.here.parent / "scripts" / "urls.py", set(workers_of(running))

    def is_another() -> bool:
        path.touch()
        return not set(workers_of(running)) <= before

    wait_until(is_another, "it serves in another process", within=30)
    wait_for_server(running, port)


@pytest.mark.parametrize("kind", ["gunicorn", "gunicorn preloaded", "uvicorn", "runserver"])
def test_every_request_is_in_the_log_once(program: Program, kind: str) -> None:
    """Workers are killed and reloaded, `runserver` sees changed files; nothing is said on standard error."""
    running, port = serve(program, kind)
    clients = Clients(port, ANSWERS)
    acts: list[Any] = []
    if kind.startswith("gunicorn"):
        acts = [functools.partial(os.kill, running.process.pid, signal.SIGHUP)] * 2
    elif kind == "runserver":
        acts = [functools.partial(change, program, running, port)] * 2
    killed = set(trouble(running, clients, acts, seed=3))
    clients.wait()
    assert killed or kind == "runserver"
    # What `runserver` has started is told by nobody but a terminal.
    stop = signal.SIGINT if kind == "runserver" else signal.SIGTERM
    os.killpg(running.process.pid, stop) if kind == "runserver" else os.kill(running.process.pid, stop)
    ended = running.wait(within=10)
    program.leaves_nothing()
    assert ended.said == ""
    lines = read_log(program.here)
    found = Counter(line.rpartition(" ")[2] for line in lines if re.match(r"INFO urls \d+ request ", line))
    assert max(found.values()) == 1
    assert ledger(program) <= set(found)
    assert {str(number) for number in clients.answered} <= set(found)
    assert len(list(program.here.glob("app*.log.gz"))) > 1
    server = {"gunicorn": "gunicorn.access", "uvicorn": "uvicorn.access", "runserver": "django.server"}[kind.split()[0]]
    said = Counter(
        match[1] for line in lines if (match := re.match(rf'INFO {server} \d+ .*"GET /(\d+) HTTP/1.1" 200\b', line))
    )
    assert max(said.values()) == 1
    if kind == "runserver":
        assert sum("urls.py changed, reloading" in line for line in lines) >= 2


def test_the_example_of_the_documentation(program: Program) -> None:
    """The files of the page do what it shows."""
    for path in EXAMPLES.glob("*.py"):
        program.script(path.read_text(), path.name)
    port = free_port()
    running = program.start(MANAGE, "runserver", port, warnings="ignore")
    wait_for_server(running, port)
    for name, asked in (("a1", "things/lamp"), ("a2", "fails")):
        assert answer(port, f"/{asked}", {"X-Request-ID": name}) is not None
        # The client has its answer first.
        last = f'"GET /{asked} '
        wait_until(lambda last=last: any(last in line for line in running.log()), "it is logged")  # type: ignore[misc]  # bound now on purpose
    os.killpg(running.process.pid, signal.SIGINT)
    running.wait()
    program.leaves_nothing()
    page = (EXAMPLES.parents[1] / "how-to" / "django.md").read_text()
    shown = page.partition("<!-- log: django -->\n```text\n")[2].partition("```")[0]
    log = (program.here / "app.log").read_text().replace(str(program.here.parent / "scripts"), "/srv/shop")
    assert shapes(shown) == [line for line in shapes(log) if "/first" not in line]


def shapes(text: str) -> list[str]:
    """Lines without what differs from run to run: times and numbers of processes."""
    return re.sub(r"(?m)^[\d:.]{12} (\w+) +\d+ +", r"TIME \1 PID ", text).splitlines()
