"""How a mutex is held so that no exception leaves it locked, wherever a signal handler raises it.

The interpreter runs signal handlers after each call, at the begin of each function of Python's and at each jump back:
also right after a mutex was taken, before that is known to whoever took it. `with mutex:` is safe, for nothing runs
between the taking and the body; `acquire` before a `try` is not, nor is anything whose `__enter__` or `__exit__` is
written in Python, such as a generator with `contextlib.contextmanager`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def holding(mutex: threading.RLock, action: Callable[[], Result], refused: Result, timeout: float = -1) -> Result:
    """Do *action* with a reentrant *mutex* held; *refused* when another thread had it for *timeout* seconds."""
    try:
        return action() if mutex.acquire(timeout=timeout) else refused
    finally:
        # Nothing may come before it that could raise. Not ours is a mutex that was refused, or for which this call was
        # interrupted while it waited; one that this thread had already is never waited for.
        try:  # noqa: SIM105 - a context would be Python's own functions, where a handler may raise before it
            mutex.release()
        except RuntimeError:
            pass
