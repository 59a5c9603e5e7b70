"""The record of one call: its keys, their types, where they come from.

Covers logger-api.md, section 6.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import sys
import threading
from typing import Any

import pytest

from mplog._capture.record import RecordException, RecordFile, RecordLevel, RecordProcess, RecordThread
from mplog._logger.logger import Logger

KEYS = ["elapsed", "exception", "extra", "file", "function", "level", "line", "message", "module", "name"]


@pytest.fixture
def records(logger: Logger) -> list[dict[str, Any]]:
    """The records that a handler for all levels gets."""
    got: list[dict[str, Any]] = []
    logger.add(lambda message: got.append(message.record), level=0)
    return got


def line_above() -> int:
    """The line before the caller's."""
    return sys._getframe(1).f_lineno - 1


class TestKeys:
    def test_order_and_types(self, logger: Logger, records: list[dict[str, Any]]) -> None:
        """A plain dict with these keys in this order."""
        logger.info("x")
        (record,) = records
        assert type(record) is dict
        assert list(record) == [*KEYS, "process", "thread", "time"]
        types = {key: type(value) for key, value in record.items()}
        assert types["elapsed"] is dt.timedelta
        assert types["exception"] is type(None)
        assert types["extra"] is dict
        assert types["function"] is types["message"] is types["module"] is types["name"] is str
        assert types["line"] is int
        assert (types["file"], types["level"]) == (RecordFile, RecordLevel)
        assert (types["process"], types["thread"]) == (RecordProcess, RecordThread)
        assert isinstance(record["time"], dt.datetime)

    def test_every_call_has_a_record_of_its_own(self, logger: Logger, records: list[dict[str, Any]]) -> None:
        """So does `extra`, whose values are shared."""
        value: list[int] = []
        bound = logger.bind(value=value)
        for _ in range(2):
            bound.info("x")
        first, second = records
        assert first is not second
        assert first["extra"] is not second["extra"]
        assert first["extra"]["value"] is second["extra"]["value"] is value


class TestPlace:
    def test_of_a_function(self, logger: Logger, records: list[dict[str, Any]]) -> None:
        """File, function, line and module of the call."""
        logger.info("x")
        line = line_above()
        (record,) = records
        assert (record["function"], record["line"]) == ("test_of_a_function", line)
        assert (record["file"].name, record["file"].path) == (os.path.basename(__file__), __file__)
        assert (record["module"], record["name"]) == ("test_record_fields", __name__)

    def test_of_every_way_to_call(self, logger: Logger, records: list[dict[str, Any]]) -> None:
        """Methods, `log` by name and by number, bound loggers: always the caller's line."""
        logger.exception("x")
        lines = [line_above()]
        logger.log("INFO", "x")
        lines.append(line_above())
        logger.log(20, "x")
        lines.append(line_above())
        logger.bind(a=1).info("x")
        lines.append(line_above())
        (lambda: logger.info("x", a=1))()
        lines.append(line_above())
        assert [record["line"] for record in records] == lines
        assert [record["function"] for record in records] == [records[0]["function"]] * 4 + ["<lambda>"]

    def test_again_from_the_same_place(self, logger: Logger, records: list[dict[str, Any]]) -> None:
        """What is remembered of a call site does not leak into another one."""
        for _ in range(3):
            logger.info("x")
            first = line_above()
            logger.info("x")
            second = line_above()
        assert [record["line"] for record in records] == [first, second] * 3

    def test_of_code_without_a_module(self, logger: Logger, records: list[dict[str, Any]]) -> None:
        """`exec` with bare globals: no name; the file is what the code says it is."""
        exec(compile("\nlogger.info('x')", "/some/where/made.up.py", "exec"), {"logger": logger})
        (record,) = records
        assert (record["name"], record["line"], record["function"]) == (None, 2, "<module>")
        assert (record["file"].name, record["module"]) == ("made.up.py", "made.up")

    def test_one_code_with_several_globals(self, logger: Logger, records: list[dict[str, Any]]) -> None:
        """The same code object run as different modules."""
        code = compile("logger.info('x')", "shared.py", "exec")
        for name in ("a", "b", "a", "b"):
            exec(code, {"logger": logger, "__name__": name})
        assert [record["name"] for record in records] == ["a", "b", "a", "b"]

    def test_a_name_that_is_no_string(self, logger: Logger, records: list[dict[str, Any]]) -> None:
        """Whatever a program puts into `__name__`."""
        exec("logger.info('x')", {"logger": logger, "__name__": 5})
        assert records[0]["name"] is None


class TestWho:
    def test_process_and_thread(self, logger: Logger, records: list[dict[str, Any]]) -> None:
        """As the standard library names them, at the moment of the call."""
        thread = threading.Thread(target=logger.info, args=("x",), name="T")
        thread.start()
        thread.join()
        logger.info("x")
        process = multiprocessing.current_process()
        assert [(r["process"].id, r["process"].name) for r in records] == [(process.ident, process.name)] * 2
        assert [r["thread"].name for r in records] == ["T", threading.current_thread().name]
        assert [r["thread"].id for r in records] == [thread.ident, threading.get_ident()]


class TestTime:
    def test_now_and_since_the_start(self, logger: Logger, records: list[dict[str, Any]]) -> None:
        """Aware, in the local zone; `elapsed` grows with it."""
        before = dt.datetime.now(dt.timezone.utc)
        logger.info("x")
        logger.info("x")
        after = dt.datetime.now(dt.timezone.utc)
        first, second = records
        microsecond = dt.timedelta(microseconds=1)
        assert before - microsecond <= first["time"] <= second["time"] <= after + microsecond
        assert first["time"].utcoffset() == dt.datetime.now().astimezone().utcoffset()
        assert second["elapsed"] - first["elapsed"] == second["time"] - first["time"]
        assert first["elapsed"] > dt.timedelta()


class TestExtra:
    def test_bound_values_then_keywords(self, logger: Logger, records: list[dict[str, Any]]) -> None:
        """Later ones win; the view that was bound to is not changed by further ones."""
        one = logger.bind(a=1, b=1)
        two = one.bind(b=2, c=2)
        two.info("x {c}", c=3, d=3)
        two.info("x")
        one.info("x")
        logger.info("x")
        expected = [{"a": 1, "b": 2, "c": 3, "d": 3}, {"a": 1, "b": 2, "c": 2}, {"a": 1, "b": 1}, {}]
        assert [record["extra"] for record in records] == expected
        assert records[0]["message"] == "x 3"

    def test_every_keyword_can_be_used(self, logger: Logger, records: list[dict[str, Any]]) -> None:
        """Message and level are positional only."""
        logger.info("{message} {self} {level}", message=1, self=2, level=3)
        logger.log("INFO", "{message} {self} {level}", message=1, self=2, level=3)
        assert [record["message"] for record in records] == ["1 2 3"] * 2


class TestException:
    def test_the_triple(self, logger: Logger, records: list[dict[str, Any]]) -> None:
        """Type, value and traceback, as a tuple with names."""
        try:
            raise ValueError("x")
        except ValueError as error:
            logger.exception("failed")
            expected = (ValueError, error, error.__traceback__)
        exception = records[0]["exception"]
        assert exception == expected
        assert (exception.type, exception.value, exception.traceback) == expected
        assert repr(exception) == f"(type={ValueError!r}, value={expected[1]!r}, traceback={expected[2]!r})"

    def test_without_one(self, logger: Logger, records: list[dict[str, Any]]) -> None:
        """`exception()` outside an `except` block has an empty triple."""
        logger.exception("nothing failed")
        assert records[0]["exception"] == (None, None, None)
        assert records[0]["level"].name == "ERROR"


class TestParts:
    @pytest.mark.parametrize(
        ("part", "text", "formatted"),
        [
            (RecordFile("f.py", "/a/f.py"), "(name='f.py', path='/a/f.py')", "  f.py"),
            (RecordLevel("DEBUG", 10, "i"), "(name='DEBUG', no=10, icon='i')", " DEBUG"),
            (RecordProcess(1, "MainProcess"), "(id=1, name='MainProcess')", "     1"),
            (RecordThread(2, "MainThread"), "(id=2, name='MainThread')", "     2"),
            (RecordException(None, None, None), "(type=None, value=None, traceback=None)", None),
        ],
    )
    def test_texts(self, part: Any, text: str, formatted: str | None) -> None:
        """`repr` and `str` show everything; formatting shows the name, or the id."""
        assert repr(part) == str(part) == text
        if formatted is not None:
            assert f"{part:>6}" == formatted

    def test_what_a_filter_writes_is_what_formats_show(self, logger: Logger) -> None:
        """Attributes are writable, and the next handler sees the change."""
        got: list[str] = []

        def mask(record: dict[str, Any]) -> bool:
            record["process"].id = 0
            record["level"].name = "CHANGED"
            record["message"] = "masked"
            return True

        logger.add(got.append, format="{process} {level} {message}", filter=mask)
        logger.add(got.append, format="{process.id} {level.name} {message}")
        logger.info("secret")
        assert got == ["0 CHANGED masked\n"] * 2
