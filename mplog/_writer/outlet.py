"""An outlet: the bounded queue and the thread of one sink that may be slow, so that it slows nothing else.

Only records of workers pass here. What waits in an outlet dies with the owner; what does not fit is dropped and
counted: files promise exactly once, other sinks at most once.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

from mplog._capture import process
from mplog._capture.notice import notice
from mplog._capture.record import Message
from mplog._render.times import local_time
from mplog._ring.clock import monotonic, wall_time
from mplog._sinks import report, signals
from mplog._sinks.limit import Limit
from mplog._sinks.message_sink import MessageSink
from mplog._sinks.thread import start_thread
from mplog._writer.tally import Tally

CAPACITY = 64 * 1024 * 1024
"""Bytes that wait at most, roughly."""

TEXT_COST, RECORD_COST = 100, 1000
"""What a message costs beside its characters: alone, and with its record."""


class Outlet:
    """Queue and thread of one sink that is no file. `put` is called by the writer, the rest by anyone."""

    def __init__(self, sink: MessageSink, route: int) -> None:
        self._sink = sink
        self._route = route
        self._waiting: deque[tuple[Message, int, Tally | None]] = deque()
        self._size = 0
        self._wake = threading.Condition(threading.Lock())
        self._thread: threading.Thread | None = None
        self._paused = False
        self._closing = False
        self.put_count = 0
        self.taken = 0
        self.dropped = 0
        self.dropped_at: float | None = None
        """When (`monotonic()`) something was dropped last."""
        self._dropped_unsaid = 0

    def put(self, message: Message, tally: Tally | None = None) -> None:
        """Queue *message*, or drop and count it when too much waits already; *tally* gets what becomes of it."""
        cost = len(message) + (RECORD_COST if hasattr(message, "record") else TEXT_COST)
        with self._wake:
            self.put_count += 1
            if self._size + cost > CAPACITY:
                self.dropped += 1
                self.dropped_at = monotonic()
                self._dropped_unsaid += 1
                self.taken += 1
                if tally is not None:
                    tally.add(lost=1)
                return
            self._waiting.append((message, cost, tally))
            self._size += cost
            self._start()
            self._wake.notify()

    def start(self) -> None:
        """Have the thread, before there is anything for it: when the interpreter has begun to end, Python 3.12 starts
        no thread any more, and the first records of a process that nobody has joined come only then."""
        with self._wake:
            self._start()

    def _start(self) -> None:
        # One that is not alive was interrupted as it was started, by a signal handler that raised.
        if self._paused or (self._thread is not None and self._thread.is_alive()):
            return
        self._thread = threading.Thread(target=self._run, name=f"mplog-outlet-{self._route}", daemon=True)
        try:
            start_thread(self._thread)
        except RuntimeError:  # No thread can be had now, or any more: the writer must not fail; the next message tries.
            self._thread = None

    def _run(self) -> None:
        signals.begin()
        while True:
            with self._wake:
                while not self._waiting and not self._dropped_unsaid and not self._gives_up():
                    signals.close()
                    self._wake.wait(1.0)
                if self._paused or not (self._waiting or self._dropped_unsaid):
                    signals.close()  # It lives on for a moment.
                    self._thread = None
                    self._wake.notify_all()
                    return
                unsaid = self._dropped_unsaid
                message, cost, tally = self._waiting[0] if self._waiting else (Message(), 0, None)
            if unsaid:
                message = self._notice(f"mplog: {unsaid} records were dropped here: this sink was too slow")
            failed, lost = False, self._sink.lost
            signals.open_up()
            try:
                if not self._sink.write_patiently(message, self._gives_up):
                    continue
            except BaseException:  # noqa: BLE001 - a sink that raises has taken the record; the thread goes on
                failed = True
                report.error_in_handler(self._route, _seen(message, tally), sink=self._sink.shown)
            if not process.here[0]:
                return  # The sink has forked, without hooks, and this is the child.
            lost = self._sink.lost - lost
            with self._wake:
                if unsaid:
                    self._dropped_unsaid -= unsaid
                elif self._waiting and self._waiting[0][0] is message:  # Else it was given up, and counted as lost.
                    self._waiting.popleft()
                    self._size -= cost
                    if tally is not None:
                        tally.add(written=not failed and not lost, failed=failed, lost=not failed and bool(lost))
                    self.taken += 1
                self._wake.notify_all()

    def _notice(self, text: str) -> Message:
        """What mplog itself has to say in this sink, with a record, for those that look at it."""
        message = Message(text + self._sink.end_of_line)
        message.record = notice(text, local_time(wall_time()))
        return message

    @property
    def serves_here(self) -> bool:
        """Whether the calling thread is that of the outlet, so that the sink itself asks."""
        return self._thread is threading.current_thread()

    def _gives_up(self) -> bool:
        return self._paused or self._closing

    def pause(self, deadline: float) -> bool:
        """Before a fork: end the thread between two messages, by `monotonic()` *deadline*; whether it ended."""
        with self._wake:
            self._paused = True
            self._wake.notify_all()
            thread = self._thread
        if thread is threading.current_thread():
            return False  # The sink itself forks.
        if thread is None or not thread.is_alive():
            return True
        thread.join(max(0.0, deadline - monotonic()))
        return not thread.is_alive()

    def resume(self) -> None:
        """After a fork, in the parent: go on."""
        with self._wake:
            self._paused = False
        self.start()

    def forget(self) -> None:
        """In a forked child, whose one thread may be that of the outlet, in a sink that forked: take nothing more."""
        self._wake = threading.Condition(threading.Lock())
        self._waiting = deque()
        self._dropped_unsaid = 0
        self._paused = self._closing = True

    def taken_up_to(self, count: int) -> bool:
        """Whether the first *count* messages have been handed to the sink or dropped, or never will be."""
        return self.taken >= count or self._closing

    def wait_taken(self, count: int, deadline: float | None, stalled: float) -> bool:
        """Wait until the first *count* messages are taken; False at *deadline*, or after *stalled* s without any."""
        with self._wake:
            while not self.taken_up_to(count):
                if self.serves_here:
                    return False  # Called by the sink, which cannot take anything meanwhile.
                seen = self.taken
                bound = stalled if deadline is None else min(stalled, deadline - monotonic())
                if bound <= 0 or (not self._wake.wait(bound) and self.taken == seen):
                    return False
        return self.taken >= count

    def wait_empty(self, limit: Limit) -> bool:
        """Wait until all is taken; False when the *limit* is over."""
        seen = self.taken
        with self._wake:
            while self.taken < self.put_count or self._dropped_unsaid:
                self._wake.wait(limit.left())
                if self.taken != seen:
                    seen = self.taken
                    limit.moved()
                if limit.is_over:
                    return False
        return True

    def left(self) -> int:
        """Messages that were put and not taken."""
        return self.put_count - self.taken

    def close(self, limit: Limit) -> bool:
        """Wait as `wait_empty`, then end the thread; whether everything was taken."""
        own = self.serves_here
        done = self.left() <= 1 if own else self.wait_empty(limit)  # Its own message is in its hands.
        with self._wake:
            self._closing = True
            self._paused = True
            self._wake.notify_all()
            thread = self._thread
        if thread is not None and thread.is_alive() and not own:
            thread.join(limit.left(1.0))
        if not done:
            self._give_up()
        return done

    def _give_up(self) -> None:
        """Count as lost what waits and will not be written."""
        with self._wake:
            for _message, _cost, tally in self._waiting:
                if tally is not None:
                    tally.add(lost=1)
            self._waiting.clear()
            self._size = 0

    @property
    def fill(self) -> float:
        """How much of the queue is used, from 0 to 1."""
        return self._size / CAPACITY


def _seen(message: Message, tally: Tally | None) -> dict[str, Any] | str:
    """*message* for a report: its record, or what there is of it where text has travelled."""
    record: dict[str, Any] | None = getattr(message, "record", None)
    return record if record is not None else f"{str(message)!r}" + (f" of {tally.who}" if tally is not None else "")
