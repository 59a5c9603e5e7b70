"""Handlers of standard `logging` as sinks; logger-api.md, sections 9 and 31.1."""

from __future__ import annotations

import io
import logging
import logging.handlers
import os
import queue
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mplog._capture import stand_in
from mplog._capture.record import Message, RecordException
from mplog._logger.logger import Logger
from mplog._render.times import local_time
from mplog._sinks.standard import StandardSink, log_record


class Keeping(logging.Handler):
    """Keeps what it gets."""

    def __init__(self, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self.got: list[logging.LogRecord] = []
        self.closes = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.got.append(record)

    def close(self) -> None:
        self.closes += 1
        super().close()


@pytest.fixture
def handler() -> Keeping:
    """A handler that keeps what it gets."""
    return Keeping()


class TestRecord:
    def test_every_attribute(self, logger: Logger, handler: Keeping) -> None:
        """As the log call knew it."""
        logger.add(handler, format="{level} {message}")
        logger.bind(name="n", message="m", args=1).info("hello {}", "world")
        line = sys._getframe().f_lineno - 1
        (record,) = handler.got
        assert record.name == __name__
        assert (record.levelno, record.levelname) == (20, "INFO")
        assert record.pathname == __file__
        assert (record.filename, record.module) == (os.path.basename(__file__), __name__.rpartition(".")[2])
        assert (record.lineno, record.funcName) == (line, "test_every_attribute")
        assert record.msg == record.getMessage() == "INFO hello world"
        assert type(record.getMessage()) is str
        assert record.args == ()
        assert (record.exc_info, record.exc_text, record.stack_info) == (None, None, None)
        assert record.__dict__["extra"] == {"name": "n", "message": "m", "args": 1}
        assert (record.process, record.processName) == (os.getpid(), "MainProcess")
        assert (record.thread, record.threadName) == (threading.get_ident(), threading.current_thread().name)

    def test_nothing_is_added_to_it(self, logger: Logger, handler: Keeping) -> None:
        """But `extra`: formatters that show unknown attributes show no more."""
        logger.add(handler)
        logger.info("x")
        plain = logging.getLogger().makeRecord("", 0, "", 0, "", (), None)
        assert set(handler.got[0].__dict__) == {*plain.__dict__, "extra"}

    def test_an_exception(self, logger: Logger, handler: Keeping) -> None:
        """Its text is part of the message, after a newline, and formatters do not show it again."""
        logger.add(handler, format="{message}")
        try:
            int("x")
        except ValueError:
            logger.exception("failed")
            shown = sys.exc_info()
        (record,) = handler.got
        assert record.exc_info is not None
        assert record.exc_info[:2] == shown[:2]
        assert record.exc_text == "\n"
        text = record.getMessage()
        assert text.startswith("failed\nTraceback (most recent call last):\n")
        assert text.endswith("ValueError: invalid literal for int() with base 10: 'x'\n")
        assert logging.Formatter("%(message)s").format(record).count("Traceback") == 1

    def test_where_the_format_puts_the_exception(self, logger: Logger, handler: Keeping) -> None:
        """A newline stands before its text, wherever that is; nothing is added to what a function returns."""
        other = Keeping()
        logger.add(handler, format="{message} <{exception}>")
        logger.add(other, format=lambda record: "F {message}{exception}")
        logger.info("one")
        try:
            int("x")
        except ValueError:
            logger.exception("two")
        assert handler.got[0].getMessage() == "one <>"
        assert handler.got[1].getMessage().startswith("two <\nTraceback")
        assert other.got[0].getMessage() == "F one"
        assert other.got[1].getMessage().startswith("F two\nTraceback")
        assert other.got[1].getMessage().count("Traceback") == 1

    def test_a_level_of_ones_own(self, logger: Logger, handler: Keeping) -> None:
        """Its name, also that of a number."""
        logger.level("NOTICE", 22)
        logger.add(handler)
        logger.log("NOTICE", "x")
        logger.log(12, "x")
        logger.success("x")
        assert [(record.levelno, record.levelname) for record in handler.got] == [
            (22, "NOTICE"),
            (12, "Level 12"),
            (25, "SUCCESS"),
        ]

    def test_time_is_that_of_the_call(self, logger: Logger, handler: Keeping) -> None:
        """Not that of the hand-over, which may be much later."""
        seen: list[Any] = []
        logger.add(handler)
        logger.add(seen.append)
        logger.info("x")
        message = seen[0]
        moment = message.record["time"] = message.record["time"].replace(year=2001, microsecond=123456)
        record = log_record(message)
        assert record.created == moment.timestamp()
        assert record.msecs == 123.0
        assert record.relativeCreated < 0
        assert logging.Formatter("%(asctime)s", "%Y").format(record) == "2001"
        assert abs(handler.got[0].relativeCreated - logging.makeLogRecord({}).relativeCreated) < 60_000

    def test_what_the_program_does_not_collect(
        self, logger: Logger, handler: Keeping, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`logging` has switches for it."""
        for name in ("logThreads", "logMultiprocessing", "logProcesses"):
            monkeypatch.setattr(logging, name, False)
        logger.add(handler)
        logger.info("x")
        (record,) = handler.got
        assert (record.process, record.processName, record.thread) == (None, None, None)

    def test_a_factory_of_the_program(self, logger: Logger, handler: Keeping) -> None:
        """Records are made as `logging` makes them."""

        class Own(logging.LogRecord): ...

        before = logging.getLogRecordFactory()
        logging.setLogRecordFactory(Own)
        try:
            logger.add(handler)
            logger.info("x")
        finally:
            logging.setLogRecordFactory(before)
        assert type(handler.got[0]) is Own

    def test_it_is_made_by_the_root_logger(
        self, logger: Logger, handler: Keeping, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By its `makeRecord`, with the fields of the record in the order of `logging`."""
        calls: list[tuple[Any, ...]] = []
        root = logging.getLogger()
        make = root.makeRecord

        def making(*args: Any, **keywords: Any) -> logging.LogRecord:
            calls.append(args)
            return make(*args, **keywords)

        monkeypatch.setattr(root, "makeRecord", making)
        logger.add(handler, format="{message}")
        logger.info("x")
        line = sys._getframe().f_lineno - 1
        assert calls == [
            (__name__, 20, __file__, line, "x", (), None, "test_it_is_made_by_the_root_logger", {"extra": {}})
        ]
        assert handler.got[0].getMessage() == "x"

    def test_raw(self, logger: Logger, handler: Keeping) -> None:
        """The raw message is all, with whatever it ends, and without the exception's text."""
        logger.add(handler, format="{level} {message}")
        logger.opt(raw=True).info("raw\n")
        logger.opt(raw=True, exception=ValueError("no")).error("raw")
        assert [record.msg for record in handler.got] == ["raw\n", "raw"]
        assert [record.getMessage() for record in handler.got] == ["raw\n", "raw"]

    def test_extra_harms_nothing(self, logger: Logger, handler: Keeping) -> None:
        """Keys that `logging` itself refuses, and such as its records have."""
        keys = logging.makeLogRecord({}).__dict__.keys() | {"message", "asctime", "extra", "taskName"}
        logger.add(handler, format="{message}")
        logger.bind(**dict.fromkeys(keys, "mine")).info("x")
        (record,) = handler.got
        assert (record.name, record.msg, record.levelname, record.lineno > 0) == (__name__, "x", "INFO", True)
        assert record.__dict__["extra"] == dict.fromkeys(keys, "mine")
        assert logging.Formatter("%(message)s %(extra)s").format(record).startswith("x {")

    def test_an_exception_that_has_travelled(self) -> None:
        """Only name and text are known; formatters find a type and a value, as they expect it."""
        message = _message("failed")
        travelled = stand_in.kind("ValueError"), stand_in.exception("ValueError", "no"), None
        message.record["exception"] = RecordException(*travelled)
        record = log_record(message)
        record.exc_text = None
        assert logging.Formatter("%(message)s").format(record) == "failed\nValueError: no"


def _message(text: str) -> Message:
    """A message with a record, as a sink gets it."""
    from mplog._capture.notice import notice

    message = Message(text)
    message.record = notice(text, local_time(time.time()))
    return message


class TestHandler:
    def test_its_level_of_the_moment(self, logger: Logger, handler: Keeping) -> None:
        """Is obeyed, also when it changes."""
        logger.add(handler, format="{message}")
        handler.setLevel("ERROR")
        logger.info("one")
        logger.error("two")
        handler.setLevel("INFO")
        logger.info("three")
        assert [record.getMessage() for record in handler.got] == ["two", "three"]

    def test_it_is_called_as_logging_calls_it(self, logger: Logger) -> None:
        """By `handle`, which looks at filters and holds the handler's own lock around `emit`; never by more threads."""
        seen: list[tuple[str, bool]] = []

        class Own(logging.Handler):
            def handle(self, record: logging.LogRecord) -> Any:
                seen.append(("handle", self._owned()))
                return super().handle(record)

            def emit(self, record: logging.LogRecord) -> None:
                seen.append(("emit", self._owned()))

            def _owned(self) -> bool:
                return bool(self.lock._is_owned())  # type: ignore[union-attr]  # of an RLock

        logger.add(Own())
        logger.info("x")
        assert seen == [("handle", False), ("emit", True)]

    def test_a_level_between_those_of_the_logger(self, logger: Logger, handler: Keeping) -> None:
        """Numbers are compared; the handler's own and that of `add()` both count."""
        handler.setLevel(33)
        logger.add(handler, format="{message}", level=31)
        for number in (30, 31, 32, 33, 34):
            logger.log(number, number)
        handler.setLevel(0)
        for number in (30, 31):
            logger.log(number, number)
        assert [record.getMessage() for record in handler.got] == ["33", "34", "31"]

    def test_its_filters(self, logger: Logger, handler: Keeping) -> None:
        """As if the record came from `logging`."""
        handler.addFilter(lambda record: "yes" in record.getMessage())
        logger.add(handler, format="{message}")
        logger.info("yes")
        logger.info("no")
        assert [record.getMessage() for record in handler.got] == ["yes"]

    def test_its_formatter(self, logger: Logger) -> None:
        """Applies to the finished text, and the handler ends the line itself."""
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(logging.Formatter("<%(levelname)s %(message)s>"))
        logger.add(handler, format="{message}!")
        logger.info("x")
        assert stream.getvalue() == "<INFO x!>\n"

    def test_file_and_memory_handlers(self, logger: Logger, tmp_path: Path) -> None:
        """What they hold back is written when the handler is removed."""
        path = tmp_path / "standard.log"
        target = logging.FileHandler(path, encoding="utf8")
        memory = logging.handlers.MemoryHandler(100, target=target, flushLevel=logging.CRITICAL)
        logger.add(memory, format="{message} é")
        logger.info("x")
        assert path.read_text() == ""
        logger.remove()
        target.close()
        assert path.read_text(encoding="utf8") == "x é\n"

    def test_a_queue(self, logger: Logger) -> None:
        """The record may go on to another thread, or be copied."""
        waiting: queue.Queue[logging.LogRecord] = queue.Queue()
        logger.add(logging.handlers.QueueHandler(waiting), format="{message}")
        logger.info("x")
        assert waiting.get().getMessage() == "x"

    def test_removal_closes_it(self, logger: Logger, handler: Keeping) -> None:
        """Once."""
        logger.add(handler)
        logger.remove()
        assert handler.closes == 1

    def test_its_errors(self, logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
        """Are those of any sink: reported or raised."""

        class Bad(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                raise OSError("cannot emit")

        number = logger.add(Bad())
        logger.info("x")
        assert "OSError: cannot emit" in capsys.readouterr().err
        logger.remove(number)
        logger.add(Bad(), catch=False)
        with pytest.raises(OSError, match="cannot emit"):
            logger.info("x")

    def test_it_may_log(self, logger: Logger) -> None:
        """What it logs is delivered after the record in progress."""
        got: list[str] = []

        class Logging(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                if record.getMessage() == "outer":
                    logger.info("inner")
                got.append(record.getMessage())

        logger.add(Logging(), format="{message}")
        logger.info("outer")
        assert got == ["outer", "inner"]

    def test_a_message_that_mplog_itself_has_to_say(self, handler: Keeping) -> None:
        """Such as how much was lost: it looks like any record, and ends as all here do."""
        sink = StandardSink(handler)
        sink.write(_message(f"notice{sink.end_of_line}"))
        assert [record.getMessage() for record in handler.got] == ["notice"]
