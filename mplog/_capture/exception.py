"""Exceptions: the triple of a call, and what it says as plain data, made in the caller before anything is queued."""

from __future__ import annotations

import sys
import traceback
from types import TracebackType
from typing import Any, NamedTuple

from mplog._capture.record import RecordException


class Trace(NamedTuple):
    """An exception as plain data, from which every handler renders its own text."""

    text: str


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


def describe(exception: tuple[Any, Any, TracebackType | None] | None) -> Trace | None:
    """The exception as plain data. Never raises."""
    return None if exception is None else Trace(_text_of(*exception))


def _text_of(kind: Any, value: Any, trace: TracebackType | None) -> str:
    try:
        text = "".join(traceback.format_exception(kind, value, trace))
        # Notes that are no list of strings are shown without a newline.
        return text if text.endswith("\n") else f"{text}\n"
    except Exception as error:  # noqa: BLE001 - hostile __str__, __cause__ ...: the record must arrive
        name = getattr(kind, "__name__", str(type(kind)))
        return f"{name}: <unprintable exception: {type(error).__name__} while formatting it>\n"
