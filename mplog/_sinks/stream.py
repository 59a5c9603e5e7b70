"""Streams and functions as sinks."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Coroutine
from types import CoroutineType
from typing import Any

from mplog._capture.record import Message
from mplog._render.colorize import console
from mplog._ring.wire import safe_repr
from mplog._sinks import report, signals
from mplog._sinks.callables import is_coroutine_function
from mplog._sinks.inside import inside
from mplog._sinks.message_sink import MessageSink, Unfinished
from mplog._sinks.readiness import PIECE, can_block, is_writable


class StreamSink(MessageSink):
    """A stream (`write`, and `flush` if it has one) or a function. Its methods are looked up once, here.

    Args:
        follows: whether the target was standard error and stands for whatever that is when something is written:
            test runners replace and close it. Only real streams are followed; an object that gives to the logger what
            is written to it would never come to an end.
    """

    def __init__(
        self, target: Any, *, is_function: bool, number: int = -1, catch: bool = True, follows: bool = False
    ) -> None:
        super().__init__(target, number=number, catch=catch)
        self.is_function = is_function
        self.follows = follows
        self._take(target)
        stop = None if is_function else getattr(target, "stop", None)
        self._stop_target: Callable[[], object] | None = stop if callable(stop) else None
        complete = None if is_function else getattr(target, "complete", None)
        self._complete: Callable[[], Coroutine[Any, Any, object]] | None = (
            complete if is_coroutine_function(complete) else None
        )

    def _take(self, target: Any) -> None:
        self.target = target
        stream = target if self.is_function else console(target)
        self._write: Callable[[Message], object] = target if self.is_function else stream.write
        # Python's own `write` encodes all of a text before it keeps any, and takes it for nothing but text; what others
        # do with it, and have done when they raise, is not known.
        self._writes_whole = isinstance(stream, io.TextIOWrapper) and is_pythons(stream)
        self.takes_text = isinstance(target, io.TextIOWrapper) and is_pythons(target)
        """Whether a message is nothing but its text to the target, which is a text file of Python's own."""
        # Nothing but Python's own code in C is between such a stream and its descriptor.
        self._is_plain = self.takes_text and type(getattr(target, "buffer", None)) in (io.BufferedWriter, io.FileIO)
        flush = None if self.is_function else getattr(target, "flush", None)
        self._flush: Callable[[], object] | None = flush if callable(flush) else None

    def _hand_over(self, message: Message) -> None:
        if self.follows and not self._follow():
            self.lost += 1
            return
        if self._is_plain or not (self.target is sys.stderr or self.target is sys.stdout):
            self._put(message)
            return
        before, inside.to_standard_stream = inside.to_standard_stream, message
        try:
            self._put(message)
        finally:
            inside.to_standard_stream = before

    def _put(self, message: Message) -> None:
        try:
            result = self._write(message)
        except UnicodeEncodeError:
            if not self._writes_whole:
                raise
            encoding = self.target.encoding
            result = self._write(Message(message.encode(encoding, "backslashreplace").decode(encoding)))
        if type(result) is CoroutineType:
            self._leave(result)
        if self._flush is not None:
            self._flush()

    def _leave(self, coroutine: CoroutineType[Any, Any, Any]) -> None:
        """The sink made a coroutine, and looked like an ordinary function: it has done nothing."""
        coroutine.close()
        self.lost += 1
        report.once(
            f"coroutine of {self.number}",
            f"records for handler {self.number} are lost: {safe_repr(self.target, 200)} gives a coroutine, which "
            "nobody awaits. Pass the coroutine function itself to add().",
        )

    def _take_between(self, message: Message) -> bool:
        """A plain text stream takes it between two of its own calls, and its descriptor between two of the kernel's."""
        if not self._is_plain:
            return False
        try:
            self._put(message)
        except RuntimeError:
            # "reentrant call": the stream looks for signals after it has written what it had, and forgets this text.
            os.write(self.target.fileno(), message.encode(self.target.encoding, "backslashreplace"))
        return True

    def _follow(self) -> bool:
        """Take the standard error of now; False when there is none that is open."""
        present, known = sys.stderr, self.target
        if present is known and not getattr(known, "closed", False):
            return True
        if isinstance(present, io.TextIOBase) and not present.closed:
            self._take(present)
            return True
        return not getattr(known, "closed", False)

    def _stop(self) -> None:
        if self._stop_target is not None:
            self._stop_target()

    @property
    def stops(self) -> bool:
        """Whether the stream has a `stop`."""
        return self._stop_target is not None

    def another(self, target: Any) -> MessageSink:
        """A sink as this one is, for *target*."""
        return StreamSink(
            target, is_function=self.is_function, number=self.number, catch=self.catch, follows=self.follows
        )

    def unfinished(self) -> list[Unfinished]:
        """The stream's own `complete`, if it is a coroutine function."""
        return [] if self._complete is None else [_Completing(self._complete)]

    def write_patiently(self, message: Message, give_up: Callable[[], bool]) -> bool:
        """As `write`, but without ever sitting in a `write` to a pipe, socket or terminal that takes nothing."""
        if self.follows:
            self._follow()
        if not can_block(self.target):
            self.write(message, direct=False)
            return True
        return self._in_turn(lambda: self._write_in_pieces(message, give_up), False)

    def _write_in_pieces(self, message: Message, give_up: Callable[[], bool]) -> bool:
        self._in_pieces = True
        try:
            for start in range(0, len(message), PIECE):
                while not is_writable(self.target, 0.05):
                    signals.close()
                    if give_up():
                        return False
                signals.open_up()  # The stream may be of a class of the user's.
                self.write(Message(message[start : start + PIECE]), direct=False)
        finally:
            self._in_pieces = False
        return True


def is_pythons(stream: Any) -> bool:
    """Whether the `write` of *stream* is that of a text stream of Python's own, which looks at no record."""
    write = getattr(type(stream), "write", None)
    return write in (io.TextIOWrapper.write, io.StringIO.write) and "write" not in getattr(stream, "__dict__", ())


class _Completing:
    """A stream's `complete()`, which is called when it is waited for."""

    def __init__(self, complete: Callable[[], Coroutine[Any, Any, object]]) -> None:
        self._complete = complete

    async def wait(self, timeout: float | None) -> bool:
        """Await the user's own coroutine, whose errors pass through."""
        if timeout is None:
            await self._complete()
            return True
        import asyncio  # here, for most programs have no use for it

        try:
            await asyncio.wait_for(self._complete(), timeout)
        except asyncio.TimeoutError:
            return False
        return True


def standard_name(stream: object) -> str | None:
    """ "stdout" or "stderr" when *stream* is that stream of this process, else None."""
    for name in ("stderr", "stdout"):
        if stream is not None and stream in (getattr(sys, name), getattr(sys, f"__{name}__")):
            return name
    return None
