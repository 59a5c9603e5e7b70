"""Functions and objects as sinks get the records of workers as data, with every field as the worker saw it."""

from __future__ import annotations

import pytest
from programs import Program

METHODS = ("fork", "spawn", "forkserver")

SINKS = """
    import datetime, decimal, json, multiprocessing, os, pickle, sys, threading
    from mplog import logger

    class Stream:
        '''An object with write(), which wants more than text.'''

        def __init__(self):
            self.messages = []

        def write(self, message):
            self.messages.append(message)

    class Own:
        def __repr__(self):
            return "<own object>"

    EXTRA = {
        "text": "é\\u20ac",
        "number": 2**60,
        "large": 10**40,
        "float": 1.5,
        "nothing": None,
        "list": [1, (2, 3), {"four": {5}}],
        "bytes": b"\\x00\\xff",
        "when": datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc),
        "span": datetime.timedelta(days=1, microseconds=5),
        "money": decimal.Decimal("1.10"),
    }

    def work(connection):
        logger.bind(own=Own(), **EXTRA).warning("hello {}", "world")
        try:
            int("x")
        except ValueError as error:
            logger.exception("failed")
            shown = type(error), error, error.__traceback__
        from mplog._capture.exception import describe
        from mplog._render.look import Look
        from mplog._render.traceback import traceback_text
        text = traceback_text(describe(shown), Look())
        assert "in work" in text and text.endswith("ValueError: invalid literal for int() with base 10: 'x'\\n"), text
        connection.send((os.getpid(), threading.get_ident(), text))

    if __name__ == "__main__":
        logger.remove()
        calls, stream = [], Stream()
        logger.add(calls.append, format="{level} {message}")
        logger.add(stream, format="{message} {extra}")
        connection, other = multiprocessing.Pipe()
        process = multiprocessing.get_context(sys.argv[1]).Process(target=work, args=(other,), name="W")
        process.start()
        pid, thread, traceback_text = connection.recv()
        process.join()
        assert process.exitcode == 0
        logger.complete()
        logger.remove()

        assert [message.record for message in calls] == [message.record for message in stream.messages]
        first, second = calls
        assert first == "WARNING hello world\\n", first
        record = first.record
        assert list(record) == [
            "elapsed", "exception", "extra", "file", "function", "level", "line", "message", "module", "name",
            "process", "thread", "time",
        ]
        assert record["message"] == "hello world"
        assert (record["process"].id, record["process"].name) == (pid, "W")
        assert (record["thread"].id, record["thread"].name) == (thread, "MainThread")
        assert (record["level"].name, record["level"].no, record["level"].icon) == ("WARNING", 30, "\\u26a0\\ufe0f")
        assert (record["function"], record["module"]) == ("work", "program")
        assert record["line"] == work.__code__.co_firstlineno + 1
        assert (record["file"].name, record["file"].path) == ("program.py", os.path.abspath(__file__))
        assert record["name"] == ("__main__" if sys.argv[1] == "fork" else "__mp_main__")
        assert record["exception"] is None
        assert isinstance(record["elapsed"], datetime.timedelta)
        now = datetime.datetime.now(datetime.timezone.utc)
        assert datetime.timedelta(0) <= now - record["time"] < datetime.timedelta(minutes=1)
        assert f"{record['time']:YYYY}" == str(record["time"].year)
        own = record["extra"].pop("own")
        assert (type(own) is not Own, repr(own), str(own)) == (True, "<own object>", "<own object>")
        assert repr(record["extra"].pop("large")) == repr(EXTRA.pop("large"))
        assert record["extra"] == EXTRA, record["extra"]

        assert second == "ERROR failed\\n" + traceback_text, second
        exception = second.record["exception"]
        assert exception is not None and "ValueError" in str(exception.type), exception
        assert "invalid literal" in str(exception.value), exception

        for message in calls:
            assert pickle.loads(pickle.dumps(message)) == message
"""

IN_ORDER = """
    import multiprocessing, sys
    from mplog import logger

    def work(name):
        for n in range(500):
            logger.info("{} {}", name, n)

    if __name__ == "__main__":
        logger.remove()
        lines = []
        logger.add(lines.append, format="{process.name} {message}")
        context = multiprocessing.get_context(sys.argv[1])
        processes = [context.Process(target=work, args=(name,)) for name in "ab"]
        for process in processes:
            process.start()
        work("parent")
        for process in processes:
            process.join()
        logger.remove()
        for name in ("a", "b", "parent"):
            assert [line.split()[-1] for line in lines if line.split()[1] == name] == [str(n) for n in range(500)]
        assert len(lines) == 1500
"""

COMPLETE = """
    import multiprocessing, sys, time
    from mplog import logger

    def slow(message):
        time.sleep(0.002)
        with open("seen.txt", "a") as file:
            file.write(message)

    def work(connection):
        for n in range(100):
            logger.info("{}", n)
        assert logger.complete()
        with open("seen.txt") as file:
            connection.send(file.read().split())

    if __name__ == "__main__":
        logger.remove()
        logger.add(slow, format="{message}")
        connection, other = multiprocessing.Pipe()
        process = multiprocessing.get_context(sys.argv[1]).Process(target=work, args=(other,))
        process.start()
        assert connection.recv() == [str(n) for n in range(100)]
        process.join()
"""

RAISING = """
    import multiprocessing, sys
    from mplog import logger

    def fussy(message):
        if message == "bad\\n":
            raise RuntimeError("cannot take it")
        with open("seen.txt", "a") as file:
            file.write(message)

    def work():
        for message in ("one", "bad", "two"):
            logger.info(message)

    if __name__ == "__main__":
        logger.remove()
        logger.add(fussy, format="{message}")
        logger.add("app.log", format="{message}")
        process = multiprocessing.get_context(sys.argv[1]).Process(target=work)
        process.start()
        process.join()
        assert process.exitcode == 0
"""


@pytest.mark.parametrize("method", METHODS)
class TestFunctionsAndObjects:
    def test_every_field_is_as_the_worker_saw_it(self, program: Program, method: str) -> None:
        """Plain values arrive as themselves, others as their `repr`, and the exception with its full text."""
        program.run(SINKS, method)

    def test_every_record_comes_once_and_in_order(self, program: Program, method: str) -> None:
        """From two workers and the owner at the same time."""
        program.run(IN_ORDER, method)

    def test_complete_in_a_worker_waits_for_the_sink(self, program: Program, method: str) -> None:
        """After `complete()` the owner's function has returned for everything that this worker logged."""
        program.run(COMPLETE, method)

    def test_a_sink_that_raises_costs_that_record_there(self, program: Program, method: str) -> None:
        """It is reported by the owner; the sink gets the next record, and other handlers are not concerned."""
        ended = program.run(RAISING, method, silent=False)
        assert (ended.here / "seen.txt").read_text() == "one\ntwo\n"
        assert ended.log() == ["one", "bad", "two"]
        assert ended.said.count("RuntimeError: cannot take it") == 1
