"""The lock of a log file: a kernel lock on the file itself, with a bounded wait.

The lock belongs to the open file, so a forked child must close its copy (never unlock it) and open its own.
The kernel releases it when its holder dies.

It is the lock that `filelock.lock_descriptor` takes, which is used where there is no flock. Elsewhere the kernel is
asked directly: to import filelock, in whichever thread needs the first lock, would give the program fork hooks in the
middle of a fork of another thread, and would have forks refused while another thread forks.
"""

from __future__ import annotations

import errno
import os
import sys
import time

SPINS = 60
"""Attempts before the first sleep: most holders need a few microseconds, and a sleep costs a hundred."""

OVERHEAD = 0.00008
"""Seconds that a sleep takes longer than asked, about."""

_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)

if sys.platform == "win32":

    def take(fd: int) -> bool:
        """Take the lock of *fd* if it is free now. Raises OSError where there are no such locks."""
        from filelock import lock_descriptor  # here, because the import costs tens of milliseconds

        return lock_descriptor(fd, blocking=False)

    def give_back(fd: int, _how: int) -> None:
        """Give the lock of *fd* back; to be called with HOW."""
        from filelock import unlock_descriptor

        unlock_descriptor(fd)

    HOW = 0

else:
    import fcntl

    _EXCLUSIVE = fcntl.LOCK_EX | fcntl.LOCK_NB

    def take(fd: int) -> bool:
        """Take the lock of *fd* if it is free now. Raises OSError where there are no such locks."""
        try:
            fcntl.flock(fd, _EXCLUSIVE)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES):  # EACCES: on some network file systems
                return False
            raise
        return True

    # The kernel's function and none around it: a signal handler that raises at the begin of that would leave the file
    # locked.
    give_back = fcntl.flock
    HOW = fcntl.LOCK_UN


def supported(fd: int) -> bool:
    """Whether the file system of *fd* has such locks. Taken at once where it is free, and given back."""
    try:
        if take(fd):
            give_back(fd, HOW)
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return False
        raise
    return True


def acquire(fd: int, bound: float) -> bool:
    """Take the lock of *fd* within *bound* seconds; False when somebody else kept it that long."""
    if take(fd):
        return True
    if bound <= 0:
        return False
    for _ in range(SPINS):
        if take(fd):
            return True
    pause, waited = 0.0001, 0.0
    # Counted, not read from a clock: tests of users freeze every clock of the interpreter.
    while waited < bound:
        nap = pause * (0.5 + os.urandom(1)[0] / 256)
        time.sleep(nap)
        if take(fd):
            return True
        waited += nap + OVERHEAD
        pause = min(pause * 1.5, 0.001)
    return False
