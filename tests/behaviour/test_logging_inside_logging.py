"""Logging from inside of a log call is accepted and delivered: in sinks, `__del__`, signal handlers, formats.

Covers logger-api.md, section 29.
"""

from __future__ import annotations

import gc
import io
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from programs import FULL, Program, assert_once_in_order, read_log

from mplog._logger.logger import Logger


class TestSinks:
    def test_a_function_that_logs(self, logger: Logger) -> None:
        """What it logs is delivered after the record in progress, also to itself."""
        got: list[str] = []

        def sink(message: str) -> None:
            if message == "outer\n":
                logger.info("inner")
            got.append(message)

        logger.add(sink, format="{message}")
        logger.info("outer")
        logger.info("next")
        assert got == ["outer\n", "inner\n", "next\n"]

    def test_a_function_that_answers_every_record(self, logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
        """A sink that logs to itself for ever is cut off, and the caller comes back."""
        got: list[str] = []

        def sink(message: str) -> None:
            got.append(message)
            logger.info("again")

        logger.add(sink, format="{message}")
        logger.info("first")
        assert 10 < len(got) < 1000
        assert got[0] == "first\n"
        length = len(got)
        logger.info("second")
        assert len(got) == 2 * length
        assert "after 100 such records" in capsys.readouterr().err

    def test_a_function_that_logs_and_then_raises(self, logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
        """Its record has been accepted and is delivered all the same; the error is reported."""
        got: list[str] = []

        def sink(message: str) -> None:
            got.append(message)
            if message == "outer\n":
                logger.info("inner")
                raise OSError("disk on fire")

        logger.add(sink, format="{message}")
        logger.info("outer")
        assert got == ["outer\n", "inner\n"]
        assert capsys.readouterr().err.count("OSError: disk on fire") == 1

    def test_two_sinks_that_log_to_one_another(self, logger: Logger, tmp_path: Path) -> None:
        """No deadlock, and each record in each sink once."""
        got: list[str] = []

        class Stream(io.StringIO):
            def write(self, text: str) -> int:
                if "outer" in text:
                    logger.info("from the stream")
                return super().write(text)

        def sink(message: str) -> None:
            got.append(message)
            if "outer" in message:
                logger.info("from the function")

        stream = Stream()
        logger.add(stream, format="{message}")
        logger.add(sink, format="{message}")
        logger.add(tmp_path / "app.log", format="{message}")
        logger.info("outer")
        expected = ["from the function", "from the stream", "outer"]
        assert sorted(stream.getvalue().split("\n")[:-1]) == expected
        assert sorted(text.rstrip() for text in got) == expected
        assert sorted(read_log(tmp_path)) == expected

    def test_one_that_answers_every_record_from_its_queue(self, program: Program) -> None:
        """With `enqueue` each answer is a record of its own: no error, no bound, and the program ends all the same."""
        ended = program.run(ANSWERS, silent=False)
        assert ": handler " not in ended.said
        assert "logs to itself" not in ended.said


ANSWERS = """
    import threading
    from mplog import logger

    logger.remove()
    enough = threading.Event()
    got = []

    def sink(message):
        got.append(message)
        if len(got) > 250:
            enough.set()
        logger.info("again")

    logger.add(sink, format="{message}", enqueue=True)
    logger.info("first")
    assert enough.wait(30)
    assert got[:2] == ["first\\n", "again\\n"]
    assert logger.complete()
"""


class TestUserCode:
    def test_filters_formats_and_values_may_log(self, logger: Logger, tmp_path: Path) -> None:
        """No lock is held while the program's own code runs."""
        inside: list[str] = []

        class Value:
            def __str__(self) -> str:
                if "str" not in inside:
                    inside.append("str")
                    logger.info("from str")
                return "value"

        def passes(record: dict[str, Any]) -> bool:
            if "filter" not in inside:
                inside.append("filter")
                logger.info("from the filter")
            return True

        def shape(record: dict[str, Any]) -> str:
            if "format" not in inside:
                inside.append("format")
                logger.info("from the format")
            return "{message}\n"

        logger.add(tmp_path / "app.log", format=shape, filter=passes)
        logger.info("a {}", Value())
        assert sorted(read_log(tmp_path)) == ["a value", "from str", "from the filter", "from the format"]

    def test_patchers_lazy_arguments_and_onerror_may_log(self, logger: Logger, tmp_path: Path) -> None:
        """They hold no lock: other threads log meanwhile."""
        inside: list[str] = []

        def logs(what: str) -> None:
            if what not in inside:
                inside.append(what)
                logger.info("from the {}", what)
                thread = threading.Thread(target=logger.info, args=("beside the {}", what), daemon=True)
                thread.start()
                thread.join(30)
                assert not thread.is_alive()

        def filters(record: dict[str, Any]) -> bool:
            logs("filter")
            return True

        def shape(record: dict[str, Any]) -> str:
            logs("format")
            return "{message}\n"

        logger.configure(patcher=lambda record: logs("configured patcher"))
        logger.add(tmp_path / "app.log", format=shape, filter=filters)
        logger.patch(lambda record: logs("patcher")).opt(lazy=True).info("{}", lambda: logs("argument"))
        with logger.catch(message="caught", onerror=lambda error: logs("onerror")):
            raise ValueError
        whats = ("argument", "configured patcher", "filter", "format", "onerror", "patcher")
        expected = [f"{where} the {what}" for where in ("beside", "from") for what in whats]
        assert sorted(inside) == sorted(whats)
        assert sorted(read_log(tmp_path)) == sorted([*expected, "None", "caught"])

    def test_adding_and_removing_in_a_sink(self, logger: Logger) -> None:
        """The handlers of a call are those from its beginning."""
        got: list[str] = []

        def sink(message: str) -> None:
            logger.remove(number)
            logger.add(got.append, format="{message}")

        number = logger.add(sink)
        logger.info("one")
        logger.info("two")
        assert got == ["two\n"]


class TestDel:
    def test_objects_that_log_when_they_go(self, logger: Logger, tmp_path: Path) -> None:
        """A collection may run at any allocation inside of a log call."""

        class Cycle:
            def __init__(self) -> None:
                self.me = self

            def __del__(self) -> None:
                logger.info("gone")

        logger.add(tmp_path / "app.log", format="{message}")
        before = gc.get_threshold()
        gc.collect()
        gc.set_threshold(1, 1, 1)
        try:
            for n in range(300):
                Cycle()
                logger.info("line {}", n)
        finally:
            gc.set_threshold(*before)
        gc.collect()
        lines = read_log(tmp_path)
        assert lines.count("gone") == 300
        assert [line for line in lines if line != "gone"] == [f"line {n}" for n in range(300)]


SIGNALS_WANTED = 100_000 if FULL else 20

SIGNALS = """
    import copy, itertools, os, signal, sys, threading
    from mplog import logger

    least = int(sys.argv[2])  # signals
    logger.remove()
    logger.add("app.log", format="{process.id} {message}", rotation="50 KB", enqueue="enqueue" in sys.argv)
    logger.add(sys.stdout, format="{process.id} {message}")
    numbers = itertools.count()  # a handler may interrupt another one, so it takes its number at once

    def handle(number, frame):
        logger.info("handler {}", next(numbers))

    def work():
        parent = os.getpid()
        stop = threading.Event()

        def shoot():
            while not stop.is_set():
                os.kill(parent, signal.SIGUSR1)
                stop.wait(0.001)

        signal.signal(signal.SIGUSR1, handle)
        thread = threading.Thread(target=shoot)
        thread.start()
        lines = 0
        while lines < 2000 or next(copy.copy(numbers)) < least:
            logger.info("line {}", lines)
            if lines % 100 == 0:
                os.kill(parent, signal.SIGUSR1)
            lines += 1
        stop.set()
        thread.join()
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        logger.complete()
        with open("handled.txt", "w") as file:
            file.write(f"{next(numbers)} {lines}")

    if "worker" in sys.argv:
        pid = os.fork()
        if not pid:
            work()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    else:
        work()
"""


class TestSignals:
    @pytest.mark.timeout(120 + SIGNALS_WANTED / 200)
    @pytest.mark.parametrize("where", ["owner", "worker", "enqueue"])
    def test_a_handler_that_interrupts_log_calls(self, program: Program, where: str) -> None:
        """Thousands of signals in the middle of everything: no deadlock, nothing lost, nothing doubled."""
        ended = program.run(SIGNALS, where, SIGNALS_WANTED, within=60 + SIGNALS_WANTED / 200)
        handled, count = map(int, (ended.here / "handled.txt").read_text().split())
        assert handled >= SIGNALS_WANTED
        for lines in (ended.log(), ended.output.splitlines()):
            assert_once_in_order([line for line in lines if " line " in line], [f"line {n}" for n in range(count)])
            from_handler = sorted(int(line.split()[-1]) for line in lines if " handler " in line)
            assert from_handler == list(range(handled))
            assert len(lines) == count + handled


class TestSinksOfOneAnother:
    """Two sinks that log, each in a thread of its own: neither waits for the other for ever."""

    @staticmethod
    def _meet(logger: Logger, first: str, second: str) -> list[BaseException]:
        """Log *first* and *second* at the same time, each in a thread; what was raised."""
        raised: list[BaseException] = []

        def log(text: str) -> None:
            try:
                logger.info(text)
            except BaseException as error:  # noqa: BLE001 - looked at by the test
                raised.append(error)

        threads = [threading.Thread(target=log, args=(text,), daemon=True) for text in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in threads), "the threads wait for one another"
        return raised

    def test_two_functions(self, logger: Logger) -> None:
        """Each gets everything once, and its own order is that of its own messages."""
        both = threading.Barrier(2)
        got: dict[str, list[str]] = {"a": [], "b": []}

        def sink(name: str) -> Callable[[object], None]:
            def write(message: object) -> None:
                text = str(message).strip()
                got[name].append(text)
                if text == f"for {name}":
                    both.wait(20)  # Now each thread is inside of one of them.
                    logger.info(f"from {name}")

            return write

        logger.add(sink("a"), format="{message}", filter=lambda record: record["message"] != "for b")
        logger.add(sink("b"), format="{message}", filter=lambda record: record["message"] != "for a")
        assert not self._meet(logger, "for a", "for b")
        logger.info("last")
        for name in "ab":
            assert sorted(got[name]) == sorted([f"for {name}", "from a", "from b", "last"])
            assert got[name][0] == f"for {name}"

    def test_a_function_and_a_file(self, logger: Logger, tmp_path: Path) -> None:
        """A rotation function logs to the other sink, which logs to the file."""
        both = threading.Barrier(2)
        got: list[str] = []

        def write(message: object) -> None:
            got.append(str(message).strip())
            if got[-1] == "for the function":
                both.wait(20)
                logger.info("from the function")

        def rotates(message: object, _file: object) -> bool:
            if str(message).strip() == "for the file":
                both.wait(20)
                logger.info("from the file")
            return False

        logger.add(
            tmp_path / "app.log",
            format="{message}",
            rotation=rotates,
            filter=lambda record: record["message"] != "for the function",
        )
        logger.add(write, format="{message}", filter=lambda record: record["message"] != "for the file")
        assert not self._meet(logger, "for the file", "for the function")
        logger.complete()
        lines = (tmp_path / "app.log").read_text().splitlines()
        assert sorted(lines) == ["for the file", "from the file", "from the function"]
        assert sorted(got) == ["for the function", "from the file", "from the function"]
