"""Standard records in mplog, and both ways at once; logger-api.md, section 31.2."""

from __future__ import annotations

import logging
import logging.handlers
import os
import queue
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from mplog._logger.logger import Logger
from mplog.integrations import standard
from mplog.integrations.standard import InterceptHandler, intercept

Records = list[dict[str, Any]]


@pytest.fixture
def records(logger: Logger, monkeypatch: pytest.MonkeyPatch) -> Records:
    """What arrives in mplog, from handlers made in this test."""
    monkeypatch.setattr(standard, "logger", logger)
    got: Records = []
    logger.add(lambda message: got.append({**message.record, "text": str(message)}), level=0, format="{message}")
    return got


@pytest.fixture
def log() -> logging.Logger:
    """A standard logger whose records go to mplog."""
    made = logging.Logger("some.library")
    made.addHandler(InterceptHandler())
    return made


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """Each test leaves the root logger as it was."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level, root.propagate)
    yield
    assert (root.handlers, root.level, root.propagate) == before


# The handler takes the logger of its module when it is made, so `records` comes first in each test.


class TestRecord:
    def test_the_place(self, records: Records, log: logging.Logger) -> None:
        """File, line, function and module are those of the standard call, the name is the standard logger's."""
        log.info("hello %s", "world")
        line = sys._getframe().f_lineno - 1
        (record,) = records
        assert record["message"] == "hello world"
        assert (record["file"].path, record["file"].name) == (__file__, os.path.basename(__file__))
        assert (record["line"], record["function"]) == (line, "test_the_place")
        assert (record["module"], record["name"]) == ("test_intercept", "some.library")
        assert record["process"].id == os.getpid()
        assert record["thread"].id == threading.get_ident()

    def test_stacklevel(self, records: Records, log: logging.Logger) -> None:
        """A wrapper that names its caller is believed."""

        def wrapper() -> None:
            log.info("x", stacklevel=2)

        wrapper()
        assert records[0]["line"] == sys._getframe().f_lineno - 1
        assert records[0]["function"] == "test_stacklevel"

    def test_braces_are_not_touched(self, records: Records, log: logging.Logger) -> None:
        """The text is finished."""
        log.info("{} {x} %d", 5)
        log.info("<red>no markup</red> \\<b>")
        assert [record["message"] for record in records] == ["{} {x} 5", "<red>no markup</red> \\<b>"]

    def test_extra(self, records: Records, log: logging.Logger) -> None:
        """All of it, whatever the names; nothing that every record has."""
        log.info("x", extra={"user": 5, "self": 1, "sink": [2], "with space": 3})
        log.info("y")
        assert records[0]["extra"] == {"user": 5, "self": 1, "sink": [2], "with space": 3}
        assert records[1]["extra"] == {}

    def test_levels(self, records: Records, logger: Logger, log: logging.Logger) -> None:
        """By name, else by number."""
        logger.level("NOTICE", 22)
        logging.addLevelName(21, "NOTICE")
        logging.addLevelName(23, "SUCCESS")
        try:
            for number in (logging.DEBUG, logging.CRITICAL, 21, 23, 5, 37):
                log.log(number, "x")
        finally:
            for number in (21, 23):
                logging._levelToName.pop(number)
            for name in ("NOTICE", "SUCCESS"):
                logging._nameToLevel.pop(name)
        assert [(record["level"].name, record["level"].no) for record in records] == [
            ("DEBUG", 10),
            ("CRITICAL", 50),
            ("NOTICE", 22),
            ("SUCCESS", 25),
            ("Level 5", 5),
            ("Level 37", 37),
        ]

    def test_an_exception(self, records: Records, log: logging.Logger) -> None:
        """The object itself, with its traceback."""
        try:
            int("x")
        except ValueError as error:
            log.exception("failed")
            log.error("failed again", exc_info=error)
        log.exception("none", exc_info=True)
        for record in records[:2]:
            assert record["exception"].type is ValueError
            assert "ValueError: invalid literal" in record["text"]
            assert record["exception"].traceback is not None
        assert records[2]["text"].endswith("NoneType: None\n")
        log.info("x")
        assert records[3]["exception"] is None

    def test_an_exception_of_which_only_the_text_is_left(self, records: Records, log: logging.Logger) -> None:
        """As in records that went through a queue of another process: below the message."""
        record = logging.makeLogRecord({"msg": "failed", "levelno": 40, "exc_text": "Traceback ...\nValueError: no"})
        log.handle(record)
        assert records[0]["message"] == "failed\nTraceback ...\nValueError: no"

    def test_a_stack(self, records: Records, log: logging.Logger) -> None:
        """Below the message, as a standard formatter shows it."""
        log.info("x", stack_info=True)
        lines = records[0]["message"].splitlines()
        assert lines[:2] == ["x", "Stack (most recent call last):"]
        assert "log.info" in lines[-1]

    def test_a_message_that_cannot_be_formatted(self, records: Records, log: logging.Logger) -> None:
        """Arrives as it was given, with a mark."""

        class Bad:
            def __str__(self) -> str:
                raise RuntimeError

        log.info("%d %d", 1)
        log.info("%s", Bad())
        assert [record["message"] for record in records] == [
            "'%d %d' <not formatted: TypeError>",
            "'%s' <not formatted: RuntimeError>",
        ]

    def test_one_that_comes_from_another_thread(self, records: Records) -> None:
        """Later, through a queue: time, thread and place are those of the call."""
        waiting: queue.Queue[Any] = queue.Queue()
        log = logging.Logger("queued")
        log.addHandler(logging.handlers.QueueHandler(waiting))
        made = logging.LogRecord("queued", 20, "/some/file.py", 77, "hello %s", ("x",), None, "function")
        made.created = 1_000_000_000.25
        made.thread, made.threadName, made.process, made.processName = 5, "T", 6, "P"
        log.handle(made)
        listener = logging.handlers.QueueListener(waiting, InterceptHandler())
        listener.start()
        listener.stop()
        (record,) = records
        assert record["time"].timestamp() == made.created
        assert (record["thread"].id, record["thread"].name) == (5, "T")
        assert (record["process"].id, record["process"].name) == (6, "P")
        assert (record["file"].path, record["line"], record["function"]) == ("/some/file.py", 77, "function")
        assert record["message"] == "hello x"

    def test_what_the_program_does_not_collect(
        self, records: Records, log: logging.Logger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Is known to mplog all the same."""
        for name in ("logThreads", "logMultiprocessing", "logProcesses"):
            monkeypatch.setattr(logging, name, False)
        log.info("x")
        assert records[0]["process"].id == os.getpid()
        assert records[0]["thread"].name == threading.current_thread().name

    def test_a_disabled_module(self, records: Records, logger: Logger, log: logging.Logger) -> None:
        """Is silent, also through `logging`."""
        logger.disable(__name__)
        log.info("x")
        logger.enable(__name__)
        log.info("y")
        assert [record["message"] for record in records] == ["y"]

    @pytest.mark.parametrize("name", ["some", "some.library"])
    def test_a_disabled_library(self, records: Records, logger: Logger, log: logging.Logger, name: str) -> None:
        """By the name that its records show, whatever module the call is in."""
        logger.disable(name)
        log.error("x")
        logger.enable(name)
        log.info("y")
        logger.disable("some.library.inside")
        logger.disable("some.lib")
        log.info("z")
        assert [record["message"] for record in records] == ["y", "z"]

    def test_a_view(self, records: Records, logger: Logger) -> None:
        """The handler may be given one; what it binds is there, and what the call gives comes on top."""
        handler = InterceptHandler()
        handler.logger = logger.bind(a=1, b=2)  # type: ignore[assignment]  # the stub's Logger, and the real one
        log = logging.Logger("some.library")
        log.addHandler(handler)
        log.info("x", extra={"b": 3})
        assert records[0]["extra"] == {"a": 1, "b": 3}

    def test_its_level_and_filters(self, records: Records) -> None:
        """Are those of any standard handler."""
        handler = InterceptHandler("WARNING")
        handler.addFilter(lambda record: "no" not in record.getMessage())
        log = logging.Logger("some.library")
        log.addHandler(handler)
        for text in ("yes", "no"):
            log.info(text)
            log.error(text)
        assert [record["message"] for record in records] == ["yes"]

    def test_a_sink_that_raises(self, records: Records, logger: Logger, log: logging.Logger) -> None:
        """With `catch=False` it does so in the standard call, too."""

        def sink(message: str) -> None:
            raise OSError("no")

        logger.add(sink, catch=False)
        with pytest.raises(OSError, match="no"):
            log.info("x")


class TestIntercept:
    def test_everything(self, records: Records) -> None:
        """The root logger passes all levels of all loggers, and is given back what it had."""
        with intercept(level=0):
            logging.getLogger("a.b").debug("debug")
            logging.info("info")
            assert len(logging.getLogger().handlers) == 1
        assert [(record["name"], record["message"]) for record in records] == [("a.b", "debug"), ("root", "info")]
        logging.getLogger("a.b").error("not any more")
        assert len(records) == 2

    def test_without_a_level(self, records: Records) -> None:
        """Libraries keep what they say while they are debugged to themselves, but for those that are asked."""
        asked = logging.getLogger("asked.library")
        asked.setLevel("DEBUG")
        try:
            with intercept():
                for name in ("some.library", "asked.library", ""):
                    logging.getLogger(name).debug("debug")
                    logging.getLogger(name).info("info")
        finally:
            asked.setLevel(logging.NOTSET)
        assert [(record["name"], record["message"]) for record in records] == [
            ("some.library", "info"),
            ("asked.library", "debug"),
            ("asked.library", "info"),
            ("root", "info"),
        ]

    def test_a_level(self, records: Records) -> None:
        """Below it nothing is made."""
        with intercept(level="ERROR"):
            logging.warning("no")
            logging.error("yes")
        assert [record["message"] for record in records] == ["yes"]

    @pytest.mark.parametrize("level", ["LOUD", 1.5, None])
    def test_a_level_that_logging_does_not_know(self, level: Any) -> None:
        """Is refused before anything is changed."""
        with pytest.raises((ValueError, TypeError)):
            intercept(level=level)

    def test_loggers_with_handlers_of_their_own(self, records: Records) -> None:
        """By name: each record comes once."""
        own = logging.getLogger("with.own")
        kept: list[logging.LogRecord] = []
        handler = logging.Handler()
        handler.emit = kept.append  # type: ignore[method-assign, assignment]  # a handler that keeps
        own.addHandler(handler)
        own.propagate = False
        with intercept(level="DEBUG", loggers=["", "with.own"]):
            own.debug("one")
            logging.getLogger("with.own.child").info("two")
            assert kept == []
        assert [record["message"] for record in records] == ["one", "two"]
        assert (own.handlers, own.propagate, own.level) == ([handler], False, logging.NOTSET)
        own.removeHandler(handler)
        own.propagate = True

    def test_one_name_and_twice(self, records: Records) -> None:
        """The second one takes the place of the first."""
        with intercept(loggers="one"), intercept(loggers="one") as second:
            logging.getLogger("one").info("x")
            logging.getLogger("other").info("y")
            second.end()
            second.end()
            logging.getLogger("one").info("z")
        assert [record["message"] for record in records] == ["x", "z"]
        assert logging.getLogger("one").handlers == []

    def test_captured_warnings(self, records: Records) -> None:
        """`logging.captureWarnings` brings them."""
        with intercept(), warnings.catch_warnings():
            warnings.simplefilter("always")
            logging.captureWarnings(True)
            try:
                warnings.warn("careful", stacklevel=1)
            finally:
                logging.captureWarnings(False)
        assert records[0]["name"] == "py.warnings"
        assert "UserWarning: careful" in records[0]["message"]


class Propagating(logging.Handler):
    """Passes on to the tree of standard loggers, as the recipe does."""

    def emit(self, record: logging.LogRecord) -> None:
        logging.getLogger(record.name).handle(record)


class TestBothWays:
    def test_they_do_not_loop(self, records: Records, logger: Logger) -> None:
        """A record of mplog is not taken back; a standard one arrives once."""
        logger.add(Propagating(), format="{message}")
        with intercept():
            logger.info("from mplog")
            logging.info("from logging")
        assert [record["message"] for record in records] == ["from mplog", "from logging"]

    def test_the_handler_itself_as_a_sink(self, records: Records, logger: Logger) -> None:
        """Takes nothing."""
        logger.add(InterceptHandler())
        logger.info("x")
        assert [record["message"] for record in records] == ["x"]

    def test_threads(self, records: Records, logger: Logger) -> None:
        """A sink that logs with `logging`, and a standard call, hold no locks that wait for each other."""

        def sink(message: str) -> None:
            if "nested" not in message:
                logging.getLogger("nested").info("nested")

        logger.add(sink, format="{message}")

        def work(log: Any) -> None:
            for _ in range(200):
                log("x")

        with intercept():
            threads = [
                threading.Thread(target=work, args=(log,), daemon=True)
                for log in (logger.info, logging.info, logger.info, logging.info)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            assert not any(thread.is_alive() for thread in threads)
        assert [record["message"] for record in records].count("x") == 800
        assert [record["message"] for record in records].count("nested") == 800


class TestRecipes:
    def test_interception_by_depth(self, records: Records, logger: Logger) -> None:
        """The well-known handler that counts frames attributes each record to the standard call."""

        class Recipe(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                try:
                    level: str | int = logger.level(record.levelname).name
                except ValueError:
                    level = record.levelno
                frame, depth = sys._getframe(0), 0
                while frame.f_back is not None and (depth == 0 or frame.f_code.co_filename == logging.__file__):
                    frame = frame.f_back
                    depth += 1
                logger.opt(depth=depth, exception=record.exc_info).log(level, record.getMessage())

        log = logging.Logger("recipe")
        log.addHandler(Recipe())
        log.warning("hello %s", "world")
        line = sys._getframe().f_lineno - 1
        log.log(37, "own")
        try:
            int("x")
        except ValueError:
            log.exception("failed")
        first, second, third = records
        assert (first["message"], first["level"].name) == ("hello world", "WARNING")
        assert (first["line"], first["function"]) == (line, "test_interception_by_depth")
        assert (first["file"].path, first["module"], first["name"]) == (__file__, "test_intercept", __name__)
        assert second["level"].name == "Level 37"
        assert third["exception"].type is ValueError

    def test_propagation(self, records: Records, logger: Logger) -> None:
        """A handler that passes records on reaches the standard loggers of that name."""
        logger.add(Propagating(), format="{message}")
        kept: list[logging.LogRecord] = []
        handler = logging.Handler()
        handler.emit = kept.append  # type: ignore[method-assign, assignment]  # a handler that keeps
        log = logging.getLogger(__name__)
        log.addHandler(handler)
        log.propagate = False
        try:
            logger.info("x")
        finally:
            log.removeHandler(handler)
            log.propagate = True
        assert [record.getMessage() for record in kept] == ["x"]

    def test_functions_that_exist_already(self, logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
        """`print`, `list.append`, `warnings.warn`, `tqdm.write`."""
        from tqdm import tqdm

        got: list[Any] = []
        logger.add(print, format="{message}")
        logger.add(got.append, format="{message}")
        logger.add(warnings.warn, format="{message}")
        logger.add(tqdm.write, format="tqdm {message}")
        with pytest.warns(UserWarning, match="hello"):
            logger.info("hello")
        assert got == ["hello\n"]
        assert capsys.readouterr().out == "hello\n\ntqdm hello\n\n"
