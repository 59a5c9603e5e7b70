"""Whatever is patched, missing or wrong around a log call, it returns, and its record is there with a mark.

Beyond.md, row 21; the values that a call is given are in test_hostile_values.py.
"""

from __future__ import annotations

import _thread
import ctypes
import io
import json
import logging
import multiprocessing
import os.path
import sys
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest
from programs import Program, wait_until

from mplog._logger.logger import Logger
from mplog._sinks import report
from mplog.integrations.standard import InterceptHandler


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is told again what was said once."""
    monkeypatch.setattr(report, "_said", {})


@pytest.fixture
def got(logger: Logger) -> list[Any]:
    """What arrives at a function, a stream and a JSON stream of *logger*: for each record the three texts."""
    found: list[Any] = []
    logger.add(found.append, format="{time:YYYY} {level} {name}:{function}:{line} {message}")
    return found


def fail(*_: Any, **__: Any) -> Any:
    """Raise what nobody expects."""
    raise RuntimeError("no")


CLOCKS: dict[str, Any] = {
    "an end": {"side_effect": [1.0]},
    "a double": {},
    "nothing": {"return_value": None},
    "text": {"return_value": "now"},
    "no number": {"return_value": float("nan")},
    "infinity": {"return_value": float("inf")},
    "the far future": {"return_value": 1e20},
    "the far past": {"return_value": -1e13},
    "a decimal": {"return_value": Decimal(5)},
    "an error": {"side_effect": RuntimeError("no")},
}


class TestClock:
    @pytest.mark.parametrize("clock", CLOCKS)
    def test_no_time(
        self, logger: Logger, got: list[Any], clock: str, capsys: pytest.CaptureFixture[str], tmp_path: Any
    ) -> None:
        """Where `time.time` gives no time, the record has the true one and a mark; said once per call site."""
        logger.add(tmp_path / "app.log", format="{time:YYYY} {message}", rotation="1 KB")

        def call(number: int) -> None:
            logger.info("call {}", number)

        call(0)
        year = time.strftime("%Y")
        with mock.patch("time.time", **CLOCKS[clock]):
            for number in range(1, 4):
                call(number)
        call(4)
        assert [message.record["message"].split(" <")[0] for message in got] == [
            f"call {number}" for number in range(5)
        ]
        odd = got[2:4]
        assert all(message.record["message"].endswith(" <no clock>") for message in odd)
        assert all(message.startswith(year) for message in odd)
        assert all("mplog_error" in message.record["extra"] for message in odd)
        assert "<no clock>" not in got[4]
        assert (tmp_path / "app.log").read_text().count("call") == 5
        assert capsys.readouterr().err.count("gives no time") == 1

    @pytest.mark.parametrize("clock", [5, 5.5, 1e9])
    def test_another_time(self, logger: Logger, got: list[Any], clock: float) -> None:
        """What tests freeze is what records show."""
        with mock.patch("time.time", return_value=clock):
            for _ in range(3):
                logger.info("frozen")
        assert [message.record["time"].timestamp() for message in got] == [clock] * 3
        assert all(message.record["message"] == "frozen" for message in got)

    @pytest.mark.parametrize("name", ["localtime", "strftime"])
    def test_no_zone(self, logger: Logger, got: list[Any], name: str) -> None:
        """Without a local zone the time is shown in another."""
        with mock.patch(f"time.{name}", side_effect=RuntimeError("no")), mock.patch("time.localtime", fail):
            for moment in (1e9, 1.1e9, 1.2e9):
                with mock.patch("time.time", return_value=moment):
                    logger.info("zone")
        assert [message.record["time"].timestamp() for message in got] == [1e9, 1.1e9, 1.2e9]


class TestNobodyAbove:
    def test_every_way_to_log(self, logger: Logger, got: list[Any]) -> None:
        """Called by C, with no frame of Python's above it, a record comes from `<unknown>`."""

        def nobody(function: Callable[..., object], *args: Any) -> None:
            done = threading.Event()
            finished = mock.Mock(side_effect=lambda: done.set())
            _thread.start_new_thread(function, args)
            before = len(got)
            wait_until(lambda: len(got) > before, "the record is there")
            finished()

        logged: list[Callable[..., object]] = [
            logger.info,
            logger.opt(depth=1).info,
            logger.opt(depth=-1).info,
            logger.opt(lazy=True).info,
            logger.bind(a=1).info,
            logger.patch(lambda record: None).info,
            logger.exception,
        ]
        for function in logged:
            nobody(function, "text")
        nobody(logger.log, "INFO", "text")
        nobody(logger.log, 33, "text")
        nobody(logger.catch(lambda: 1 / 0))
        nobody(logger.catch().__exit__, ValueError, ValueError("v"), None)
        assert len(got) == len(logged) + 4
        assert all("None:<unknown>:0" in message for message in got)

    def test_an_exit_function(self, program: Program) -> None:
        """`atexit.register(logger.info, ...)` is a line like any other."""
        ended = program.run(
            """
            import atexit
            from mplog import logger

            logger.remove()
            logger.add("app.log", format="{function} {message}")
            atexit.register(logger.info, "bye")
            """
        )
        assert ended.log() == ["<unknown> bye"]

    def test_a_thread_of_c(self, logger: Logger, got: list[Any]) -> None:
        """A callback that C calls in a thread which Python does not know."""
        kind = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
        callback = kind(logger.info)
        thread = ctypes.c_ulong()
        library = ctypes.CDLL(None)
        assert library.pthread_create(ctypes.byref(thread), None, callback, None) == 0
        assert library.pthread_join(thread, None) == 0
        assert len(got) == 1


class TestSurroundings:
    def test_globals_of_a_class(self, logger: Logger, got: list[Any]) -> None:
        """A module's globals may be a mapping whose methods raise."""

        class Globals(dict):  # type: ignore[type-arg]  # of anything
            get = __contains__ = keys = fail

        space = Globals(logger=logger, __name__="a.module")
        for _ in range(2):
            exec("logger.info('text')", space)
        logger.disable("another")
        exec("logger.info('text')", space)
        assert [message.record["name"] for message in got] == ["a.module"] * 3

    @pytest.mark.parametrize(
        ("module", "name"),
        [
            (threading, "current_thread"),
            (threading, "get_ident"),
            (multiprocessing.process, "current_process"),
            (os.path, "basename"),
            (os.path, "splitext"),
            (sys, "_getframe"),
        ],
    )
    def test_a_double_that_raises(
        self, logger: Logger, got: list[Any], monkeypatch: pytest.MonkeyPatch, module: Any, name: str
    ) -> None:
        """Whatever of the standard library a program's tests replace, or take away, the record is there."""
        for is_missing in (False, True):
            if is_missing:
                monkeypatch.delattr(module, name)
            else:
                monkeypatch.setattr(module, name, fail)
            for _ in range(2):
                logger.info("text")
            monkeypatch.undo()
        assert [message.record["message"] for message in got] == ["text"] * 4

    def test_a_level_name_of_a_class(self, logger: Logger, got: list[Any]) -> None:
        """Names and numbers of levels are taken for what they are, whatever their class does."""

        class Name(str):
            __eq__ = __hash__ = __str__ = __format__ = fail

        class Number(int):
            __lt__ = __ge__ = __gt__ = __str__ = __format__ = fail

        for _ in range(2):
            logger.log(Name("INFO"), "text")
            logger.log(Number(33), "text")
        assert [message.record["level"].no for message in got] == [20, 33, 20, 33]
        with pytest.raises(TypeError):
            logger.log(type("Odd", (), {"__class__": property(fail)})(), "text")


FORMATS = {
    "attribute": "{level.nmae} {message}",
    "specification": "{line:zz} {message}",
    "specification of text": "{name:d} {message}",
    "key": "{extra[absent]} {message}",
    "field": "{absent} {message}",
    "index": "{extra[0][1]} {message}",
    "a function that raises": lambda record: fail(),
    "a function of no text": lambda record: 5,
    "a function of no format": lambda record: "{",
}


class TestFormats:
    @pytest.mark.parametrize("catch", [True, False])
    @pytest.mark.parametrize("name", FORMATS)
    def test_of_no_use(
        self, logger: Logger, tmp_path: Any, name: str, catch: bool, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The record is there as a plain line with a mark, and the error is reported; without `catch` it is raised."""
        given: Any = FORMATS[name]
        texts, records, stream = tmp_path / "app.log", tmp_path / "json.log", io.StringIO()
        logger.add(texts, format=given, catch=catch)
        logger.add(records, format=given, serialize=True)
        logger.add(stream, format=given)
        for number in range(3):
            if catch:
                logger.info("number {}", number)
            else:
                with pytest.raises((AttributeError, ValueError, RuntimeError, TypeError)):
                    logger.info("number {}", number)
        if not catch:
            return
        for lines in (texts.read_text().splitlines(), stream.getvalue().splitlines()):
            assert [f"number {number} <not formatted: " in line for number, line in enumerate(lines)] == [True] * 3
        assert [json.loads(line)["record"]["message"] for line in records.read_text().splitlines()] == [
            f"number {number}" for number in range(3)
        ]
        assert f"handler 0 ({texts}) failed with " in capsys.readouterr().err
        assert logger.statistics().failed == 0

    def test_with_an_exception(self, logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
        """The plain line has the traceback below it, and what came with the data is escaped."""
        got: list[str] = []
        logger.add(got.append, format="{level.nmae}")
        try:
            fail()
        except RuntimeError:
            logger.exception("\x1b[31m")
        assert "- \\x1b[31m <not formatted: AttributeError(" in got[0]
        assert got[0].endswith("RuntimeError: no\n")

    @pytest.mark.parametrize("name", ["attribute", "specification", "key", "field"])
    def test_in_a_worker(self, program: Program, name: str) -> None:
        """The same in a worker, for a file and for a function in the owner."""
        ended = program.run(
            """
            import os, sys
            from mplog import logger

            logger.remove()
            logger.add("app.log", format=sys.argv[1])
            got = open("got.txt", "a", buffering=1)
            logger.add(lambda message: got.write(message), format=sys.argv[1])
            pid = os.fork()
            if not pid:
                for number in range(3):
                    logger.info("number {}", number)
                os._exit(0)
            os.waitpid(pid, 0)
            logger.remove()
            got.close()
            """,
            FORMATS[name],
            silent=False,
        )
        got = (ended.here / "got.txt").read_text().splitlines()
        for lines in (ended.log(), got):
            assert [f"number {number} <not formatted: " in line for number, line in enumerate(lines)] == [True] * 3


class TestPatchers:
    @pytest.mark.parametrize("place", ["owner", "worker"])
    def test_fields_that_are_gone(self, program: Program, place: str) -> None:
        """Whatever field a patcher removes or replaces, each kind of sink has the record."""
        ended = program.run(
            """
            import json, logging, os, sys
            from mplog import logger

            keys = ["elapsed", "exception", "extra", "file", "function", "level", "line", "message", "module", "name",
                    "process", "thread", "time"]

            class Standard(logging.Handler):
                def emit(self, record):
                    note("standard.txt")

            def note(name):
                with open(name, "a") as file:
                    print("x", file=file)

            logger.remove()
            logger.add("app.log", format="@@{time} {message} {name} {level} {line}")
            logger.add("json.log", serialize=True, format="x")
            logger.add("filtered.log", filter={"a": 10}, format="x")
            logger.add(Standard(), format="x")
            logger.add(lambda message: note("function.txt"), format="x")
            pid = os.fork() if sys.argv[1] == "worker" else 0
            if not pid:
                for key in keys:
                    logger.patch(lambda record: record.pop(key)).info("gone")
                    logger.patch(lambda record: record.update({key: 5})).info("replaced")
                    logger.patch(lambda record: record.update({key: [None]})).info("replaced")
                logger.patch(lambda record: record.clear()).info("gone")
                if sys.argv[1] == "worker":
                    os._exit(0)
            else:
                os.waitpid(pid, 0)
            logger.remove()
            assert logger.statistics().failed == 0
            """,
            place,
            silent=False,
        )
        count = 3 * 13 + 1
        names = {"elapsed", "exception", "extra", "file", "function", "level", "line", "message", "module", "name"}
        names |= {"process", "thread", "time"}
        records = [json.loads(line)["record"] for line in ended.log("json.log")]
        assert len(records) == count
        assert all(record.keys() == names for record in records)
        assert len([line for line in ended.log() if line[:2] == "@@" or " | " in line]) == count
        assert ended.log("filtered.log").count("x") == count
        for name in ("standard.txt", "function.txt"):
            assert len((ended.here / name).read_text().splitlines()) == count


class TestStandardRecords:
    def test_messages_that_cannot_be_asked(self, logger: Logger, got: list[Any]) -> None:
        """A standard record of anything arrives, and says what could not be read of it."""

        class Everything:
            __str__ = __repr__ = fail

            def __getattr__(self, name: str) -> Any:
                raise RuntimeError(name)

        class Event:
            record = 5

            def __str__(self) -> str:
                return "an event"

        handler = InterceptHandler()
        handler.logger = logger  # type: ignore[assignment]  # the stub's logger is another class
        odd: dict[str, Any] = {"levelname": ["x"], "levelno": "abc", "msg": "odd", "created": "now", "args": 5}
        without = logging.makeLogRecord({"msg": "without"})
        for name in ("exc_info", "created", "lineno", "name", "process", "stack_info"):
            delattr(without, name)
        for record in (
            logging.makeLogRecord({"msg": Everything(), "levelno": 30}),
            logging.makeLogRecord({"msg": Event(), "levelno": 30}),
            logging.makeLogRecord({"msg": mock.Mock(name="m"), "levelno": 30}),
            logging.makeLogRecord(odd),
            without,
        ):
            handler.handle(record)
        shown = [message.record["message"] for message in got]
        assert shown[0] == "<unprintable Everything object: RuntimeError> <not formatted: RuntimeError>"
        assert shown[1] == "an event"
        assert shown[2].startswith("<Mock name='m'")
        assert shown[3].startswith("'odd' <not formatted")
        assert shown[4].startswith("without")
        assert len(shown) == 5
