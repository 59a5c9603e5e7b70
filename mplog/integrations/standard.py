"""Records of standard `logging`, of one's own code and of libraries, in mplog.

`intercept()` is all that most programs need. To go the other way, add a `logging.Handler` as a sink; both may be on.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterable
from types import FrameType, TracebackType
from typing import Any

from mplog import logger
from mplog._logger.standard_record import (
    TAKEN,
    attribute,
    fill,
    is_known,
    level_of,
    log_line,
    may_log,
    owner_writes,
    text_of,
    without_callers,
)

MAXIMUM_FRAMES = 100
"""Frames that are looked at to find the one that logs."""


class InterceptHandler(logging.Handler):
    """A standard handler that gives its records to mplog.

    A record keeps its file, line, function, time, process, thread, exception, stack and `extra`; its name is that of
    the standard logger, by which `logger.disable()` silences it as by the module of its call; its level is found by
    name, or, where mplog knows none of that name, by number. Records that came from mplog are not taken, so that a
    `logging.Handler` which passes on what it gets may be a sink of mplog.
    """

    def __init__(self, level: int | str = logging.NOTSET) -> None:
        super().__init__(level)
        self.logger = logger
        """What gets the records; may be set to a view, such as `logger.bind(...)`."""

    def handle(self, record: logging.LogRecord) -> bool:
        """As in any handler, but without its lock: mplog has its own, and the two might wait for each other."""
        passed = self.filter(record)
        if isinstance(passed, logging.LogRecord):
            record = passed  # A filter of Python 3.12 and later may put another one in its place.
        if passed:
            self.emit(record)
        return bool(passed)

    def emit(self, record: logging.LogRecord) -> None:
        """Log *record* with mplog. Raises what a sink with `catch=False` raises, and nothing else."""
        if log_line(record, self.logger):
            return
        if not may_log(attribute(record, "name"), self.logger):
            return
        exception = attribute(record, "exc_info")
        if not isinstance(exception, tuple):
            exception = None
        text = text_of(record, with_exception=exception is None)
        if not is_known(record, text):
            view = self.logger.opt(exception=exception, depth=_depth_of(record)).patch(lambda made: fill(made, record))
            view.log(level_of(record, self.logger), text)


def _depth_of(record: logging.LogRecord) -> int:
    """How many frames the call that made *record* is above `emit`; 0 when it is not there, as in another thread."""
    line, file = attribute(record, "lineno"), attribute(record, "pathname")
    try:
        frame: FrameType | None = sys._getframe(1)
        for depth in range(MAXIMUM_FRAMES):
            if frame is None:
                break
            if frame.f_lineno == line and frame.f_code.co_filename == file:
                return depth
            frame = frame.f_back
    except Exception:  # noqa: BLE001 - a path of a class of the program's
        return 0
    return 0


def _cut(record: logging.LogRecord, trace: TracebackType | None) -> None:
    """Let the traceback of *record*, which has one, be *trace*, and in no sink begin above it."""
    assert record.exc_info is not None
    kind, error, _ = record.exc_info
    record.exc_info = without_callers((kind, error, trace))


def _add_once(sink: Any, **options: Any) -> int | None:
    """As `logger.add`; None, and nothing added, for a file that this process writes through its owner already."""
    return None if owner_writes(sink, logger) else logger.add(sink, **options)


class Handler(InterceptHandler):
    """An `InterceptHandler` for `logging.config`, which may open its sink, too.

        "handlers": {"file": {"class": "mplog.integrations.standard.Handler", "sink": "app.log", "rotation": "10 MB"}}

    A program that keeps `logging` has mplog's rings and files by this alone, in all its processes: where another one
    has opened the same file before, that is meant.

    A standard record that reaches several of them is one record of mplog. The sink of each takes the records of all,
    from the handler's level on; a `filter` of `logger.add` among the options chooses by name.

    Args:
        level: the least level, of standard records and of the sink.
        sink: what `logger.add` takes first; without it, records go to the sinks that mplog has anyway. The first sink
            of such a handler replaces mplog's default handler.
        options: what else `logger.add` takes.

    Raises what `logger.add` raises. The sink is removed when the handler is closed, as `logging.config` does with those
    of a configuration before.
    """

    def __init__(self, level: int | str = logging.NOTSET, sink: Any = None, **options: Any) -> None:
        self._sink = sink
        self._options = options
        self._number: int | None = None
        super().__init__(level)
        if sink is not None:
            self._open()
        if self._number is not None:
            with contextlib.suppress(ValueError):  # It is gone since the first time, or the program has removed it.
                logger.remove(0)
        elif sink is None and options:
            raise TypeError(
                f"a Handler without a sink has no options, and got {', '.join(map(repr, options))}. Give it a `sink`, "
                "or put them into logger.add()."
            )

    def _open(self) -> None:
        self._number = _add_once(self._sink, level=self.level, **self._options)

    def _close(self) -> None:
        number, self._number = self._number, None
        if number is not None:
            with contextlib.suppress(ValueError):  # The program has removed it.
                logger.remove(number)

    def setLevel(self, level: int | str) -> None:
        """As in any handler; of the sink, too."""
        before = self.level
        super().setLevel(level)
        if self._number is not None and self.level != before:
            self._close()
            self._open()

    def setFormatter(self, fmt: logging.Formatter | None) -> None:
        """Raises TypeError: the sink has a `format`."""
        if fmt is not None:
            raise TypeError(
                "a Handler of mplog's has no formatter. Give the option `format`, as logger.add() takes it."
            )
        super().setFormatter(fmt)

    def emit(self, record: logging.LogRecord) -> None:
        """Log *record* with mplog, once for all such handlers. Raises as `InterceptHandler.emit`."""
        if not record.__dict__.get(TAKEN):
            record.__dict__[TAKEN] = True
            super().emit(record)

    def close(self) -> None:
        """Remove the sink; what was logged is in it then."""
        self._close()
        super().close()


class Interception:
    """Standard loggers whose records go to mplog, until `end()`, or until the end of a `with` block."""

    def __init__(self, handler: InterceptHandler, level: int | str, names: Iterable[str]) -> None:
        self.handler = handler
        self._before: list[tuple[logging.Logger, list[logging.Handler], bool, int]] = []
        for name in names:
            found = logging.getLogger(name or None)
            self._before.append((found, found.handlers[:], found.propagate, found.level))
            found.handlers[:] = [handler]
            found.propagate = False
            found.setLevel(level)
            if found.level == logging.NOTSET and name:
                found.setLevel(1)  # NOTSET would mean the level of the parent.

    def end(self) -> None:
        """Give the loggers back what they had. Once; later calls do nothing."""
        while self._before:
            found, handlers, propagate, level = self._before.pop()
            found.handlers[:] = handlers
            found.propagate = propagate
            found.setLevel(level)

    def __enter__(self) -> Interception:
        return self

    def __exit__(
        self, type_: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()


def intercept(*, level: int | str = logging.INFO, loggers: Iterable[str] = ("",)) -> Interception:
    """Send the records of standard loggers to mplog, instead of to the handlers that these loggers have.

    Args:
        level: that of these loggers: the least one of a standard record, unless a logger below has a level of its own.
            mplog's handlers have theirs. With "DEBUG" every library says all it knows.
        loggers: names of standard loggers. The root logger, "", gets all that other loggers do not keep to themselves;
            name those too that have handlers of their own, such as "uvicorn".

    Returns:
        What ends it again; also a context manager. It need not be kept.

    Raises:
        ValueError, TypeError: a level that `logging` does not know.

    Call it where the sinks are added: at the top of the main module, if processes are started by spawn or forkserver.
    """
    if isinstance(loggers, str):
        loggers = (loggers,)
    handler = InterceptHandler()
    handler.setLevel(level)  # Before anything is changed, for it may not be known.
    handler.setLevel(logging.NOTSET)
    return Interception(handler, level, tuple(loggers))
