"""A claim on a work file: the kernel lock that lets one process at a time make it.

The lock is on the work file itself and ends with the process that holds it. It is given back by closing, never by
unlocking, because it belongs to the open file, which a forked child shares.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from typing import Final

from mplog._ring import descriptor
from mplog._sinks.file import belief, lock

# Absent on Windows, where descriptors are private, links followed anyway, and FIFOs are no files.
PRIVATE: Final[int] = getattr(os, "O_CLOEXEC", 0)
NO_LINK: Final[int] = getattr(os, "O_NOFOLLOW", 0)
NO_WAIT: Final[int] = getattr(os, "O_NONBLOCK", 0)
"""A FIFO may stand where a file is expected."""

_ATTEMPTS: Final = 3

_claims: Final[dict[int, descriptor.Identity]] = {}
"""Descriptors, perhaps with locks, that a forked child must not have, and which files they are."""


def abandon_claims() -> None:
    """Close, in a forked child, what another thread of the parent had open.

    They belong to open files shared with the parent: kept, their locks would outlive it and nobody could take over its
    work. To be called right after a fork, before the child claims anything of its own.
    """
    for fd, identity in _claims.items():
        descriptor.close(fd, identity)
    _claims.clear()


def keep(fd: int) -> None:
    """Have a child that is forked before `let_go` close *fd*, with whatever is locked through it."""
    _claims[fd] = descriptor.identity_of(fd)


def let_go(fd: int) -> None:
    """*fd* is closed now, or is the program's by now."""
    _claims.pop(fd, None)


def is_named(fd: int, path: str) -> bool:
    """Whether *path* names the open file *fd*."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(fd))
    except FileNotFoundError:
        return False


def _claim(path: str, permissions: int | None, *, create: bool) -> int | None:
    # Never truncated before the lock is held: until then it is another process's work.
    flags = os.O_RDWR | PRIVATE | NO_LINK | NO_WAIT | (os.O_CREAT if create else 0)
    for _ in range(_ATTEMPTS):
        try:
            fd = os.open(path, flags, 0o600)
        except FileNotFoundError:
            return None
        try:
            status = os.fstat(fd)
            if not belief.is_own(status, os.path.dirname(path), permissions):
                raise PermissionError(errno.EPERM, f"It belongs to user {status.st_uid}, who can change it", path)
            locked = lock.take(fd)
            # The last holder may have renamed or removed it between our open and our lock.
            if locked and is_named(fd, path):
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
        if not locked:
            return None
    return None


@contextlib.contextmanager
def claimed(path: str, permissions: int | None, *, create: bool) -> Iterator[int | None]:
    """Hold the work file *path* for the length of a ``with``; gives its descriptor, open for reading and writing.

    Gives None at once when another process or thread holds it, and when there is none and *create* is false or the
    directory is gone. The content is whatever the last holder left.

    Args:
        permissions: those of the log, which say who else may have made it (see `belief`).

    Raises OSError when the file cannot be opened, is a symbolic link or somebody else's, or lies where there are no
    kernel locks.
    """
    fd = _claim(path, permissions, create=create)
    if fd is None:
        yield None
        return
    with kept(fd):
        yield fd


@contextlib.contextmanager
def kept(fd: int) -> Iterator[int]:
    """Close *fd* at the end of a ``with``, and, with whatever is locked through it, in a child forked meanwhile."""
    keep(fd)
    try:
        yield fd
    finally:
        if _claims.pop(fd, None):  # not so in a child that was forked meanwhile
            os.close(fd)
