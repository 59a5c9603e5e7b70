"""Celery with `mplog.integrations.celery`: workers of every kind, whose processes are killed, recycled and stopped."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from programs import Program, Running, read_log, wait_until
from serving import ledger, workers_of

TASKS = 5000
EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"

pytestmark = pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs redis-server, of Debian's name")

APPLICATION = """
import os, sys, time
from celery import Celery
from celery.utils.log import get_task_logger
from mplog import logger
from mplog.integrations import celery

app = Celery("jobs", broker=os.environ["BROKER"])
app.conf.worker_hijack_root_logger = False
app.conf.task_acks_late = app.conf.task_reject_on_worker_lost = True
app.conf.broker_connection_retry_on_startup = True
celery.install(app)
logger.remove()
logger.add("app.log", rotation="500 KB", compression="gz", format="{level} {name} {message}")
logger.add("all.json.log", serialize=True)
log = get_task_logger(__name__)

@app.task
def work(number):
    logger.info("request {}", number)
    fd = os.open(f"calls-{os.getpid()}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(fd, f"{number}\\n".encode())
    os.close(fd)

@app.task
def say(text):
    log.warning("by the task's logger: %s", text)
    print(f"printed: {text}\\nand more", end="")
    print(" of it")
    sys.stderr.write("to standard error\\n")
    return "a result"

@app.task(time_limit=1, acks_late=False)
def slow(text):
    logger.info("slow {}", text)
    time.sleep(60)
"""

WORKER = """
import os, sys
from celery.__main__ import main
os.environ["PYTHONPATH"] = os.path.dirname(os.path.abspath(__file__)) + os.pathsep + os.environ["PYTHONPATH"]
sys.argv[1:1] = ["-A", "jobs", "worker"]
sys.exit(main())
"""

SENDS = """
import sys
from jobs import app, say, slow, work
kind, count = sys.argv[1], int(sys.argv[2])
with app.producer_pool.acquire(block=True) as producer:
    for number in range(count):
        {"say": say, "slow": slow, "work": work}[kind].apply_async((f"id-{number}",), producer=producer)
"""


def start(program: Program, broker: str, *arguments: str, ready: int = 1) -> Running:
    """Start a worker, the *ready*-th that says so in the log; it takes tasks when this returns."""
    program.script(APPLICATION, "jobs.py")
    running = program.start(
        WORKER, "-l", "INFO", "--without-gossip", "--without-mingle", "--without-heartbeat", *arguments,
        environment={"BROKER": broker}, warnings="ignore",
    )  # fmt: skip
    log = program.here / "app.log"
    wait_until(
        lambda: (log.exists() and log.read_text().count(" ready.") == ready) or running.process.poll() is not None,
        lambda: f"the worker is ready; it said {running.said_so_far()}",
        within=60,
    )
    assert running.process.poll() is None, running.said_so_far()
    return running


def send(program: Program, broker: str, kind: str, count: int) -> None:
    """Ask for tasks."""
    ended = program.start(SENDS, kind, count, environment={"BROKER": broker}, warnings="ignore").wait(within=60)
    assert ended.status == 0, ended


def stop(running: Running) -> str:
    """End a worker when it has done what it is at; what it had said."""
    os.kill(running.process.pid, signal.SIGTERM)
    ended = running.wait(within=30)
    assert ended.status == 0, ended
    return ended.said


def records(program: Program) -> list[dict[str, Any]]:
    """The records of the log in JSON."""
    return [json.loads(line)["record"] for line in (program.here / "all.json.log").read_text().splitlines()]


def test_every_task_is_in_the_log_as_often_as_it_has_run(program: Program, broker: str) -> None:
    """Processes of the pool are killed and recycled: what a task has noted is in the log as often."""
    running = start(program, broker, "-c", "3", "--max-tasks-per-child", "500")
    send(program, broker, "work", TASKS)
    chance = random.Random(1)
    killed = 0
    while len(ledger(program)) < TASKS:
        time.sleep(0.1)  # the pace of the trouble, nothing is waited for
        pids = workers_of(running)
        if pids and chance.random() < 0.3 and killed < 12:
            os.kill(chance.choice(pids), signal.SIGKILL)
            killed += 1
        assert running.process.poll() is None, running.said_so_far()
    assert killed
    stop(running)
    program.leaves_nothing()
    lines = read_log(program.here)
    logged = Counter(line.rpartition(" ")[2] for line in lines if line.startswith("INFO jobs request "))
    noted = Counter(line for path in program.here.glob("calls-*.txt") for line in path.read_text().split())
    assert set(noted) == {f"id-{number}" for number in range(TASKS)}
    # A task whose process is killed between its log call and its note has logged once more, and is run again.
    assert all(noted[each] <= logged[each] for each in noted)
    assert sum(logged.values()) - sum(noted.values()) <= killed
    assert sum("exited with 'signal 9 (SIGKILL)'" in line for line in lines) == killed


@pytest.mark.parametrize("pool", ["prefork", "threads", "solo", "gevent"])
def test_what_a_record_has(program: Program, broker: str, pool: str) -> None:
    """The task's id, name, retries, queue and process on its own records, the first two on Celery's; prints by line."""
    running = start(program, broker, "-P", pool, "-c", "1", "-n", "one@here")
    send(program, broker, "say", 1)
    log = program.here / "app.log"
    wait_until(lambda: "succeeded in" in log.read_text(), "it has run", within=30)
    said = stop(running)
    assert "Traceback" not in said, said
    found = records(program)
    about = [each for each in found if each["extra"].get("task") == "jobs.say"]
    texts = [(each["name"], each["level"]["name"], each["message"].partition("[")[0]) for each in about]
    assert texts == [
        ("celery.worker.strategy", "INFO", "Task jobs.say"),
        ("jobs", "WARNING", "by the task's logger: id-0"),
        ("celery.redirected", "WARNING", "printed: id-0"),
        ("celery.redirected", "WARNING", "and more of it"),
        ("celery.redirected", "WARNING", "to standard error"),
        ("celery.app.trace", "INFO", "Task jobs.say"),
    ]
    assert len({each["extra"]["task_id"] for each in about}) == 1
    inside = about[1]["extra"]
    assert inside.pop("task_id")
    assert inside.pop("pool") == ("ForkPoolWorker-1" if pool == "prefork" else "MainProcess")
    assert inside == {"task": "jobs.say", "retries": 0, "queue": "celery"}
    assert not [each for each in found if "data" in each["extra"]]
    assert not [each for each in found if "ready" in each["message"] and "task" in each["extra"]]


def test_a_hard_limit(program: Program, broker: str) -> None:
    """What a task has logged before it was killed is there, and so is what Celery says of that; `-f` adds a file."""
    running = start(program, broker, "-c", "1", "-f", "further.log")
    send(program, broker, "slow", 1)
    log = program.here / "app.log"
    wait_until(lambda: "Hard time limit (1s) exceeded" in log.read_text(), "it is killed", within=30)
    stop(running)
    program.leaves_nothing()
    for name in ("app.log", "further.log"):
        text = (program.here / name).read_text()
        assert text.count("slow id-0") == 1
        assert "Hard time limit (1s) exceeded" in text


def test_a_killed_main_process(program: Program, broker: str) -> None:
    """Behind the next start all is in the log, and nothing is left of the dead one."""
    running = start(program, broker, "-c", "2")
    send(program, broker, "work", 50)
    wait_until(lambda: len(ledger(program)) == 50, "all have run", within=30)
    os.kill(running.process.pid, signal.SIGKILL)
    running.wait()
    program.wait_for_members()
    again = start(program, broker, ready=2)
    assert "Traceback" not in stop(again)
    program.leaves_nothing()
    logged = [line for line in read_log(program.here) if line.startswith("INFO jobs request ")]
    assert sorted(logged) == sorted(f"INFO jobs request id-{number}" for number in range(50))


def test_the_example_of_the_documentation(program: Program, broker: str) -> None:
    """The file of the page does what it shows."""
    program.script((EXAMPLES / "celery" / "jobs.py").read_text(), "jobs.py")
    environment = {"BROKER": broker}
    running = program.start(WORKER, "-l", "INFO", "-c", "1", environment=environment, warnings="ignore")
    log = program.here / "jobs.log"
    wait_until(lambda: log.exists() and " ready." in log.read_text(), "the worker is ready", within=60)
    call = "from jobs import add\nadd.delay(1, 2)"
    assert program.start(call, environment=environment, warnings="ignore").wait().status == 0
    wait_until(lambda: "succeeded in" in log.read_text(), "it has run", within=30)
    assert "Traceback" not in stop(running)
    page = (EXAMPLES.parent / "how-to" / "celery.md").read_text()
    shown = page.partition("<!-- log: celery -->\n```text\n")[2].partition("```")[0].splitlines()
    lines = log.read_text().splitlines()
    first = next(at for at, line in enumerate(lines) if "received" in line)
    assert [shape(line) for line in lines[first : first + len(shown)]] == [shape(line) for line in shown]


def shape(line: str) -> str:
    """*line* without times and ids."""
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{8}\b|[\d:]+\.\d+s?", "*", line)


TERMINAL = APPLICATION.replace("logger.remove()\n", "").replace("logger.add(", "(lambda *_, **__: None)(")


def test_a_terminal(program: Program, broker: str) -> None:
    """What mplog's default handler writes is seen there once, prints of tasks included."""
    program.script(TERMINAL, "jobs.py")
    running = program.start(WORKER, "-l", "INFO", "-c", "1", environment={"BROKER": broker}, warnings="ignore")
    wait_until(lambda: " ready." in running.said_so_far(), "the worker is ready", within=60)
    send(program, broker, "say", 1)
    wait_until(lambda: "succeeded in" in running.said_so_far(), "it has run", within=30)
    said = stop(running)
    for text in ("printed: id-0", "and more of it", "to standard error", "by the task's logger"):
        assert said.count(text) == 1, said


LATE = """
import logging
from celery import Celery
from mplog import logger
from mplog.integrations import celery

app = Celery("jobs", broker="memory://")
app.log.setup(loglevel="INFO", redirect_stdouts=True)
logger.remove()
logger.add("app.log", format="{level} {name} {message}")
celery.install(app)
celery.install(app)
logging.getLogger("some.library").info("a line")
print("printed")
"""


def test_installed_too_late(program: Program) -> None:
    """It is said, and right from then on."""
    ended = program.start(LATE, warnings="ignore").wait()
    assert (ended.status, ended.said) == (0, "")
    lines = (program.here / "app.log").read_text().splitlines()
    assert sum("had set up its logging" in line for line in lines) == 1
    assert "INFO some.library a line" in lines
    assert lines[-1] == "WARNING celery.redirected printed"


BEAT = """
import sys
import jobs
from celery.__main__ import main
jobs.app.conf.beat_schedule = {"often": {"task": "jobs.say", "schedule": 0.2, "args": ("by beat",)}}
# The scheduler that keeps its schedule in a file closes that in its signal handler, and may be about to read it.
sys.argv[1:] = ["-A", "jobs", "beat", "-l", "INFO", "-S", "celery.beat:Scheduler", "--pidfile="]
sys.exit(main())
"""


def test_beat(program: Program, broker: str) -> None:
    """It logs through mplog, too, and ends well."""
    program.script(APPLICATION, "jobs.py")
    running = program.start(BEAT, environment={"BROKER": broker}, warnings="ignore")
    log = program.here / "app.log"
    wait_until(
        lambda: log.exists() and "INFO celery.beat Scheduler: Sending due task often (jobs.say)" in log.read_text(),
        lambda: f"it sends; it said {running.said_so_far()}",
        within=30,
    )
    assert "Traceback" not in stop(running)
    program.leaves_nothing()
