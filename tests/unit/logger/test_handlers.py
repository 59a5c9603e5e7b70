"""Handlers of one process: ids, thresholds, filters, order, removal, what `repr` shows.

Covers logger-api.md, sections 2, 8, 10 and 19.
"""

from __future__ import annotations

import asyncio
import functools
import io
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from programs import read_log

from mplog._logger.logger import Logger


class TestIds:
    def test_they_count_up_and_are_never_used_again(self, logger: Logger) -> None:
        """0, 1, 2 in order of `add()`; removal frees nothing."""
        assert [logger.add(print) for _ in range(3)] == [0, 1, 2]
        logger.remove(1)
        logger.remove()
        assert logger.add(print) == 3

    def test_a_refused_add_uses_one_up(self, logger: Logger, tmp_path: Path) -> None:
        """As in the compatibility reference, whatever was wrong."""
        refused: list[dict[str, Any]] = [{"level": "LOUD"}, {"format": 5}, {"what": 1}]
        for options in refused:
            with pytest.raises((ValueError, TypeError)):
                logger.add(print, **options)
        with pytest.raises(OSError, match=r"\w"):
            logger.add(tmp_path)
        assert logger.add(print) == 4


class TestPaths:
    def test_a_relative_one_below_a_directory_with_braces(
        self, logger: Logger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Only the path that is given is a template, not the directory it is relative to."""
        here = tmp_path / "{time} {x} {"
        here.mkdir()
        monkeypatch.chdir(here)
        logger.add("app_{time:YYYY}.log", format="{time:YYYY} {message}", rotation="30 B")
        for n in range(5):
            logger.info("line {}", n)
        lines = [line for path in sorted(here.iterdir()) for line in path.read_text().splitlines()]
        assert sorted(line.split(" ", 1)[1] for line in lines) == [f"line {n}" for n in range(5)]
        assert {path.name[:9] for path in here.iterdir()} == {f"app_{lines[0][:4]}."}

    def test_bytes(self, logger: Logger) -> None:
        """A path is text; the error says how to make it text."""

        class Path:
            def __fspath__(self) -> bytes:
                return b"app.log"

        with pytest.raises(TypeError, match=r"os\.fsdecode"):
            logger.add(Path())
        assert not os.path.exists("app.log")


class TestRemove:
    def test_one(self, logger: Logger) -> None:
        """It gets nothing more; the others go on."""
        one: list[str] = []
        two: list[str] = []
        number = logger.add(one.append, format="{message}")
        logger.add(two.append, format="{message}")
        logger.info("x")
        logger.remove(number)
        logger.info("y")
        assert (one, two) == (["x\n"], ["x\n", "y\n"])
        with pytest.raises(ValueError, match="no existing handler"):
            logger.remove(number)

    def test_all(self, logger: Logger, tmp_path: Path) -> None:
        """Nothing is left, and removing nothing again is fine."""
        logger.add(tmp_path / "app.log", format="{message}")
        logger.add(print)
        logger.remove()
        logger.info("y")
        logger.remove()
        assert repr(logger) == "<mplog.logger handlers=[]>"
        assert read_log(tmp_path) == []

    def test_a_stream_is_stopped_and_never_closed(self, logger: Logger) -> None:
        """`stop()` once, where there is one."""

        class Stream(io.StringIO):
            stops = 0

            def stop(self) -> None:
                self.stops += 1

        stream = Stream()
        logger.add(stream, format="{message}")
        logger.info("x")
        logger.remove()
        assert (stream.stops, stream.closed, stream.getvalue()) == (1, False, "x\n")

    def test_what_stop_raises_goes_to_the_caller(self, logger: Logger) -> None:
        """The handler is gone all the same."""

        class Stream(io.StringIO):
            def stop(self) -> None:
                raise OSError("cannot stop")

        number = logger.add(Stream())
        with pytest.raises(OSError, match="cannot stop"):
            logger.remove(number)
        assert repr(logger) == "<mplog.logger handlers=[]>"


class TestRepr:
    def test_each_kind_of_sink(self, logger: Logger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Id, level number, and the name of the sink, in order of addition."""
        monkeypatch.chdir(tmp_path)

        class Named(io.StringIO):
            name = "given name"

        class Nameless:
            def __call__(self, message: str) -> None: ...

            def __repr__(self) -> str:
                return "<nameless>"

        def function(message: str) -> None: ...

        logger.add("app.log")
        logger.add(tmp_path / "other.log", level="ERROR")
        logger.add(Named(), level=7)
        logger.add(function)
        logger.add(Nameless())
        logger.add(functools.partial(function))
        text = repr(logger)
        assert text.startswith(
            f"<mplog.logger handlers=[(id=0, level=10, sink='app.log'), (id=1, level=40, sink='{tmp_path}/other.log'), "
            "(id=2, level=7, sink=given name), (id=3, level=10, sink=function), (id=4, level=10, sink=<nameless>), "
            "(id=5, level=10, sink=functools.partial("
        )
        assert str(logger) == repr(logger.bind(a=1)) == text


class TestFilter:
    @pytest.mark.parametrize(
        ("given", "passing"),
        [
            (None, ["a", "a.b", "a.b.c", "ab", "", None]),
            ("", ["a", "a.b", "a.b.c", "ab", ""]),
            ("a", ["a", "a.b", "a.b.c"]),
            ("a.b", ["a.b", "a.b.c"]),
            ("a.", []),
            ("b", []),
            (lambda record: record["name"] and len(record["name"]) > 2, ["a.b", "a.b.c"]),
            (lambda record: [], []),
        ],
    )
    @pytest.mark.parametrize("kind", ["file", "function"])
    def test_names_match_by_whole_parts(
        self, logger: Logger, tmp_path: Path, given: Any, passing: list[str | None], kind: str
    ) -> None:
        """A module, and what is inside it; the same on the fast way."""
        got: list[str] = []
        logger.add(tmp_path / "app.log" if kind == "file" else got.append, format="{name}", filter=given)
        code = compile("for _ in range(2): logger.info('x')", "x.py", "exec")
        for name in ("a", "a.b", "a.b.c", "ab", "", None):
            exec(code, {"logger": logger, "__name__": name})
        lines = read_log(tmp_path) if kind == "file" else [text.rstrip("\n") for text in got]
        assert lines == [str(name) for name in passing for _ in range(2)]

    def test_it_may_change_the_record_for_the_handlers_after_it(self, logger: Logger) -> None:
        """All handlers of a call share one record, in order of addition."""
        got: list[str] = []

        def tag(record: dict[str, Any]) -> bool:
            record["extra"]["tag"] = "!"
            return False

        logger.add(print, filter=tag)
        logger.add(got.append, format="{extra[tag]} {message}")
        logger.info("x")
        assert got == ["! x\n"]


class TestFormat:
    def test_the_default(self, logger: Logger) -> None:
        """Time, level, place, message."""
        got: list[str] = []
        logger.add(got.append)
        logger.info("text")
        pattern = (
            r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [+-]\d\d:\d\d \| INFO     \| "
            r"test_handlers:test_the_default:\d+ - text\n"
        )
        assert len(got) == 1
        assert re.fullmatch(pattern, got[0]), got

    def test_a_function_makes_the_template_and_nothing_is_appended(self, logger: Logger) -> None:
        """Terminator and exception are its own affair."""
        got: list[str] = []
        logger.add(got.append, format=lambda record: "{level}:{message}|" + "{{}}" * len(record["extra"]))
        logger.info("x", a=1)
        try:
            1 / 0  # noqa: B018 - for its exception
        except ZeroDivisionError:
            logger.exception("y")
        assert got == ["INFO:x|{}", "ERROR:y|"]

    def test_the_exception_follows_a_string_format(self, logger: Logger) -> None:
        """On lines of its own, after the terminator, or where `{exception}` stands."""
        got: list[str] = []
        logger.add(got.append, format="{message}")
        logger.add(got.append, format=lambda record: "{message} ({exception})\n")
        try:
            raise KeyError("k")
        except KeyError:
            logger.exception("failed")
        first, second = got
        assert first.startswith("failed\nTraceback (most recent call last):\n")
        assert first.endswith("\nKeyError: 'k'\n")
        assert second.startswith("failed (Traceback (most recent call last):\n")


class TestMessage:
    def test_a_function_gets_text_with_the_record(self, logger: Logger) -> None:
        """A `str` whose `record` is the dict of the call."""
        got: list[Any] = []
        logger.add(got.append, format="{message}!")
        logger.info("x")
        assert str in type(got[0]).__mro__
        assert got[0] == "x!\n"
        assert got[0].record["message"] == "x"
        assert type(str(got[0])) is str

    def test_an_object_with_write_gets_the_same(self, logger: Logger) -> None:
        """And is flushed after each message."""

        class Stream:
            def __init__(self) -> None:
                self.calls: list[Any] = []

            def write(self, message: Any) -> None:
                self.calls.append(message.record["message"])

            def flush(self) -> None:
                self.calls.append("flush")

        stream = Stream()
        logger.add(stream)
        logger.info("x")
        logger.info("y")
        assert stream.calls == ["x", "flush", "y", "flush"]

    def test_classes_and_callables_of_all_sorts(self, logger: Logger) -> None:
        """What can be called is a function; what can be written to is a stream first."""
        made: list[str] = []

        class Called:
            def __init__(self, message: str) -> None:
                made.append(message)

        logger.add(Called, format="{message}")
        logger.add(functools.partial(made.append), format="{message}")
        logger.info("x")
        assert made == ["x\n", "x\n"]


class TestComplete:
    def test_in_one_process_everything_is_there_already(self, logger: Logger) -> None:
        """True at once, with and without a time limit, and awaitable."""
        got: list[str] = []
        logger.add(got.append)
        logger.info("x")
        assert logger.complete()
        assert logger.complete(timeout=0)

        async def wait() -> bool:
            return bool(await logger.complete())

        assert asyncio.run(wait())
        assert len(got) == 1


class TestDefaultHandler:
    def test_the_imported_logger_had_id_0_on_standard_error(self) -> None:
        """Here it has been removed, so its next handler has another id."""
        import mplog

        number = mplog.logger.add(sys.stderr)
        mplog.logger.remove(number)
        assert number > 0


class TestDiagnoseByDefault:
    """Row 12 of beyond.md: values are shown on a terminal, and nowhere else."""

    @staticmethod
    def log(logger: Logger, sink: Any, **options: Any) -> None:
        """One failure, in a handler of its own."""
        number = logger.add(sink, format="{message}", colorize=False, backtrace=False, **options)
        nothing = 0
        try:
            1 / nothing
        except ZeroDivisionError:
            logger.exception("failed")
        logger.remove(number)

    @pytest.mark.parametrize(
        ("options", "shown"), [({}, True), ({"diagnose": False}, False), ({"diagnose": True}, True)]
    )
    def test_a_terminal(self, logger: Logger, options: dict[str, Any], shown: bool) -> None:
        """A true one."""
        controller, terminal = os.openpty()
        try:
            with open(terminal, "w", encoding="utf8") as stream:
                self.log(logger, stream, **options)
                seen = os.read(controller, 10_000).decode()
        finally:
            os.close(controller)
        assert bool(re.search("(└|->) 0", seen)) is shown
        assert "ZeroDivisionError" in seen

    @pytest.mark.parametrize(
        ("options", "shown"), [({}, False), ({"diagnose": None}, False), ({"diagnose": True}, True)]
    )
    def test_all_else(self, logger: Logger, tmp_path: Path, options: dict[str, Any], shown: bool) -> None:
        """A file, a stream of the program's own, a function."""
        got: list[str] = []
        stream = io.StringIO()
        for sink in (tmp_path / "app.log", stream, got.append):
            self.log(logger, sink, **options)
        for seen in ((tmp_path / "app.log").read_text(), stream.getvalue(), "".join(got)):
            assert bool(re.search("(└|->) 0", seen)) is shown
            assert "ZeroDivisionError" in seen
