"""RQ, Dramatiq, Huey and APScheduler with the recipes of the documentation: what is logged, and workers that die."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from programs import FULL, Program, Running, read_log, wait_until
from redis import Redis
from serving import ledger

TASKS = 5000 if FULL else 250
EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
PAGE = (EXAMPLES.parent / "how-to" / "task-queues.md").read_text()

needs_redis = pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs redis-server, of Debian's name")

WORK = """

import os
import sys
import time
{decorator}
def work(number):
    logger.info("request {{}}", number)
    fd = os.open(f"calls-{{os.getpid()}}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(fd, f"{{number}}\\n".encode())
    os.close(fd)

{decorator}
def ask(what):
    if what == "fail":
        raise ValueError("asked for")
    logger.warning("asked {{}}", what)
"""
"""Behind the example's jobs: one that notes what it has logged when that call has returned, and one that may fail."""


def example(name: str) -> str:
    """A file of the documentation as it is."""
    return (EXAMPLES / name).read_text()


def small(name: str) -> str:
    """The same with files that rotate often and are all kept, each record with its values."""
    source = example(name).replace('"10 MB"', '"5 KB"').replace("    retention=5,\n", "")
    return re.sub(r"format=.*", 'format="{level} {name} {message} {extra}",', source)


def children(pid: int) -> list[int]:
    """The living children of a process, whatever group they are in."""
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [
            int(each) for each in found if Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        ]
    except OSError:
        return []


def lines_now(program: Program, log: str) -> list[str]:
    """The lines of a log that rotates meanwhile; none when a file went from under the reader, who will look again."""
    try:
        return read_log(program.here, log)
    except (OSError, EOFError, AssertionError):
        return []


def said_in(program: Program, log: str, text: str, running: Running, times: int = 1) -> None:
    """Wait until *text* is in the log."""
    wait_until(
        lambda: sum(text in line for line in lines_now(program, log)) >= times or running.process.poll() is not None,
        lambda: f"{text!r} is in the log; it said {running.said_so_far()}; it has {lines_now(program, log)[-20:]}",
        within=60,
    )
    assert running.process.poll() is None, running.said_so_far()


def stop(running: Running, sign: signal.Signals = signal.SIGTERM) -> str:
    """End a worker when it has done what it is at; what it had said."""
    os.kill(running.process.pid, sign)
    ended = running.wait(within=30)
    assert ended.status == 0, ended
    return ended.said


def harass(victims: Callable[[], Iterable[int]], over: Callable[[], bool], kills: int, seed: int) -> int:
    """Kill one of *victims* every now and then until it is over; how many."""
    chance, killed = random.Random(seed), 0
    deadline = time.monotonic() + (600 if FULL else 90)
    while not over():
        assert time.monotonic() < deadline, "not done in time"
        time.sleep(0.05)  # the pace of the trouble, nothing is waited for
        pids = list(victims())
        if pids and killed < kills and chance.random() < 0.5:
            try:
                os.kill(chance.choice(pids), signal.SIGKILL)
            except ProcessLookupError:
                continue
            killed += 1
    return killed


def assert_once(program: Program, log: str, deaths: int, lost: int = 2) -> None:
    """Every task that has noted it is in the rotated log as often as it has run; one that died between, once more.

    Args:
        lost: how many tasks at most the queue itself gives up with each that dies.
    """
    program.leaves_nothing()
    lines = read_log(program.here, log)
    assert len(list(program.here.glob("*.gz"))) > 1
    logged = Counter(found[1] for line in lines if (found := re.search(r" request (id-\d+) ", line)))
    noted = Counter(line for path in program.here.glob("calls-*.txt") for line in path.read_text().split())
    assert len(noted) >= TASKS - lost * deaths
    assert {each: (noted[each], logged[each]) for each in noted if logged[each] < noted[each]} == {}
    assert sum(logged.values()) - sum(noted.values()) <= 8 * deaths  # each has so many threads at most


def as_shown(program: Program, log: str, mark: str) -> None:
    """The lines on the page are in the log, in this order, but for times and ids."""
    shown = PAGE.partition(f"<!-- log: {mark} -->\n```text\n")[2].partition("```")[0].splitlines()
    found = [shape(line) for line in read_log(program.here, log)]
    assert shown
    for line in shown:
        assert shape(line) in found, (shape(line), found)
        del found[: found.index(shape(line)) + 1]


def shape(line: str) -> str:
    """*line* without what differs from run to run."""
    line = re.sub(r"\b[0-9a-f]{32}\b|(?<=PID )\d+ at .*|(?<=Process\()\d|(?<=Worker-)\d", "*", line)
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{8}\b|[\d:]+\.\d+s?", "*", line)


# RQ


def rq_worker(program: Program, broker: str, source: str) -> Running:
    """A worker of RQ that takes jobs when this returns."""
    before = sum("Listening on" in line for line in read_log(program.here, "jobs.log"))
    running = program.start(source, environment={"BROKER": broker}, warnings="ignore")
    said_in(program, "jobs.log", "Listening on", running, before + 1)
    return running


@needs_redis
def test_rq_as_on_the_page(program: Program, broker: str) -> None:
    """RQ's records and the job's; the module of the jobs is imported once, and not in each process."""
    from rq import Queue

    program.script(example("rq/jobs.py") + '\nopen("imports.txt", "a").write("imported ")\n', "jobs.py")
    running = rq_worker(program, broker, example("rq/worker.py"))
    with Redis.from_url(broker) as redis:
        for _ in range(2):
            Queue(connection=redis).enqueue("jobs.add", 1, 2)
        said_in(program, "jobs.log", "Job OK", running, 2)
    assert stop(running) == ""
    program.leaves_nothing()
    as_shown(program, "jobs.log", "rq")
    assert (program.here / "imports.txt").read_text() == "imported "
    assert sum("adding 1 and 2" in line for line in read_log(program.here, "jobs.log")) == 2


@needs_redis
def test_rq_with_processes_and_workers_that_are_killed(program: Program, broker: str) -> None:
    """What a job has logged is there, though its process was killed, or the worker, which another one replaces."""
    from rq import Queue

    program.script(example("rq/jobs.py") + WORK.format(decorator=""), "jobs.py")
    source = small("rq/worker.py")
    running = rq_worker(program, broker, source)
    with Redis.from_url(broker) as redis:
        queue = Queue(connection=redis)
        queue.enqueue_many([Queue.prepare_data("jobs.work", (f"id-{number}",)) for number in range(TASKS)])
        deaths = harass(lambda: children(running.process.pid), lambda: len(ledger(program)) > TASKS // 2, 6, 1)
        assert deaths
        os.kill(running.process.pid, signal.SIGKILL)
        running.wait()
        running = rq_worker(program, broker, source)
        deaths += 1 + harass(lambda: (), lambda: not queue.count, 0, 1)
        assert stop(running) == ""
    assert_once(program, "jobs.log", deaths)
    lines = read_log(program.here, "jobs.log")
    assert sum("Work-horse terminated unexpectedly" in line for line in lines)
    about = [line for line in lines if " request id-" in line]
    assert all("'job_id': '" in line and "'function': 'jobs.work'" in line for line in about)


# Dramatiq

DRAMATIQ = """
import os, sys
from dramatiq.__main__ import main
os.environ["PYTHONPATH"] = os.path.dirname(os.path.abspath(__file__)) + os.pathsep + os.environ["PYTHONPATH"]
sys.exit(main())
"""

SENDS = """
import sys, jobs
for number in range(int(sys.argv[2])):
    getattr(jobs, sys.argv[1]).send(f"id-{number}" if len(sys.argv) < 4 else sys.argv[3])
"""


def dramatiq_worker(program: Program, broker: str, *arguments: object) -> Running:
    """Processes of Dramatiq that take tasks when this returns."""
    before = sum("Worker process is ready" in line for line in read_log(program.here, "jobs.log"))
    running = program.start(
        DRAMATIQ, "jobs", "-p", 2, "-t", 4, *arguments, environment={"BROKER": broker}, warnings="ignore"
    )
    said_in(program, "jobs.log", "Worker process is ready", running, before + 2)
    return running


def ask(program: Program, environment: dict[str, str], *arguments: object) -> None:
    """Run what sends tasks."""
    ended = program.start(SENDS, *arguments, environment=environment, warnings="ignore").wait(within=60)
    assert (ended.status, ended.said) == (0, "")


@needs_redis
def test_dramatiq_as_on_the_page(program: Program, broker: str) -> None:
    """The actor's records and Dramatiq's about its message, also of a failure, have the message's id."""
    source = example("dramatiq/jobs.py") + WORK.format(decorator="@dramatiq.actor(max_retries=1, min_backoff=10)")
    program.script(source.replace('"jobs.log",', '"jobs.log",\n    serialize=True,'), "jobs.py")
    running = dramatiq_worker(program, broker)
    ask(program, {"BROKER": broker}, "ask", 1, "hello")
    ask(program, {"BROKER": broker}, "ask", 1, "fail")
    said_in(program, "jobs.log", "Retries exceeded", running)
    said = stop(running)
    assert "Traceback" not in said, said
    program.leaves_nothing()
    records = [json.loads(line)["record"] for line in read_log(program.here, "jobs.log")]
    (hello,) = (each["extra"] for each in records if each["message"] == "asked hello")
    assert hello.pop("message_id") != "-"
    assert hello == {"actor": "ask", "queue": "default", "retries": 0}
    failures = [each["extra"]["retries"] for each in records if each["message"].startswith("Failed to process")]
    assert failures == [0, 1]
    assert len({each["extra"]["message_id"] for each in records if "fail" in each["message"].lower()}) == 1


@needs_redis
def test_the_example_of_dramatiq(program: Program, broker: str) -> None:
    """The file of the page does what it shows."""
    program.script(example("dramatiq/jobs.py"), "jobs.py")
    running = dramatiq_worker(program, broker)
    call = "from jobs import add\nadd.send(1, 2)"
    assert program.start(call, environment={"BROKER": broker}, warnings="ignore").wait().status == 0
    said_in(program, "jobs.log", "adding 1 and 2", running)
    stop(running)
    as_shown(program, "jobs.log", "dramatiq")


@needs_redis
def test_dramatiq_with_workers_that_are_killed(program: Program, broker: str) -> None:
    """Dramatiq ends when one of its processes is killed; what all have logged is there after the next start."""
    source = small("dramatiq/jobs.py").replace(
        "RedisBroker(", "RedisBroker(heartbeat_timeout=1000, maintenance_chance=100_000, "
    )  # so that others soon take what a killed one has taken and not done
    program.script(source + WORK.format(decorator="@dramatiq.actor"), "jobs.py")
    running = dramatiq_worker(program, broker)
    sender = program.start(SENDS, "work", TASKS, environment={"BROKER": broker}, warnings="ignore")
    deaths = harass(
        lambda: children(running.process.pid)[: len(ledger(program)) // 40],
        lambda: running.process.poll() is not None,
        1,
        2,
    )
    running.wait()
    assert (sender.wait().status, deaths) == (0, 1)
    running = dramatiq_worker(program, broker)
    wait_until(lambda: len(ledger(program)) == TASKS, lambda: f"{len(ledger(program))} are done", within=90)
    stop(running)
    assert_once(program, "jobs.log", deaths)


# Huey


def huey_jobs(program: Program, decorator: str = "@huey.task()") -> Path:
    """The example's module and its queue, which lies where nothing of the test looks for logs."""
    queue = program.runtime.parent / f"{program.here.parent.name}-queue.db"
    source = example("huey/jobs.py") + WORK.format(decorator=decorator)
    program.script(source.replace('"queue.db"', repr(str(queue))), "jobs.py")
    return queue


def huey_worker(program: Program, source: str) -> Running:
    """A consumer of Huey that takes tasks when this returns."""
    before = sum("consumer started" in line for line in read_log(program.here, "jobs.log"))
    running = program.start(source, warnings="ignore")
    said_in(program, "jobs.log", "consumer started", running, before + 1)
    return running


HUEY_SENDS = """
import sys, jobs
for number in range(int(sys.argv[2])):
    getattr(jobs, sys.argv[1])(f"id-{number}" if len(sys.argv) < 4 else sys.argv[3])
"""


def test_huey_as_on_the_page(program: Program) -> None:
    """Huey's records and the task's, by its id; what a failing one says, too."""
    huey_jobs(program)
    running = huey_worker(program, example("huey/consumer.py"))
    assert program.start("import jobs\njobs.add(1, 2)\njobs.ask('fail')", warnings="ignore").wait().said == ""
    said_in(program, "jobs.log", "Unhandled exception in task", running)
    said_in(program, "jobs.log", "executed in", running)
    assert stop(running, signal.SIGINT) == ""
    program.leaves_nothing()
    as_shown(program, "jobs.log", "huey")
    lines = read_log(program.here, "jobs.log")
    assert [line for line in lines if re.search(r"[0-9a-f]{8} huey Unhandled exception in task", line)]


def test_huey_with_processes_that_are_killed_and_reloaded(program: Program) -> None:
    """The processes are killed and replaced, SIGHUP starts the consumer anew in its place, and every task is there."""
    from huey import SqliteHuey

    queue = SqliteHuey(filename=str(huey_jobs(program)))
    running = huey_worker(program, small("huey/consumer.py"))
    ended = program.start(HUEY_SENDS, "work", TASKS, warnings="ignore").wait(within=60)
    assert (ended.status, ended.said) == (0, "")
    deaths = harass(lambda: children(running.process.pid), lambda: len(ledger(program)) > TASKS // 2, 3, 3)
    assert deaths
    os.kill(running.process.pid, signal.SIGHUP)
    said_in(program, "jobs.log", "consumer started", running, 2)
    wait_until(lambda: not queue.pending_count(), lambda: f"all is taken; {queue.pending_count()} are not", within=60)
    assert stop(running, signal.SIGINT) == ""
    assert_once(program, "jobs.log", deaths)


# APScheduler

CLOCK = """
    def jobs():
        for first in range(0, int(sys.argv[1]), 25):
            for name in (f"id-{number}" for number in range(first, first + 25)):
                scheduler.add_job(logged, args=[name, work, name], executor="processes", misfire_grace_time=None)
            while scheduler.get_jobs() or scheduler._executors["processes"]._instances:
                time.sleep(0.01)
        logger.info("all jobs have ended")

    import threading
    threading.Thread(target=jobs).start()
"""
"""In batches, for with a process of the pool all jobs go that were given to it."""


def test_apscheduler_as_on_the_page(program: Program) -> None:
    """The id of a job is on what it logs, in threads and in processes, whose records of APScheduler come, too."""
    running = program.start(example("apscheduler/clock.py"), warnings="ignore")
    said_in(program, "clock.log", "tea __main__ tea is done", running)
    said_in(program, "clock.log", "sums __mp_main__ sums is done", running)
    assert stop(running) == ""
    program.leaves_nothing()
    as_shown(program, "clock.log", "apscheduler")


def test_apscheduler_with_processes_that_are_killed(program: Program) -> None:
    """APScheduler makes a new pool for one that has lost a process; what jobs had logged is there."""
    source = small("apscheduler/clock.py").replace("clock.log", "jobs.log")
    source = re.sub(r"    for name, executor.*\n.*\n", lambda _: CLOCK.lstrip("\n"), source)
    source = re.sub(r"def work\(what\):\n.*\n", lambda _: WORK.format(decorator="") + "\n\n", source)
    source = source.replace('    logger.info("request', '    time.sleep(0.01)\n    logger.info("request')
    running = program.start(source, TASKS, warnings="ignore")

    def workers() -> list[int]:
        each = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children(running.process.pid)}
        return [pid for pid, line in each.items() if b"spawn_main" in line]

    done = "all jobs have ended"
    deaths = harass(
        lambda: workers() if len(ledger(program)) > 20 else (),
        lambda: any(done in line for line in lines_now(program, "jobs.log")),
        3,
        4,
    )
    assert deaths
    assert stop(running) == ""
    assert_once(program, "jobs.log", deaths, lost=25)
