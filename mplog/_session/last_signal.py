"""A program that ends itself by a signal: this process's part is ended before that.

Servers such as uvicorn catch the signal that is to stop them, stop, put the former handler back and raise the signal
again, so that whoever waits for them sees why they ended. Where nothing handles it, the kernel ends the process at
once: no exit function runs, and what waits in queues stays there until somebody else looks.

There is nothing between that call and the end which could tell of it, so the functions that send signals are replaced
by ones that look first whether they end this process. Only in processes that have something to bring to an end: owners
and workers. Signals from outside, and SIGKILL and SIGABRT, are what they were.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

from mplog._sinks import report

ENDING: Final = frozenset(
    getattr(signal, name) for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
)
"""Signals by which programs are asked to end. SIGKILL and SIGABRT say that nothing else is to be done."""

_replaced = False
_ending = threading.local()


def install(end: Callable[[], object]) -> None:
    """Have *end* called before this process, or a forked child, ends itself by a signal."""
    global _replaced
    if _replaced:
        return
    _replaced = True
    for module, name, ends in (
        (signal, "raise_signal", lambda number: _ends(number)),
        (os, "kill", lambda pid, number: _ends(number) and _is_me(pid)),
        (os, "killpg", lambda group, number: _ends(number) and group in (0, os.getpgrp())),
    ):
        original = getattr(module, name, None)
        if original is None:
            continue
        looking = _Looking(original, ends, end)
        # Where pickle looks for it, too: what is pickled must be the same object there.
        for place in (module, sys.modules.get(original.__module__)):
            if getattr(place, name, None) is original:
                setattr(place, name, looking)


def _is_me(pid: int) -> bool:
    return pid == os.getpid() or pid == 0 or pid == -os.getpgrp()


def _ends(number: int) -> bool:
    """Whether the signal *number*, sent to this process by the calling thread, ends it at once."""
    if number not in ENDING or signal.getsignal(number) is not signal.SIG_DFL:
        return False
    if os.getpid() == 1:
        return False  # The first process of a container gets no signal that it does not handle.
    return not hasattr(signal, "pthread_sigmask") or number not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


class _Looking:
    """Stands for a function of C: as that, it does not become a method where a class has it, and is pickled by name."""

    __name__: str

    def __init__(self, original: Callable[..., object], ends: Callable[..., bool], end: Callable[[], object]) -> None:
        functools.update_wrapper(self, original)
        self._original = original
        self._ends = ends
        self._end = end

    def __call__(self, *arguments: Any, **named: Any) -> object:
        is_end = False
        with contextlib.suppress(Exception):  # Wrong arguments are the original's to refuse.
            is_end = not named and self._ends(*arguments)
        if is_end and not getattr(_ending, "now", False):
            _ending.now = True
            try:
                self._end()
            except Exception:  # noqa: BLE001 - the program is to end by that signal whatever happens here
                report.error_in_handler(-1, None)
            finally:
                _ending.now = False
        return self._original(*arguments, **named)

    def __repr__(self) -> str:
        return repr(self._original)

    def __reduce__(self) -> str:
        return self.__name__
