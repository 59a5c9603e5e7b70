"""The lock of a log file: a kernel lock on the file itself, with a bounded wait.

The lock belongs to the open file, so a forked child must close its copy (never unlock it) and open its own.
The kernel releases it when its holder dies.
"""

from __future__ import annotations

import errno
import random
import time
from typing import Any

SPINS = 60
"""Attempts before the first sleep: most holders need a few microseconds, and a sleep costs a hundred."""

OVERHEAD = 0.00008
"""Seconds that a sleep takes longer than asked, about."""

_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)

_try: Any = None
_release: Any = None


def prepare() -> None:
    """Import what locking needs. Done when a file is added: the import costs tens of milliseconds."""
    global _try, _release
    if _try is None:
        from filelock import lock_descriptor, unlock_descriptor

        _try, _release = lock_descriptor, unlock_descriptor


def supported(fd: int) -> bool:
    """Whether the file system of *fd* has such locks. Taken at once where it is free, and given back."""
    try:
        if _try(fd, blocking=False):
            _release(fd)
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return False
        raise
    return True


def acquire(fd: int, bound: float) -> bool:
    """Take the lock of *fd* within *bound* seconds; False when somebody else kept it that long."""
    if _try(fd, blocking=False):
        return True
    if bound <= 0:
        return False
    for _ in range(SPINS):
        if _try(fd, blocking=False):
            return True
    pause, waited = 0.0001, 0.0
    # Counted, not read from a clock: tests of users freeze every clock of the interpreter.
    while waited < bound:
        nap = pause * (0.5 + random.random())
        time.sleep(nap)
        if _try(fd, blocking=False):
            return True
        waited += nap + OVERHEAD
        pause = min(pause * 1.5, 0.001)
    return False


def release(fd: int) -> None:
    """Give the lock of *fd* back."""
    _release(fd)
