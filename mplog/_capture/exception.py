"""Exceptions: the triple of a call, and its traceback as text, made in the caller before anything is queued."""

from __future__ import annotations

import sys
import traceback
from types import TracebackType
from typing import Any

from mplog._capture.record import RecordException


def capture(option: Any) -> RecordException | None:
    """The exception that a call means by *option*: an exception, a triple, or anything true for the current one."""
    if option is None or option is False:
        return None
    if isinstance(option, BaseException):
        return RecordException(type(option), option, option.__traceback__)
    if isinstance(option, tuple):
        return RecordException(*option)
    if not option:
        return None
    return RecordException(*sys.exc_info())


def text_of(exception: tuple[Any, Any, TracebackType | None] | None) -> str:
    """The full traceback text with a final newline, or "" without an exception. Never raises."""
    if exception is None:
        return ""
    kind, value, trace = exception
    if isinstance(value, str) and isinstance(trace, str):
        return trace  # A record of another process: text is all that travelled.
    try:
        return "".join(traceback.format_exception(kind, value, trace))
    except Exception as error:  # noqa: BLE001 - hostile __str__, __cause__ ...: the record must arrive
        name = getattr(kind, "__name__", str(type(kind)))
        return f"{name}: <unprintable exception: {type(error).__name__} while formatting it>\n"
