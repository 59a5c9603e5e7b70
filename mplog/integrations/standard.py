"""Records of standard `logging`, of one's own code and of libraries, in mplog.

`intercept()` is all that most programs need. To go the other way, add a `logging.Handler` as a sink; both may be on.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from datetime import timedelta
from types import FrameType, TracebackType
from typing import Any

from mplog import logger

_STANDARD = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime", "taskName"}
"""What every standard record has; all else came as `extra`."""

MAXIMUM_FRAMES = 100
"""Frames that are looked at to find the one that logs."""


class InterceptHandler(logging.Handler):
    """A standard handler that gives its records to mplog.

    A record keeps its file, line, function, time, process, thread, exception, stack and `extra`; its name is that of
    the standard logger; its level is found by name, or, where mplog knows none of that name, by number. Records that
    came from mplog are not taken, so that a `logging.Handler` which passes on what it gets may be a sink of mplog.
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
        if hasattr(record.msg, "record"):
            return  # A message of mplog: it is there already.
        exception = record.exc_info if isinstance(record.exc_info, tuple) else None
        view = self.logger.opt(exception=exception, depth=_depth_of(record)).patch(lambda made: _fill(made, record))
        view.log(self._level_of(record), _text_of(record, with_exception=exception is None))

    def _level_of(self, record: logging.LogRecord) -> str | int:
        try:
            return self.logger.level(record.levelname).name
        except (ValueError, TypeError):
            return max(0, int(record.levelno or 0))


def _depth_of(record: logging.LogRecord) -> int:
    """How many frames the call that made *record* is above `emit`; 0 when it is not there, as in another thread."""
    frame: FrameType | None = sys._getframe(1)
    for depth in range(MAXIMUM_FRAMES):
        if frame is None:
            break
        if frame.f_lineno == record.lineno and frame.f_code.co_filename == record.pathname:
            return depth
        frame = frame.f_back
    return 0


def _text_of(record: logging.LogRecord, *, with_exception: bool) -> str:
    """The message, with what a standard formatter puts below it, unless mplog does so itself."""
    try:
        text = record.getMessage()
    except Exception as error:  # noqa: BLE001 - wrong arguments, or a hostile __str__: the record must arrive
        text = f"{record.msg!r} <not formatted: {type(error).__name__}>"
    below = [record.exc_text if with_exception else None, record.stack_info]
    return "\n".join([text, *(str(part) for part in below if part and str(part).strip())])


def _fill(made: Any, record: logging.LogRecord) -> None:
    """Let mplog's record say what the standard one says, whatever thread or process it has come through."""
    made["name"], made["module"] = record.name, record.module
    made["function"], made["line"] = record.funcName, record.lineno
    made["file"].name, made["file"].path = record.filename, record.pathname
    made["time"] += timedelta(seconds=record.created - made["time"].timestamp())
    # Each is None where the program told `logging` not to collect it.
    for part, number, name in (
        (made["process"], record.process, record.processName),
        (made["thread"], record.thread, record.threadName),
    ):
        part.id = part.id if number is None else number
        part.name = part.name if name is None else name
    made["extra"].update({key: value for key, value in record.__dict__.items() if key not in _STANDARD})


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


def intercept(*, level: int | str = logging.NOTSET, loggers: Iterable[str] = ("",)) -> Interception:
    """Send the records of standard loggers to mplog, instead of to the handlers that these loggers have.

    Args:
        level: the least level of a standard record; mplog's handlers have their own.
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
