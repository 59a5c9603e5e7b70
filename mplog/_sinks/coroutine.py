"""Coroutine functions as sinks: each message becomes a task of an event loop.

Which loop: the one given to `add()`, else the one that runs in the thread of the log call. Records of other processes
come in a thread without a loop; they go to the loop of `add()`, or to the one in which this process logged last.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from mplog._capture.record import Message
from mplog._ring.clock import monotonic
from mplog._sinks import report, signals
from mplog._sinks.message_sink import MessageSink, Unfinished

Loop = asyncio.AbstractEventLoop

MAXIMUM_PENDING = 10_000
"""Unfinished tasks for which further records from a queue wait, or are dropped where the loop does not run."""

OVER = 10
"""How many times as many there may be while a running loop is blocked, as by `complete()` itself."""

BLOCKED = 0.2
"""Seconds without a finished task after which a running loop counts as blocked."""


def running_loop() -> Loop | None:
    """The event loop that runs in this thread; never the one that a policy would make."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class CoroutineSink(MessageSink):
    """A coroutine function, or an object whose `write` is one, and the tasks that are not done yet."""

    def __init__(self, target: Any, *, loop: Loop | None, number: int = -1, catch: bool = True) -> None:
        super().__init__(target, number=number, catch=catch)
        write = getattr(target, "write", None)
        self.function: Callable[[Message], Coroutine[Any, Any, object]] = write if callable(write) else target
        self._loop = loop
        self._last = loop or running_loop()
        self._finished = self._finished_seen = 0
        self._blocked = False
        self._pending: dict[_Delivery, None] = {}  # in order

    def _hand_over(self, message: Message) -> None:
        running = running_loop()
        loop = self._loop or running
        if loop is None:
            self.lost += 1  # Nobody could ever run it.
            report.once(
                f"no loop for coroutine {self.number}",
                f"records for the coroutine sink of handler {self.number} are lost: no event loop runs in the thread "
                "of the call. Pass loop= to add(), or log inside of the loop.",
            )
            return
        if loop is not self._last:
            self._last = loop
            self._leave_closed_loops()
        self._schedule(message, loop, running, direct=True)

    def _schedule(self, message: Message, loop: Loop, running: Loop | None, *, direct: bool = False) -> None:
        if loop.is_closed():
            raise RuntimeError(
                "the event loop of this coroutine sink is closed. Remove the handler before the loop ends, or add it "
                "again in the next loop."
            )
        delivery = _Delivery(self, message, loop, direct=direct)
        self._pending[delivery] = None
        if loop is running:
            delivery.start()
        elif loop.is_running():
            loop.call_soon_threadsafe(delivery.start)
        else:
            delivery.start()
            # It may begin to run right now, in another thread, and would not look for what came meanwhile.
            loop.call_soon_threadsafe(_nothing)

    def write_patiently(self, message: Message, give_up: Callable[[], bool]) -> bool:
        """Schedule a record of another process in the loop that this process uses; the loop's pace is its own."""
        loop = self._loop or self._last
        if loop is not None and not self._wait_for_room(loop, give_up):
            return False
        self._in_turn(lambda: self._schedule_or_lose(message, loop), None)
        return True

    def _schedule_or_lose(self, message: Message, loop: Loop | None) -> None:
        if self.closed:
            return
        maximum = MAXIMUM_PENDING * (OVER if loop is not None and loop.is_running() else 1)
        if loop is None or loop.is_closed() or len(self._pending) >= maximum:
            self._lose(loop)
        else:
            self._schedule(message, loop, None)

    def _wait_for_room(self, loop: Loop, give_up: Callable[[], bool]) -> bool:
        """Wait while there is much to do and the loop does it; False when *give_up* said so."""
        since = monotonic()
        while loop.is_running() and len(self._pending) >= MAXIMUM_PENDING:
            if self._finished != self._finished_seen:
                self._finished_seen = self._finished
                self._blocked = False
                since = monotonic()
            elif self._blocked or monotonic() - since > BLOCKED:
                self._blocked = True
                return True
            signals.close()
            if give_up():
                return False
            time.sleep(0.005)
        return True

    def _lose(self, loop: Loop | None) -> None:
        self.lost += 1
        if loop is None:
            why = "no event loop has been seen; pass loop= to add(), or call add() inside of the loop"
        elif loop.is_closed():
            why = "its event loop is closed; remove the handler before its loop ends"
        else:
            why = f"{len(self._pending)} of its tasks wait for an event loop that does not get to them"
        report.once(
            f"lost coroutine {self.number}",
            f"records of other processes for the coroutine sink of handler {self.number} are lost: {why}.",
        )

    def _leave_closed_loops(self) -> None:
        for delivery in list(self._pending):
            if delivery.loop.is_closed() and self._pending.pop(delivery, 0) is None:
                self._was_left(delivery)

    def _was_left(self, delivery: _Delivery) -> None:
        """Its loop ended before it did. It was counted as written when the loop got it."""
        if delivery.direct:
            self.written -= 1
            self.dropped += 1
        report.once(
            f"left by the loop of coroutine {self.number}",
            f"records for the coroutine sink of handler {self.number} are lost: their event loop ended before their "
            "tasks did. Call `await logger.complete()` before the loop ends.",
        )

    def _ended(self, delivery: _Delivery, task: asyncio.Task[None]) -> None:
        """A task is done: its error is retrieved here, so that nobody complains that it never was."""
        self._pending.pop(delivery, None)
        self._finished += 1
        if task.cancelled():
            if not delivery.cancelled:
                self._was_left(delivery)
            return
        error = task.exception()
        if error is None or not isinstance(error, Exception):
            return  # The loop itself has raised what is to end the program.
        if self.catch:
            report.error_in_handler(
                self.number, getattr(delivery.message, "record", str(delivery.message)), error, sink=self.shown
            )
        else:
            delivery.loop.call_exception_handler(
                {
                    "message": f"Error in the coroutine sink {self.target!r} of handler {self.number}",
                    "exception": error,
                    "task": task,
                }
            )

    def _stop(self) -> None:
        for delivery in list(self._pending):
            self._pending.pop(delivery, None)
            delivery.cancel()

    @property
    def stops(self) -> bool:
        """Whether tasks wait to be cancelled."""
        return bool(self._pending)

    def another(self, target: Any) -> MessageSink:
        """A sink as this one is, for the same loop."""
        return CoroutineSink(target, loop=self._loop, number=self.number, catch=self.catch)

    def unfinished(self) -> list[Unfinished]:
        """The tasks of all loops; each waits in its own only."""
        self._leave_closed_loops()
        return list(self._pending)

    def forget(self) -> None:
        """In a forked child: the tasks are the parent's, as is the loop."""
        super().forget()
        self._pending = {}


class _Delivery(Coroutine[Any, Any, None]):
    """One message on its way through one loop.

    It is what the task runs, and calls the user's function only when the task takes its first step: a coroutine that
    was made and never ran would be complained about, whatever the reason.
    """

    def __init__(self, sink: CoroutineSink, message: Message, loop: Loop, *, direct: bool) -> None:
        self.message = message
        self.loop = loop
        self.direct = direct
        """Whether it comes from a log call of this process, and is counted by the sink."""
        self._sink = sink
        self._task: asyncio.Task[None] | None = None
        self._body: Coroutine[Any, Any, object] | None = None
        self.cancelled = False
        self.__qualname__ = getattr(sink.target, "__qualname__", None) or repr(sink.target)  # how asyncio shows tasks

    def start(self) -> None:
        """Make the task, unless there is one. In the thread of the loop, or while it does not run."""
        if self._task is not None or self.cancelled:
            return
        self._task = task = self.loop.create_task(self)
        # A task that its loop never got to is no mistake of the program's: see MessageSink on promises.
        with contextlib.suppress(AttributeError):
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # what asyncio does for its own
        task.add_done_callback(lambda task: self._sink._ended(self, task))

    def cancel(self) -> None:
        """Let it end, from any thread."""
        self.cancelled = True
        if self._task is None:
            return
        with contextlib.suppress(RuntimeError):  # The loop is closed; nothing of it runs any more.
            if self.loop.is_running() and running_loop() is not self.loop:
                self.loop.call_soon_threadsafe(self._task.cancel)
            else:
                self._task.cancel()

    async def wait(self, timeout: float | None) -> bool:
        """Wait until the task is done, if this is its loop."""
        if asyncio.get_running_loop() is not self.loop:
            return True
        self.start()
        if self._task is None or self._task is asyncio.current_task():
            return True  # A sink that awaits complete() cannot wait for itself.
        _, left = await asyncio.wait([self._task], timeout=timeout)
        return not left

    def _coroutine(self) -> Coroutine[Any, Any, object]:
        if self._body is None:
            self._body = self._sink.function(self.message)
        return self._body

    def send(self, value: Any) -> Any:
        """One step."""
        return self._coroutine().send(value)

    def throw(self, kind: Any, value: Any = None, traceback: Any = None) -> Any:
        """Raise inside, as a cancellation does; at once where nothing runs yet."""
        error: BaseException = value if value is not None else kind if isinstance(kind, BaseException) else kind()
        if self._body is None:
            raise error
        return self._body.throw(error)

    def close(self) -> None:
        """End what has begun."""
        if self._body is not None:
            self._body.close()

    def __await__(self) -> Generator[Any, Any, None]:
        yield from self._coroutine().__await__()


def _nothing() -> None:
    """What a loop is woken up for."""
