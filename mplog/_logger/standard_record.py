"""A record of standard `logging`, of anybody's making, as mplog takes it. Nothing here raises but what says so.

`logging.makeLogRecord` makes records of anything, `setLogRecordFactory` of any class, and a message may be any object.
"""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from typing import Any

from mplog._capture.record import WithoutCallers
from mplog._logger.repeated import path_of
from mplog._logger.standard_line import log_line as log_line  # here for the integration, which sees this module alone
from mplog._ring.layout import GENERATION
from mplog._ring.wire import class_name, exact, safe_repr
from mplog._sinks import report
from mplog._sinks.inside import inside
from mplog._sinks.standard import comes_from_mplog

TAKEN = "_mplog_has_it"
"""An attribute of a standard record that is a record of mplog already."""

_STANDARD = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {
    *("message", "asctime", "taskName"),
    TAKEN,
}
"""What every standard record has; all else came as `extra`."""


def attribute(record: logging.LogRecord, name: str) -> Any:
    """An attribute of *record*; None where it has none: `makeLogRecord` makes records of anything."""
    try:
        return getattr(record, name, None)
    except Exception:  # noqa: BLE001 - a class of the program's, from `setLogRecordFactory`
        return None


def text_of(record: logging.LogRecord, *, with_exception: bool) -> str:
    """The message, with what a standard formatter puts below it, unless mplog does so itself."""
    try:
        text = str.__str__(record.getMessage())
    except Exception as error:  # noqa: BLE001 - wrong arguments, or a hostile __str__: the record must arrive
        text = f"{safe_repr(attribute(record, 'msg'))} <not formatted: {class_name(error)}>"
    below = [attribute(record, "exc_text") if with_exception else None, attribute(record, "stack_info")]
    return "\n".join([text, *(part for part in map(_shown, below) if part.strip())])


def _shown(part: Any) -> str:
    return "" if part is None else str.__str__(part) if issubclass(type(part), str) else safe_repr(part)


def without_callers(exception: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
    """*exception* as `exc_info` of a record whose traceback shall have no callers in any sink."""
    return WithoutCallers(*exception)


def fill(made: Any, record: logging.LogRecord) -> None:
    """Let mplog's record say what the standard one says, whatever thread or process it has come through.

    Raises:
        Exception: the first error of a part that the standard record does not have as standard records do; the other
            parts are filled in.
    """
    file, process, thread, failure = made["file"], made["process"], made["thread"], None
    for key, name in (("name", "name"), ("module", "module"), ("function", "funcName"), ("line", "lineno")):
        made[key] = attribute(record, name)
    for part, field, name in (
        (file, "name", "filename"),
        (file, "path", "pathname"),
        # Each of these is None where the program told `logging` not to collect it.
        (process, "id", "process"),
        (process, "name", "processName"),
        (thread, "id", "thread"),
        (thread, "name", "threadName"),
    ):
        value = attribute(record, name)
        if part is file or value is not None:
            setattr(part, field, value)
    try:
        made["time"] += timedelta(seconds=record.created - made["time"].timestamp())
    except Exception as error:  # noqa: BLE001 - no number, or none of the calendar
        failure = error
    try:
        made["extra"].update({key: value for key, value in record.__dict__.items() if key not in _STANDARD})
    except Exception as error:  # noqa: BLE001 - keys of a class of the program's
        failure = failure or error
    if failure is not None:
        raise failure


def may_log(name: Any, logger: Any) -> bool:
    """Whether `disable()` has left *name* alone, which records show. The module of the call is asked elsewhere."""
    core = logger._core
    state = core.state
    if state.words[GENERATION] != state.generation or state.provisional:
        state = core.following.renew()
    return state.silenced is None or not isinstance(name, str) or bool(state.allows_name(str.__str__(name)))


def owner_writes(sink: Any, logger: Any) -> bool:
    """Whether *sink* is a file that this process, a worker, writes already through its owner.

    Where `logging` is configured late, in functions of children, to add it would have each record in it twice.
    """
    if not isinstance(sink, (str, os.PathLike)):
        return False
    core, path = logger._core, os.path.abspath(os.fspath(sink))
    core.notice_child()
    return any(handler.link is not None and path_of(handler) == path for handler in core.handlers())


def is_known(record: logging.LogRecord, text: str) -> bool:
    """Whether *record*, whose text is *text*, is in the log already: it came from mplog, by whatever way."""
    if comes_from_mplog(record):
        return True
    if not inside.repeats(text):
        return False
    report.once(
        "standard error goes to logging",
        "what mplog writes to a stream comes back as a record of standard logging, because that stream is redirected "
        "(Celery does so with sys.stderr and sys.stdout). Such records are left out: they are in the log already. Add "
        "sys.__stderr__ instead of sys.stderr, or a file.",
    )
    return True


def level_of(record: logging.LogRecord, logger: Any) -> str | int:
    """The level's name, where *logger* knows it, else its number; that of a warning where it has none."""
    try:
        name: str = logger.level(exact(record.levelname)).name
        return name
    except Exception:  # noqa: BLE001 - no such name, or no name at all
        number = exact(attribute(record, "levelno"))
        return max(0, number) if type(number) is int else logging.WARNING
