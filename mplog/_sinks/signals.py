"""Signals are the program's: no thread of mplog takes one.

A signal for the process goes to any thread that does not block it. One that a program blocks, to fetch it with
`sigwait`, must not find a thread of mplog that is open to it, so these are born with everything blocked.

What functions of the user's start inherits the mask of the thread that they run in. While they run here, the thread
has the mask of the main thread, which the kernel prefers for all that it leaves open: `open_up` before them, `close`
before the thread waits.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import threading
from collections.abc import Collection, Iterator
from types import BuiltinFunctionType
from typing import Final

from mplog._ring.clock import monotonic

AS_OF = 0.05
"""Seconds for which the mask of the main thread is not looked at again: a look takes as long as ten messages."""

_SUPPORTED: Final = hasattr(signal, "pthread_sigmask")

_FAULTS: Final = {
    *(signal.SIGSEGV, signal.SIGFPE, signal.SIGILL, signal.SIGABRT),
    *([signal.SIGBUS] if hasattr(signal, "SIGBUS") else []),  # Windows has none.
}
"""What a thread brings upon itself; faulthandler shall see it."""

_USUAL: Final[frozenset[int]] = frozenset(signal.valid_signals() - _FAULTS) if _SUPPORTED else frozenset()


class _Own(threading.local):
    is_ours = False
    """Whether the calling thread is one of mplog."""
    opened_at: float | None = None


_own = _Own()
_main: tuple[float, Collection[int]] = (float("-inf"), ())
"""What the main thread had blocked, and when that was."""


@contextlib.contextmanager
def blocked() -> Iterator[None]:
    """While a thread of mplog is started: it inherits that all signals are blocked, from its first moment on."""
    if not _SUPPORTED or not isinstance(_thread.start_new_thread, BuiltinFunctionType):
        yield  # What starts is no thread of its own, where somebody has replaced threads.
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        # Apart from the look: it may raise what a handler of the program's does, and has blocked everything then.
        signal.pthread_sigmask(signal.SIG_BLOCK, _USUAL)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def begin() -> None:
    """In a thread that was started so, first."""
    _own.is_ours = _SUPPORTED and isinstance(_thread.start_new_thread, BuiltinFunctionType)
    if _own.is_ours:
        signal.pthread_sigmask(signal.SIG_SETMASK, _USUAL)  # The program may have blocked even what it does itself.
    _own.opened_at = None


def open_up() -> None:
    """Before functions of the user's, in any thread: in one of mplog what they start shall inherit no mask of ours."""
    if not _own.is_ours:
        return
    now = monotonic()
    if _own.opened_at is None or now - _own.opened_at > AS_OF:
        _own.opened_at = now
        signal.pthread_sigmask(signal.SIG_SETMASK, _mask_of_main(now))


def close() -> None:
    """Before the thread waits, or does something else for long. Cheap where it is closed."""
    if _own.opened_at is not None:
        _own.opened_at = None
        signal.pthread_sigmask(signal.SIG_SETMASK, _USUAL)


def _mask_of_main(now: float) -> Collection[int]:
    global _main
    read_at, mask = _main
    if now - read_at > AS_OF:
        mask = ()  # Where the system does not tell: what most programs have.
        path = f"/proc/self/task/{os.getpid()}/status"
        with contextlib.suppress(OSError, ValueError, IndexError), open(path, "rb") as status:
            bits = int(status.read().partition(b"\nSigBlk:")[2].split(None, 1)[0], 16)
            mask = [number for number in _USUAL if bits >> number - 1 & 1]
        _main = now, mask
    return mask
