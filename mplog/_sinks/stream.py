"""Streams and functions: sinks that take one message at a time and promise nothing when their process dies."""

from __future__ import annotations

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
                self._hand_over(message)
                for _ in range(self.DEPTH):
                    if not self._nested:
                        return
                    self._hand_over(self._nested.popleft())
                self.cut_off += len(self._nested)
                self._nested.clear()
            finally:
                self._busy = False

    def _hand_over(self, message: Message) -> None:
        self._write(message)
        if self._flush is not None:
            self._flush()

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


def standard_name(stream: object) -> str | None:
    """"stdout" or "stderr" when *stream* is that stream of this process, else None."""
    for name in ("stderr", "stdout"):
        if stream is not None and stream in (getattr(sys, name), getattr(sys, f"__{name}__")):
            return name
    return None
