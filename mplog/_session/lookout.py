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
import signal
import threading
from types import BuiltinFunctionType
from typing import Protocol

from mplog._ring.clock import monotonic
from mplog._sinks import report

EVERY = 1.0
"""Seconds between two looks; an owner's death is noticed within half a second more (place.SILENCE)."""

STOP_BOUND = 0.1
"""Seconds that a fork waits for a look that is under way."""


class Watched(Protocol):
    """A link, as the lookout knows it."""

    def look(self) -> bool:
        """One look; whether to look again."""


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

    def ring(self) -> None:
        with contextlib.suppress(RuntimeError):  # It was rung before and has not been heard yet.
            self.bell.release()


class Lookout:
    """Looks at the owners of the links of one process, as long as there are any. Safe from any thread and handler."""

    def __init__(self) -> None:
        self._links: list[Watched] = []
        self._shift: _Shift | None = None
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
        if not isinstance(_thread.start_new_thread, BuiltinFunctionType):
            return
        # Whoever is just starting it, another thread or the one that this call interrupts, has not looked yet.
        if not self._starting.acquire(blocking=False):
            return
        try:
            if self._shift is None:
                shift = _Shift()
                # Where no thread can be had, as late in the interpreter's end, calls look as ever.
                with contextlib.suppress(RuntimeError):
                    _thread.start_new_thread(self._run, (shift,))
                    self._shift = shift
        finally:
            self._starting.release()

    def _run(self, shift: _Shift) -> None:
        shift.task = threading.get_native_id()
        # A signal that the program has blocked must not find a thread that takes it.
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            while not shift.is_over:
                shift.bell.acquire(True, EVERY if self._links else -1)
                if not shift.is_over:
                    self._look()
        finally:
            shift.ended.release()

    def _look(self) -> None:
        for link in self._links[:]:
            if not _wants_more(link):
                self._links.remove(link)
                if _wants_more(link):  # It has a new ring since, and was still here when `watch` was called.
                    self.watch(link)

    def pause(self) -> None:
        """Before a fork, and at the end of the process: no thread runs. Bounded."""
        shift, self._shift = self._shift, None
        if shift is None:
            return
        shift.is_over = True
        shift.ring()
        if not shift.ended.acquire(timeout=STOP_BOUND):
            return
        # It has returned, but Python counts the threads of the kernel when it forks.
        deadline = monotonic() + STOP_BOUND
        while os.path.exists(f"/proc/self/task/{shift.task}") and monotonic() < deadline:
            pass

    def resume(self) -> None:
        """After a fork, in the parent: go on."""
        if self._links and self._shift is None:
            self._start()

    def forget(self) -> None:
        """In a forked child: its links are others, and it has one thread."""
        self._links, self._shift, self._starting = [], None, _thread.allocate_lock()


def _wants_more(link: Watched) -> bool:
    try:
        return link.look()
    except Exception:  # noqa: BLE001 - nobody is there to take it; calls look as ever
        report.error_in_handler(-1, None)
        return False
