"""Who has a log file open: a shared kernel lock that each process holds as long as it appends to the file.

It is a lock on one byte far behind any content and belongs to the open file, so it ends with the process, and is not
the lock under which records are written. Where there are no such locks nobody is ever seen.
"""

from __future__ import annotations

from mplog._ring import byte_lock
from mplog._ring.byte_lock import UNLOCKED, USE


def announce(fd: int) -> bool:
    """Say that this process appends to *fd*. False when another process is just ending the file."""
    return byte_lock.share(fd, USE)


def hide(fd: int) -> None:
    """Be unseen through *fd* until `announce`. Under the file's lock, and for microseconds."""
    byte_lock.release(fd, USE)


def leave_last(fd: int) -> bool:
    """Stop appending to *fd*; whether nobody else does, in which case nobody can begin until *fd* is closed.

    Called under the file's lock, so that of several processes that end at once exactly one is the last.
    """
    if byte_lock.take(fd, USE):
        return True
    byte_lock.release(fd, USE)
    return False


def is_used(fd: int) -> bool:
    """Whether somebody appends to the file *fd* through another descriptor, in this process or another."""
    return byte_lock.is_held(fd, USE) is True


def begin_unlocked(fd: int) -> None:
    """Say that this process is about to append to *fd* without the file's lock, if it is still the log then."""
    byte_lock.share(fd, UNLOCKED)


def end_unlocked(fd: int) -> None:
    """It has, or has found another file to append to."""
    byte_lock.release(fd, UNLOCKED)


def is_appended_unlocked(fd: int) -> bool:
    """Whether somebody may append to the file *fd* without its lock, also when that is not the log any more."""
    return byte_lock.is_held(fd, UNLOCKED) is True
