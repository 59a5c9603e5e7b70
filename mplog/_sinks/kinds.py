"""The kinds of sinks, and how a sink of each is made."""

from __future__ import annotations

import os
import sys
from typing import Any

from mplog._sinks.callables import is_coroutine_function
from mplog._sinks.message_sink import MessageSink
from mplog._sinks.stream import StreamSink

FILE, STREAM, STANDARD, COROUTINE, CALL = "file", "stream", "standard", "coroutine", "call"


def kind_of(sink: Any) -> str:
    """Which kind of sink *sink* is; the first that it could be.

    Raises:
        TypeError: none; the text says what is.
    """
    if isinstance(sink, (str, os.PathLike)):
        return FILE
    write = getattr(sink, "write", None)
    if callable(write):
        return COROUTINE if is_coroutine_function(write) else STREAM
    if _is_standard(sink):
        return STANDARD
    if is_coroutine_function(sink) or is_coroutine_function(getattr(sink, "__call__", None)):  # noqa: B004 - see below
        return COROUTINE  # The look at `__call__` asks what it is, not whether there is one.
    if callable(sink):
        return CALL
    raise TypeError(
        f"Cannot log to objects of type '{type(sink).__name__}'. Pass a path, a stream with a write() method, "
        "a logging.Handler, or a function (also an async one) that takes the message."
    )


def _is_standard(sink: Any) -> bool:
    """Whether *sink* is a `logging.Handler`. Who has one has imported `logging`, which others need not wait for."""
    return isinstance(sink, getattr(sys.modules.get("logging"), "Handler", ()))


def shown_name(sink: Any, kind: str) -> str:
    """How `repr(logger)` names the sink. A plain text, for it travels."""
    if kind == FILE:
        return f"'{os.fspath(sink)}'"
    attribute = "name" if kind == STREAM else "__name__"
    shown = None if kind == STANDARD else getattr(sink, attribute, None)
    return str.__str__(str(shown or repr(sink)))


def open_sink(
    kind: str, target: Any, *, number: int, catch: bool, loop: Any = None, follows: bool = False
) -> MessageSink:
    """The sink of a handler that is no file. Nothing is written, started or changed.

    Args:
        number: the handler's id.
        catch: whether errors are reported rather than raised.
        loop: the event loop of a coroutine, or None for the one that runs at each call.
        follows: see StreamSink.
    """
    if kind == STANDARD:
        from mplog._sinks.standard import StandardSink  # here, for `logging`, see above

        return StandardSink(target, number=number, catch=catch)
    if kind == COROUTINE:
        from mplog._sinks.coroutine import CoroutineSink  # here, for asyncio is slow to import

        return CoroutineSink(target, loop=loop, number=number, catch=catch)
    return StreamSink(target, is_function=kind == CALL, number=number, catch=catch, follows=follows)


def encoding_of(sink: Any, kind: str) -> str:
    """The encoding in which what is drawn in a message can be shown there."""
    if kind not in (STREAM, STANDARD):
        return "utf8"
    encoding = getattr(sink, "encoding", None)
    return str.__str__(encoding) if isinstance(encoding, str) else "ascii"
