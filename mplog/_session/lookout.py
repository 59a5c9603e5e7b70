"""The lookout: the thread in which a worker that logs nothing looks at its owner.

A worker that logs looks with its calls (Link.attend). One that waits, as those of a pool do for ever when their parent
was killed, would keep its last records in its ring until somebody else came to write them.

It looks at a clock and not at the owner's process descriptor, because that stays as it is when the owner is replaced
by `exec`.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import threading
from types import BuiltinFunctionType
from typing import Protocol

from mplog._capture import process
from mplog._ring.clock import monotonic
from mplog._sinks import report, signals

EVERY = 1.0
"""Seconds between two looks."""


class Watched(Protocol):
    """A link, as the lookout knows it."""

    def is_watched(self) -> bool:
        """Whether there is anything to look for."""

    def tidy(self) -> None:
        """Let go of what the owner has removed. At any time, beside any call."""

    def needs_help(self) -> bool:
        """One look: whether it is time for `go_on_alone`."""

    def go_on_alone(self) -> None:
        """Do what is to be done when the owner is gone."""


class _Shift:
    """One run of the thread.

    It is none of `threading`: starting one of those waits for it, which a call in a signal handler must not do.
    """

    def __init__(self) -> None:
        self.bell = _thread.allocate_lock()
        """Free when the thread shall look, or end, now."""
        self.ended = _thread.allocate_lock()
        """Free when it is through."""
        self.task = 0
        """Its number in the kernel, once it has begun."""
        self.is_over = False
        self.bell.acquire()
        self.ended.acquire()

    def begin(self) -> None:
        """In the thread, first."""
        self.task = threading.get_native_id()
        signals.begin()

    def ring(self) -> None:
        """Wake the thread."""
        with contextlib.suppress(RuntimeError):  # It was rung before and has not been heard yet.
            self.bell.release()


class Lookout:
    """Looks at the owners of the links of one process, as long as there are any. Safe from any thread and handler."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """In a forked child: its links are others, and it has one thread."""
        self._links: list[Watched] = []
        self._shift: _Shift | None = None
        self._look_at = monotonic() + EVERY
        self._is_over = False
        """Whether the process is ending: what is logged from now on is looked after by its calls."""
        self._starting = _thread.allocate_lock()
        """Held for a moment by whoever starts the thread; nobody waits for it."""

    def watch(self, link: Watched) -> None:
        """Look for *link*, too, until it says that it is enough. Never raises."""
        if link not in self._links:
            self._links.append(link)
        shift = self._shift
        if shift is None:
            self._start()
        else:
            shift.ring()

    def _start(self) -> None:
        # A greenlet that waits for ever would keep the loop of a program from its end, which has replaced threads.
        # Subinterpreters must not end while they have a thread.
        if self._is_over or process.interpreter() or not isinstance(_thread.start_new_thread, BuiltinFunctionType):
            return
        # Whoever is just starting it, another thread or the one that this call interrupts, has not looked yet.
        if not self._starting.acquire(blocking=False):
            return
        try:
            if self._shift is None:
                shift = _Shift()
                # Where no thread can be had calls look as ever.
                with contextlib.suppress(RuntimeError):
                    with signals.blocked():
                        _thread.start_new_thread(self._run, (shift,))
                    self._shift = shift
        finally:
            self._starting.release()

    def _run(self, shift: _Shift) -> None:
        shift.begin()
        try:
            while not shift.is_over:
                # Counted over all shifts: a process that forks all the time looks, too.
                wait = max(0.0, self._look_at - monotonic()) if self._links else -1
                if not shift.bell.acquire(True, wait):
                    self._look_at = monotonic() + EVERY
                    self._look(shift)
        finally:
            shift.ended.release()

    def _look(self, shift: _Shift) -> None:
        for link in self._links[:]:
            if shift.is_over:
                return
            try:
                if link.is_watched():
                    link.tidy()
                    if link.needs_help():
                        signals.open_up()
                        link.go_on_alone()
                    continue
                self._drop(link)
                if link.is_watched():  # It has a new ring since, and was still here when `watch` was called.
                    self.watch(link)
            except Exception:  # noqa: BLE001 - nobody is there to take it; calls look as ever
                self._drop(link)
                report.error_in_handler(-1, None, sink="the look for a dead owner")
            finally:
                signals.close()

    def _drop(self, link: Watched) -> None:
        with contextlib.suppress(ValueError):  # A shift that a fork could not wait for was first.
            self._links.remove(link)

    def pause(self, deadline: float) -> None:
        """Before a fork: no thread runs, unless one is too busy to end by `monotonic()` *deadline*."""
        shift, self._shift = self._shift, None
        if shift is None:
            return
        shift.is_over = True
        shift.ring()
        # A function of the user's that runs in the thread may be what forks.
        here = shift.task == threading.get_native_id()
        if here or not shift.ended.acquire(timeout=max(0.0, deadline - monotonic())):
            return
        # It has returned, but Python counts the threads of the kernel when it forks.
        while os.path.exists(f"/proc/self/task/{shift.task}") and monotonic() < deadline:
            pass

    def resume(self) -> None:
        """After a fork, in the parent: go on."""
        if self._links and self._shift is None:
            self._start()

    def end(self, deadline: float) -> None:
        """At the end of the process: as `pause`, for good."""
        self._is_over = True
        self.pause(deadline)
