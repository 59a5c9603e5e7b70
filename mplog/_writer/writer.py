"""The writer thread: sleeps until the doorbell rings, drains, and keeps house once a second.

The sleep handshake (queue.md 3.7): the writer stores ASLEEP, looks at every ring again, and only then waits; a
producer publishes first and looks at the word afterwards. Python has no fence between its store and its load; the
ceiling on every sleep is the net under that.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Protocol

from mplog._capture import process
from mplog._ring.clock import monotonic
from mplog._ring.layout import ASLEEP, AWAKE, REGISTERED, WAKE
from mplog._sinks import report, signals
from mplog._sinks.limit import Limit
from mplog._sinks.stray import as_exception
from mplog._sinks.thread import start_thread
from mplog._writer.doorbell import Doorbell
from mplog._writer.drain import Drain

CEILING = 0.05
"""Seconds of the longest sleep."""

NAP = 0.002
"""Seconds between rounds while records come: larger batches, and no bell for each record."""

LINGER = 0.01
"""Seconds without records after which the writer asks to be rung."""

HOUSEKEEPING = 1.0
"""Seconds between two looks at rings that are new, closed or left behind."""

MANY = 16
"""So many more rings than after the last of these looks call for the next: a process fills one after another."""

NAME = "mplog-writer"


class Household(Protocol):
    """What the session does for the writer, in the writer's thread."""

    def beat(self) -> None:
        """Say that the writer lives."""

    def find_rings(self, *, registered: bool = True) -> None:
        """Add the rings that appeared to the drain; those known to be unused only when one was *registered*."""

    def keep(self) -> None:
        """Reclaim rings of the dead, recover what other sessions left."""


class Writer:
    """The thread, and the way to stop and restart it around a fork. Made by the owner of a session."""

    def __init__(self, drain: Drain, words: memoryview, doorbell: Doorbell, household: Household) -> None:
        self.drain = drain
        self._words = words
        self._doorbell = doorbell
        self._household = household
        self._thread: threading.Thread | None = None
        self._wanted: threading.Thread | None = None
        """The thread that shall go on; any other one ends."""
        self._life = threading.RLock()
        self._kept_at = 0.0
        self._kept = 0
        """How many rings were left by the last housekeeping."""
        self._registered = 0
        self.mutex = threading.RLock()
        """Held during each round: whoever else drains (flush, shut down, fork) waits for the end of a round."""

    @property
    def running(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def busy_here(self) -> bool:
        """Whether the calling thread is in the middle of a round, which what it does now interrupts or is part of."""
        return bool(self.mutex._is_owned())  # type: ignore[attr-defined]  # as Condition does

    def start(self) -> None:
        """Start the thread, unless it runs. Late in the end of the interpreter none starts; who flushes drains then."""
        with self._life:
            if self.running:  # A fork, say, could not wait for its end.
                self._wanted = self._thread
                return
            self._thread = self._wanted = threading.Thread(target=self._run, name=NAME, daemon=True)
            self._words[WAKE] = AWAKE  # A thread that was stopped in its sleep has left the word as it was.
            with contextlib.suppress(RuntimeError):
                start_thread(self._thread)

    def stop(self, bound: float) -> bool:
        """End the thread between two rounds, within *bound* seconds; whether it ended."""
        with self._life:
            thread, self._wanted = self._thread, None
        if thread is None:
            return True
        self.ring()
        if thread is threading.current_thread():
            return False  # A function of the user's asks for it, in a round, after which the thread ends.
        if thread.is_alive():
            thread.join(bound)
        if thread.is_alive():
            return False
        with self._life:
            if self._thread is thread:
                self._thread = None
        return True

    def forget(self) -> None:
        """In a forked child: its one thread may be this one, in a filter of the user's that forked."""
        self._thread = self._wanted = None

    @property
    def _stop(self) -> bool:
        """Whether the calling thread shall end."""
        return self._wanted is not threading.current_thread() or not process.here[0]

    def ring(self) -> None:
        """Wake the thread. A full doorbell has been rung already."""
        self._doorbell.ring()

    def _run(self) -> None:
        signals.begin()
        while not self._is_over():
            try:
                self._cycle()
            except BaseException as error:  # noqa: BLE001 - whatever happens in one round, the next one is tried
                signals.close()
                report.error_in_handler(-1, None, as_exception(error), sink="a round of the writer")
                time.sleep(CEILING)

    def _is_over(self) -> bool:
        """Whether the calling thread ends. With `_life` held: `start` takes it back, or starts another one."""
        with self._life:
            if not self._stop:
                return False
            if self._thread is threading.current_thread():
                self._thread = None
            return True

    def _cycle(self) -> None:
        """Drain until there is nothing for a while, then sleep until the doorbell."""
        busy_until = 0.0
        while not self._stop:
            found = self.step()
            signals.close()
            now = monotonic()
            if found:
                busy_until = now + LINGER
            waits = self._answer()
            if not found and not waits and now >= busy_until:
                break
            if not self.drain.batches.crowded:
                self._doorbell.wait(NAP)
        self._sleep()

    def _sleep(self) -> None:
        if self.drain.stalled:
            # A file refuses; nothing can be read before it takes what is owed to it.
            self._doorbell.wait(CEILING)
            return
        with self._life:
            # Once asked to stop, the word belongs to Host.finish: a late thread must not take STOPPED back.
            if self._stop:
                return
            self._words[WAKE] = ASLEEP
            # SYNC sleep -> wake: the word is stored before the rings are looked at again. Pairs with Link.push.
            found = self.drain.unread() or self._words[REGISTERED] != self._registered
        if found or self._stop:
            # Records that are too young wait out their grace here, awake.
            self._wake_up()
            self._doorbell.wait(self.drain.grace / 2)
            return
        self._doorbell.wait(CEILING)
        self._wake_up()

    def _wake_up(self) -> None:
        with self._life:
            if not self._stop:
                self._words[WAKE] = AWAKE

    def step(self) -> int:
        """One round of the thread, with housekeeping when it is time."""
        with self.mutex:
            if self._stop:
                return 0  # While it waited for the mutex: its rings may be others' by now.
            self._household.beat()
            now = monotonic()
            registered = self._words[REGISTERED]
            if registered != self._registered:
                # Read before the look at the directory: a ring that appears after it changes the number again.
                self._registered = registered
                self._household.find_rings()
            if now - self._kept_at >= HOUSEKEEPING or len(self.drain.sources) >= self._kept + MANY:
                self._kept_at = now
                self._household.find_rings(registered=False)
                self._household.keep()
                self._kept = len(self.drain.sources)
            return self.drain.round()

    def _answer(self) -> bool:
        with self.mutex:
            return self.drain.answer_flushes()

    def finish(self, limit: Limit) -> bool:
        """Drain what is published now, in the calling thread; what comes meanwhile cannot keep it for ever.

        False when a file kept refusing, or a user's function kept a round from its end, until the *limit* was over. One
        round is tried in any case.
        """
        if not self.mutex.acquire(timeout=limit.left()):
            return False
        try:
            self._household.find_rings()
            published = self.drain.published()
            behind = self.drain.behind(published)
            while True:
                found = self.drain.round(everything=True)
                self.drain.answer_flushes()
                if self.drain.is_through(published):
                    return True
                before, behind = behind, self.drain.behind(published)
                if behind < before:
                    limit.moved()
                if limit.is_over:
                    return False
                if not found:
                    time.sleep(NAP)
        finally:
            self.mutex.release()
