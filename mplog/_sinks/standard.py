"""Handlers of the standard library's `logging` as sinks."""

from __future__ import annotations

import logging
from typing import Any

from mplog._capture.record import Message, whole
from mplog._sinks.message_sink import MessageSink


class StandardSink(MessageSink):
    """A `logging.Handler`, which gets a `LogRecord` for each message. Its own level, filters, lock, formatter work."""

    end_of_line = ""

    target: logging.Handler

    def _hand_over(self, message: Message) -> None:
        if message.record["level"].no >= self.target.level:
            try:
                made = log_record(message)
            except Exception:  # noqa: BLE001 - a patcher may have put anything anywhere, or taken it away
                message.record = whole(message.record)
                made = log_record(message)
            self.target.handle(made)

    def _stop(self) -> None:
        self.target.close()

    @property
    def stops(self) -> bool:
        """Handlers may hold something back."""
        return True


_BLANK = logging.LogRecord("", 0, "", 0, "", (), None)


class Name(str):
    """The logger's name in a record that mplog has made: it says so also when the message has become plain text.

    To other processes it travels as plain text, for there the record may be new.
    """

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (str(self),)


def comes_from_mplog(record: logging.LogRecord) -> bool:
    """Whether `log_record` of this process has made *record*, or something has that took its message for its own."""
    try:
        return issubclass(type(record.msg), Message) or type(record.name) is Name
    except Exception:  # noqa: BLE001 - a record of a class of the program's
        return False


def log_record(message: Message) -> logging.LogRecord:
    """The standard record of *message*: all that was known at the call, in whatever process or thread that was.

    Its `msg` is *message* itself, which is a `str`: who passes records on can tell by it that they came from mplog.
    """
    record = message.record
    level, process, thread = record["level"], record["process"], record["thread"]
    described = (
        record["name"],
        level.no,
        record["file"].path,
        record["line"],
        message,
        (),
        record["exception"],
        record["function"],
    )
    extra = {"extra": record["extra"]}  # one attribute, so that no key of it can stand in the way of another
    try:
        made = logging.getLogger().makeRecord(*described, extra)
    except Exception:  # noqa: BLE001 - it asks for time and thread, where a program's tests may have doubles
        made = logging.LogRecord.__new__(logging.LogRecord)
        names = ("name", "levelno", "pathname", "lineno", "msg", "args", "exc_info", "funcName")
        made.__dict__.update({**_BLANK.__dict__, **dict(zip(names, described, strict=True)), **extra})
    if made.name is not None:  # As of a call that comes from no module.
        made.name = Name(made.name)
    made.levelname = level.name
    made.filename = record["file"].name
    made.module = record["module"]
    if record["exception"] is not None:
        made.exc_text = "\n"  # The text has it already; formatters show this instead of showing it again.
    created = record["time"].timestamp()
    made.relativeCreated += (created - made.created) * 1000
    made.created = created
    made.msecs = float(record["time"].microsecond // 1000)
    # None where the program told `logging` not to collect it.
    if made.process is not None:
        made.process = process.id
    if made.processName is not None:
        made.processName = process.name
    if made.thread is not None:
        made.thread = thread.id
    if made.threadName is not None:
        made.threadName = thread.name
    return made
