"""A handler that fails for every record floods nobody; beyond.md, row 25.

The first trouble of a kind (handler, type of error, place) is said in full, with its record, whichever process has
logged that. The others are counted: a line a minute at most, and one at the end of the process.

Covers logger-api.md, section 20.
"""

from __future__ import annotations

import os
import re

import pytest
from programs import Program
from reports import COUNT, firsts_and_counts, heads

from mplog._logger.logger import Logger
from mplog._sinks import report

ALONE = """
    import sys
    from mplog import logger

    class Gone:
        def write(self, text):
            raise BrokenPipeError(32, "Broken pipe")

    SINKS = {
        "function": lambda: (lambda message: 1 / 0),
        "stream": Gone,
        "full": lambda: "/dev/full",
        "filter": lambda: "filtered.log",
        "format": lambda: "formatted.log",
    }
    OPTIONS = {"filter": {"filter": lambda record: record["extra"]["user"]}, "format": {"format": "{extra[user]}"}}
    logger.remove()
    logger.add(SINKS[sys.argv[1]](), **OPTIONS.get(sys.argv[1], {}))
    for number in range(1000):
        logger.info("job {}", number)
"""

NAMED = {
    "function": (r"handler 1 \(<lambda>\) failed with ZeroDivisionError\('division by zero'\)\. ", "job 0"),
    "stream": (r"handler 1 \(<__main__\.Gone .*>\) failed with BrokenPipeError\(32, .*logger\.remove\(1\)", "job 0"),
    "full": (r"handler 1 \(/dev/full\) failed with OSError\(28, .*\)\. Make room on that file system", "job 0"),
    "filter": (r"handler 1 \(/.*/here/filtered\.log\) failed with KeyError\('user'\)", "job 0"),
    "format": (r"handler 1 \(/.*/here/formatted\.log\) failed with ValueError\(.*names 'user'", "job 0"),
}


@pytest.mark.parametrize("kind", NAMED)
def test_a_thousand_failures_are_two_reports(program: Program, kind: str) -> None:
    """One with the record, the error, the sink and what to do now; one with the number of all others, at the end."""
    ended = program.run(ALONE, kind, silent=False)
    pattern, message = NAMED[kind]
    firsts, counts = firsts_and_counts(ended.said)
    assert len(firsts) == 1
    assert re.match(pattern, firsts[0]), firsts
    assert counts == [999]
    assert ended.said.count("Record was: ") == 1
    assert f"'message': '{message}'" in ended.said
    assert "    Traceback (most recent call last):\n" in ended.said
    assert len(ended.said.splitlines()) < 40


OF_WORKERS = """
    import multiprocessing, sys
    from mplog import logger

    class Gone:
        def write(self, text):
            raise BrokenPipeError(32, "Broken pipe")

    def closed():
        stream = open("closed.txt", "w")
        stream.close()
        return stream

    SINKS = {"function": lambda: (lambda message: 1 / 0), "stream": Gone, "text": closed, "format": lambda: "a.log"}

    def fail(record):
        raise ValueError(record["message"][:3])

    def work(n):
        for number in range(50):
            logger.info("job {} {}", n, number)

    if __name__ == "__main__":
        logger.remove()
        closure = (lambda record: fail(record)) if sys.argv[2] == "format" else "{message}"
        logger.add(SINKS[sys.argv[2]](), format=closure)
        with multiprocessing.get_context(sys.argv[1]).Pool(4) as pool:
            pool.map(work, range(8), chunksize=1)
            pool.close()
            pool.join()
        logger.complete()
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("kind", ["function", "stream", "text", "format"])
def test_records_of_workers_are_shown(program: Program, method: str, kind: str) -> None:
    """Where text has travelled, that text; each report is of one record, and all are accounted for."""
    ended = program.run(OF_WORKERS, method, kind, silent=False)
    firsts, counts = firsts_and_counts(ended.said)
    assert len(firsts) + sum(counts) == 400
    assert len(firsts) == 1 if (kind, method) != ("format", "fork") else len(firsts) <= 4
    assert len(counts) <= len(firsts)
    shown = re.findall(r"^    Record was: (.*)", ended.said, re.MULTILINE)
    assert len(shown) == len(firsts)
    for record in shown:
        assert re.search(r"job \d \d", record), record
        assert re.search(r"process \d+ \(\w+-\d+\)|'process': \(id=\d+, name='\w+-\d+'\)", record), record


PIPED = """
    import multiprocessing, sys
    from mplog import logger

    logger.remove()
    logger.add(sys.stdout, format="{process.name} {message}")

    def work(n):
        for number in range(200):
            logger.info("job {} {}", n, number)

    if __name__ == "__main__":
        if sys.argv[1] == "own":
            work(0)
        else:
            with multiprocessing.get_context("fork").Pool(2) as pool:
                pool.map(work, range(2))
                pool.close()
                pool.join()
        logger.complete()
"""


@pytest.mark.parametrize("who", ["own", "pool"])
def test_a_reader_that_has_gone(program: Program, who: str) -> None:
    """As of `program | head -1`: a handful of lines, whoever logs."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        running = program.start(PIPED, who, stdout=writing)
    finally:
        os.close(writing)
    ended = running.wait()
    program.leaves_nothing()
    own = "".join(line for line in ended.said.splitlines(keepends=True) if line.startswith(("mplog: ", "    ")))
    firsts, counts = firsts_and_counts(own)
    assert len(firsts) == 1
    assert "BrokenPipeError" in firsts[0]
    assert 1 + sum(counts) == (200 if who == "own" else 400)
    assert len(ended.said.splitlines()) < 80  # One traceback, with two lines or three for each function in it.


FORKING = """
    import os, threading
    from mplog import logger

    def sink(message):
        raise OSError("no")

    def work():
        while not over.is_set():
            logger.info("x")

    logger.remove()
    logger.add("app.log", format=lambda record: sink(record))
    over = threading.Event()
    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(40):
        child = os.fork()
        if not child:
            for _ in range(20):
                logger.info("x")
            os._exit(0)
        os.waitpid(child, 0)
    over.set()
    for thread in threads:
        thread.join()
"""


def test_a_fork_beside_a_report(program: Program) -> None:
    """No child hangs on what a thread of its parent was doing, and none repeats what was said."""
    ended = program.run(FORKING, silent=False, warnings="ignore")
    firsts, counts = firsts_and_counts(ended.said)
    assert len(firsts) == 1
    assert len(counts) == 1


FORKED = """
    import os
    from mplog import logger

    def fail(record):
        raise ValueError("no")

    logger.remove()
    logger.add("app.log", format=fail)
    for number in range(10):
        logger.info("parent {}", number)
    child = os.fork()
    for number in range(5 if child else 3):
        logger.info("either {}", number)
    if child:
        os.waitpid(child, 0)
        print(os.getpid(), child)
"""


def test_a_forked_child_counts_for_itself(program: Program) -> None:
    """What its parent has said in full it does not repeat, and what that has counted it does not say."""
    ended = program.run(FORKED, silent=False)
    parent, child = ended.output.split()
    reports = heads(ended.said)
    assert [process for process, text in reports if not COUNT.fullmatch(text)] == [parent]
    counted = {process: int(match[1]) for process, text in reports if (match := COUNT.fullmatch(text))}
    assert counted == {parent: 14, child: 3}


MINUTES = """
    import sys, threading, time
    from mplog import logger
    from mplog._sinks import report

    report.EVERY = 0.2

    def sink(message):
        raise OSError("no")

    logger.remove()
    logger.add(sink)
    numbers = iter(range(10**9))

    def work():
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            logger.info("{}", next(numbers))

    began = time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(next(numbers), time.monotonic() - began)
"""


def test_counts_come_now_and_then(program: Program) -> None:
    """Once in each span at most, of all threads together, and not one is missing in the end."""
    ended = program.run(MINUTES, silent=False)
    logged, seconds = ended.output.split()
    firsts, counts = firsts_and_counts(ended.said)
    assert len(firsts) == 1
    assert 1 + sum(counts) == int(logged)
    assert 2 <= len(counts) <= float(seconds) / 0.2 + 2


SIGNALS = """
    import signal, sys, time
    from mplog import logger

    calls = 0

    def sink(message):
        raise OSError("no")

    def handler(*_):
        global calls
        calls += 1
        logger.info("signal")

    logger.remove()
    logger.add(sink)
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    until = time.monotonic() + 1
    while time.monotonic() < until or calls < 50:
        logger.info("main")
        calls += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(calls)
"""


def test_signal_handlers_may_meet_troubles_too(program: Program) -> None:
    """In the middle of a report of the same thread: nothing hangs. (`calls += 1` may lose some.)"""
    ended = program.run(SIGNALS, silent=False)
    firsts, counts = firsts_and_counts(ended.said)
    assert len(firsts) == 1
    assert 50 <= 1 + sum(counts)
    assert abs(1 + sum(counts) - int(ended.output)) <= 0.05 * int(ended.output)


MESSAGES = """
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{message}")
    for number in range(100):
        logger.info("{} {}", number)
"""


def test_messages_that_cannot_be_formatted(program: Program) -> None:
    """Are said with their call site, and counted."""
    ended = program.run(MESSAGES, silent=False)
    firsts, counts = firsts_and_counts(ended.said)
    assert len(firsts) == 1
    assert re.match(r"/.*/program\.py:7: ", firsts[0])
    assert counts == [99]


class TestKinds:
    def test_another_place_is_another_kind(self, logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
        """And another type, and another handler."""

        def sink(message: str) -> None:
            if "a" in message:
                raise ValueError("a")
            if "b" in message:
                raise ValueError("b")
            raise TypeError("c")

        for _ in range(2):
            logger.add(sink, format="{message}")
        for message in "abcabcabc":
            logger.info(message)
        firsts, counts = firsts_and_counts(capsys.readouterr().err)
        assert len(firsts) == 6
        report.end()
        assert firsts_and_counts(capsys.readouterr().err) == ([], [2] * 6)
        assert not counts

    def test_endless_kinds_are_bounded(
        self, logger: Logger, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In memory and on standard error; the number of all is right."""
        monkeypatch.setattr(report, "KINDS", 20)

        def sink(message: str) -> None:
            raise type(f"Error{message.strip()}", (Exception,), {})

        logger.add(sink, format="{message}")
        for number in range(500):
            logger.info(number)
        report.end()
        firsts, counts = firsts_and_counts(capsys.readouterr().err)
        assert len(firsts) == 21
        assert counts == [479]

    def test_old_ones_make_room(
        self, logger: Logger, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A program that lives for years does not run out of kinds; what was counted of them is said first."""
        monkeypatch.setattr(report, "KINDS", 3)
        monkeypatch.setattr(report, "FORGOTTEN", -1.0)
        for number in range(10):
            report.once(f"kind {number}", f"trouble {number}", counted=True)
            report.once(f"kind {number}", f"trouble {number}", counted=True)
        firsts, counts = firsts_and_counts(capsys.readouterr().err)
        assert firsts == [f"trouble {number}" for number in range(10)]
        assert counts
        assert set(counts) == {1}
