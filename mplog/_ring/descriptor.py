"""Descriptors that the program may close behind our back, and the mappings that have one.

Daemons close every descriptor they did not open, and open something else under the same number. Whoever keeps a
descriptor for longer than one function remembers which file it is, and looks before it writes, reads or closes.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import sys
from typing import Final

Identity = tuple[int, int]
"""Device and inode: which file a descriptor is."""

NOTHING: Final[Identity] = (-1, -1)

_left: list[mmap.mmap] = []
"""Mappings that are never closed, for that would close a descriptor of the program's."""


def identity_of(fd: int) -> Identity:
    """Which file *fd* is.

    Raises:
        OSError: it is closed.
    """
    status = os.fstat(fd)
    return status.st_dev, status.st_ino


def is_still(fd: int, identity: Identity) -> bool:
    """Whether *fd* is open and the file it was."""
    try:
        return fd >= 0 and identity_of(fd) == identity
    except OSError:
        return False


def close(fd: int, identity: Identity) -> None:
    """Close *fd*, unless the program has closed it and perhaps opened something else there."""
    if is_still(fd, identity):
        with contextlib.suppress(OSError):
            os.close(fd)


def create(path: str) -> int:
    """Make the file *path*, for this user alone whatever the umask is, and open it for both.

    Raises:
        OSError: it cannot be made, or something stands there, be it a link to nowhere.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    os.fchmod(fd, 0o600)
    return fd


def map_file(fd: int, size: int) -> mmap.mmap:
    """Map *size* bytes of *fd*, which is the size of the file and stays so."""
    if sys.version_info >= (3, 13):
        return mmap.mmap(fd, size, trackfd=False)
    return mmap.mmap(fd, size)


def unmap(mapping: mmap.mmap) -> None:
    """Close *mapping*. Idempotent.

    Before Python 3.13 a mapping has a descriptor of its own, which it closes without looking. Where that one is
    something else by now, which shows in its size, the mapping stays for good.
    """
    if sys.version_info < (3, 13) and not mapping.closed:
        try:
            owns = mapping.size() == len(mapping)
        except OSError:
            owns = False
        if not owns:
            _left.append(mapping)
            return
    mapping.close()


def keep(mapping: mmap.mmap) -> None:
    """Never close *mapping*, as collecting it would do without looking."""
    _left.append(mapping)


def raised(fd: int) -> int:
    """*fd* under a number above those of the standard streams, which the program may have closed."""
    if fd > 2:
        return fd
    try:
        import fcntl

        found = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    except (ImportError, AttributeError, OSError):
        return fd
    os.close(fd)
    return found
