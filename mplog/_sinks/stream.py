"""Streams and functions: sinks that take one message at a time and promise nothing when their process dies."""

from __future__ import annotations

import io
import os
import select
import stat
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from mplog._capture.record import Message


class StreamSink:
    """A stream (`write`, and `flush` if it has one) or a function, with the mutex that serialises its messages.

    Safe from any thread. A message logged from inside the sink by the same thread is written after the one in
    progress, so that a sink may log; a sink that answers each message with another one is cut off at DEPTH.
    """

    DEPTH = 100

    def __init__(self, target: Any, *, is_function: bool) -> None:
        self.target = target
        self.is_function = is_function
        self._write: Callable[[Message], object] = target if is_function else target.write
        flush = None if is_function else getattr(target, "flush", None)
        self._flush: Callable[[], object] | None = flush if callable(flush) else None
        stop = None if is_function else getattr(target, "stop", None)
        self._stop: Callable[[], object] | None = stop if callable(stop) else None
        self._mutex = threading.RLock()
        self._busy = False
        self._nested: deque[Message] = deque()
        self.closed = False
        self.cut_off = 0

    def write(self, message: Message) -> None:
        """Hand *message* over. Whatever the target raises passes through; it stays usable."""
        with self._mutex:
            if self._busy:
                if len(self._nested) < self.DEPTH:
                    self._nested.append(message)
                else:
                    self.cut_off += 1
                return
            if self.closed:
                return
            self._busy = True
            try:
                self._hand_over_all(message)
            finally:
                self._busy = False

    def _hand_over_all(self, message: Message) -> None:
        """Hand over *message*, then what was logged from inside meanwhile. The first error is raised at the end."""
        failure: Exception | None = None
        for _ in range(self.DEPTH + 1):
            try:
                self._hand_over(message)
            except Exception as error:  # noqa: BLE001 - raised below
                failure = failure or error
            if not self._nested:
                break
            message = self._nested.popleft()
        else:
            self.cut_off += 1 + len(self._nested)
            self._nested.clear()
        if self.cut_off:
            self._say_cut_off()
        if failure is not None:
            raise failure

    def _say_cut_off(self) -> None:
        from mplog._sinks import report  # here, for it needs what is below

        report.once(
            f"cut off {id(self)}",
            f"the sink {self.target!r} logs to itself while it is written to; after {self.DEPTH} such records "
            f"{self.cut_off} were dropped. Let it log to other handlers only, with a filter.",
        )
        self.cut_off = 0

    def _hand_over(self, message: Message) -> None:
        self._write(message)
        if self._flush is not None:
            self._flush()

    def write_patiently(self, message: Message, give_up: Callable[[], bool]) -> bool:
        """As `write`, but without ever sitting in a `write` to a pipe, socket or terminal that takes nothing.

        A thread that hangs there could not be ended before a fork or at the end of the interpreter. Returns False,
        with an unknown part written, when *give_up* said so.
        """
        if not can_block(self.target):
            self.write(message)
            return True
        with self._mutex:
            for start in range(0, len(message), PIECE):
                while not is_writable(self.target, 0.05):
                    if give_up():
                        return False
                piece = Message(message[start : start + PIECE])
                self.write(piece)
        return True

    def close(self, deadline: float | None = None) -> None:
        """Stop: later messages vanish. The target's own `stop` is called, the stream is never closed."""
        if not self._mutex.acquire(timeout=2.0):
            self.closed = True  # A wedged target; nobody may wait for it for ever.
            return
        try:
            if not self.closed:
                self.closed = True
                if self._stop is not None:
                    self._stop()
        finally:
            self._mutex.release()

    def forget(self) -> None:
        """In a forked child: fresh locks, for a thread of the parent may have held them."""
        self._mutex = threading.RLock()
        self._busy = False
        self._nested = deque()


PIECE = 1000
"""Characters that a pipe which is ready takes without blocking, in any encoding: at most PIPE_BUF bytes."""


def can_block(stream: Any) -> bool:
    """Whether *stream* is a text stream over a pipe, socket or terminal, whose readiness can be asked for."""
    if not isinstance(stream, io.TextIOWrapper):
        return False
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)


def is_writable(stream: Any, timeout: float) -> bool:
    """Whether *stream* takes something within *timeout* seconds; True where that cannot be known."""
    try:
        poll = select.poll()
        poll.register(stream.fileno(), select.POLLOUT)
        return bool(poll.poll(timeout * 1000))
    except (OSError, ValueError, AttributeError):
        return True


def standard_name(stream: object) -> str | None:
    """ "stdout" or "stderr" when *stream* is that stream of this process, else None."""
    for name in ("stderr", "stdout"):
        if stream is not None and stream in (getattr(sys, name), getattr(sys, f"__{name}__")):
            return name
    return None
