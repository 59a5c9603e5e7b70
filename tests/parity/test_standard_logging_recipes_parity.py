"""The recipes for standard `logging` beside the compatibility reference, both ways; logger-api.md, section 31.2.

Interception is shown in the forms that programs have copied: each counts frames in its own manner.
"""

from __future__ import annotations

import inspect
import io
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from beside import outcome, pair


def level_of(logger: Any, record: logging.LogRecord) -> str | int:
    try:
        return str(logger.level(record.levelname).name)
    except ValueError:
        return record.levelno


class Present(logging.Handler):
    """Counts from itself through the frames of `logging`."""

    logger: Any

    def emit(self, record: logging.LogRecord) -> None:
        frame, depth = inspect.currentframe(), 0
        while frame and (depth == 0 or frame.f_code.co_filename == logging.__file__):
            frame = frame.f_back
            depth += 1
        options = self.logger.opt(depth=depth, exception=record.exc_info)
        options.log(level_of(self.logger, record), record.getMessage())


class WithStarts(Present):
    """Counts through frames of the interpreter's own imports as well, as a later form does."""

    def emit(self, record: logging.LogRecord) -> None:
        frame, depth = inspect.currentframe(), 0
        while frame:
            name = frame.f_code.co_filename
            frozen = "importlib" in name and "_bootstrap" in name
            if depth > 0 and not (name == logging.__file__ or frozen):
                break
            frame = frame.f_back
            depth += 1
        options = self.logger.opt(depth=depth, exception=record.exc_info)
        options.log(level_of(self.logger, record), record.getMessage())


class Older(Present):
    """Starts a number of frames above itself that it believes in."""

    def emit(self, record: logging.LogRecord) -> None:
        frame: Any = sys._getframe(6)
        depth = 6
        while frame and frame.f_code.co_filename == logging.__file__:
            frame = frame.f_back
            depth += 1
        options = self.logger.opt(depth=depth, exception=record.exc_info)
        options.log(level_of(self.logger, record), record.getMessage())


class Oldest(Present):
    """Starts where `logging` itself does."""

    def emit(self, record: logging.LogRecord) -> None:
        frame: Any = logging.currentframe()
        depth = 2
        while frame and frame.f_code.co_filename == logging.__file__:
            frame = frame.f_back
            depth += 1
        options = self.logger.opt(depth=depth, exception=record.exc_info)
        options.log(level_of(self.logger, record), record.getMessage())


class Patched(Present):
    """Takes the name from the record, too."""

    def emit(self, record: logging.LogRecord) -> None:
        patched = self.logger.patch(lambda made: made.update(name=record.name, function=record.funcName))
        patched.opt(depth=6, exception=record.exc_info).log(record.levelno, record.getMessage())


RECIPES = (Present, WithStarts, Older, Oldest, Patched)


def by_exception(log: logging.Logger) -> None:
    try:
        int("x")
    except ValueError:
        log.exception("failed %s", 1)


def by_warning(log: logging.Logger) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        try:
            warnings.warn("careful", stacklevel=1)
        finally:
            logging.captureWarnings(False)


def nested(log: logging.Logger) -> None:
    def inner() -> None:
        list(map(log.warning, ["in a map"]))
        for _ in range(2):
            log.warning("in a loop")
        (lambda: log.warning("in a lambda"))()

    inner()


class Class:
    """Calls from a method, and from one of a class."""

    def method(self, log: logging.Logger) -> None:
        log.info("method")

    @classmethod
    def of_class(cls, log: logging.Logger) -> None:
        log.info("classmethod")


CALLS: dict[str, Callable[[logging.Logger], object]] = {
    "info": lambda log: log.info("hello %s", "world"),
    "braces": lambda log: log.info("{} {x} <red>"),
    "level": lambda log: log.log(37, "own level"),
    "zero": lambda log: log.log(1, "least"),
    "root": lambda log: logging.error("from the root's function"),
    "root log": lambda log: logging.log(logging.CRITICAL, "from the root's log"),
    "adapter": lambda log: logging.LoggerAdapter(log, {"a": 1}).info("from an adapter"),
    "child": lambda log: log.getChild("x").info("from a child"),
    "exception": by_exception,
    "exc_info": lambda log: log.error("given", exc_info=ValueError("no")),
    "no exception": lambda log: log.error("none", exc_info=True),
    "warning": by_warning,
    "nested": nested,
    "method": Class().method,
    "classmethod": Class.of_class,
    "exec": lambda log: exec("log.info('executed')", {"log": log, "__name__": "executed"}),
    "nameless": lambda log: exec("log.info('executed')", {"log": log}),
    "handle": lambda log: log.handle(logging.makeLogRecord({"msg": "made", "levelno": 20, "levelname": "INFO"})),
}


@pytest.fixture(autouse=True)
def root() -> Iterator[logging.Logger]:
    """The root logger, without pytest's handlers meanwhile."""
    found = logging.getLogger()
    before = (found.handlers[:], found.level)
    found.handlers[:] = []
    found.setLevel(0)
    yield found
    found.handlers[:], found.level = before


FORMAT = "{level.name}|{level.no}|{name}|{module}|{file.path}|{function}|{line}|{message}"


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("recipe", RECIPES, ids=[recipe.__name__ for recipe in RECIPES])
def test_interception(name: str, recipe: type[Present], root: logging.Logger) -> None:
    """Whatever it counts: the same place, level, message and exception."""
    found = []
    for logger in pair():
        records: list[Any] = []
        logger.add(lambda message, records=records: records.append(message.record), level=0, format="{message}")
        lines: list[str] = []
        logger.add(lambda message, lines=lines: lines.append(message.partition("\n")[0]), level=0, format=FORMAT)
        handler = recipe()
        handler.logger = logger
        root.addHandler(handler)
        try:
            outcome(CALLS[name], logging.getLogger("some.library"))
        finally:
            root.removeHandler(handler)
            logger.remove()
        exceptions = [record["exception"] and str(record["exception"].value) for record in records]
        found.append((lines, exceptions))
    assert found[0] == found[1]
    assert found[1][0]


@pytest.mark.parametrize("name", ["info", "level", "exception", "root", "child", "nested", "method", "exec"])
def test_the_place_is_that_of_the_standard_call(name: str, root: logging.Logger) -> None:
    """What `logging` itself finds."""
    for logger in pair():
        records: list[Any] = []
        standard: list[logging.LogRecord] = []
        logger.add(lambda message, records=records: records.append(message.record), level=0)
        handler, keeping = Present(), logging.Handler()
        handler.logger = logger
        keeping.emit = standard.append  # type: ignore[method-assign, assignment]  # a handler that keeps
        root.handlers[:] = [keeping, handler]
        CALLS[name](logging.getLogger("some.library"))
        root.handlers[:] = []
        logger.remove()
        assert [
            (record["file"].path, record["line"], record["function"], record["module"], record["level"].no)
            for record in records
        ] == [(record.pathname, record.lineno, record.funcName, record.module, record.levelno) for record in standard]


class Propagating(logging.Handler):
    """Passes on to the standard loggers of that name."""

    def emit(self, record: logging.LogRecord) -> None:
        logging.getLogger(record.name).handle(record)


MESSAGES: dict[str, Callable[[Any], object]] = {
    "info": lambda logger: logger.info("hello {}", "world"),
    "own level": lambda logger: logger.log(12, "number"),
    "success": lambda logger: logger.success("done"),
    "percent": lambda logger: logger.info("100% %s"),
    "exception": lambda logger: logger.opt(exception=(ValueError, ValueError("no"), None)).error("failed"),
    "extra": lambda logger: logger.bind(name="n", message="m", asctime="a", levelname="l").info("bound"),
    "raw": lambda logger: logger.opt(raw=True).info("raw\n"),
    "nameless": lambda logger: exec("logger.info('executed')", {"logger": logger}),
    "lines": lambda logger: logger.info("two\nlines"),
}


@pytest.mark.parametrize("format_", ["{message}", "{level} {message} {extra}"])
@pytest.mark.parametrize("pattern", ["%(name)s %(levelname)s %(message)s", "%(levelno)s %(funcName)s %(message)s!"])
@pytest.mark.parametrize("name", MESSAGES)
def test_propagation(name: str, pattern: str, format_: str, root: logging.Logger) -> None:
    """What handlers of the root and of the logger of that name write, below their levels nothing."""
    texts = []
    own = logging.getLogger(__name__)
    for logger in pair():
        at_root, at_own = io.StringIO(), io.StringIO()
        for stream, where in ((at_root, root), (at_own, own)):
            handler = logging.StreamHandler(stream)
            handler.setFormatter(logging.Formatter(pattern))
            where.addHandler(handler)
        own.handlers[0].setLevel("WARNING")
        logger.add(Propagating(), format=format_, level=0)
        try:
            outcome(MESSAGES[name], logger)
        finally:
            logger.remove()
            root.handlers[:] = []
            own.handlers[:] = []
        texts.append((at_root.getvalue(), at_own.getvalue()))
    assert texts[0] == texts[1]
    assert name == "nameless" or texts[1][0]


def test_functions_that_exist_already(capsys: pytest.CaptureFixture[str]) -> None:
    """`print`, `list.append`, `warnings.warn`, `tqdm.write`, a bound method of a stream."""
    from tqdm import tqdm

    found = []
    for logger in pair():
        got: list[Any] = []
        stream = io.StringIO()
        for sink in (print, got.append, warnings.warn, tqdm.write, stream.write, sys.stdout.write):
            logger.add(sink, format="{level} {message}")
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            logger.info("hello {}", "world")
            logger.warning("careful")
        logger.remove()
        shown = [(warning.category, str(warning.message)) for warning in warned]
        found.append((got, stream.getvalue(), shown, capsys.readouterr()))
    assert found[0] == found[1]
    assert len(found[1][2]) == 2
