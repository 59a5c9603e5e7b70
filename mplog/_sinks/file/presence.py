"""Who has a log file open: a shared kernel lock that each process holds as long as it appends to the file.

It is a lock on one byte far behind any content and belongs to the open file, so it ends with the process, and is not
the lock under which records are written. Where the platform or the file system has no such locks nobody is ever
seen; all functions are silent then.
"""

from __future__ import annotations

import struct
from typing import Final

try:
    import fcntl

    _SET: Final = fcntl.F_OFD_SETLK
    _GET: Final = fcntl.F_OFD_GETLK
except (ImportError, AttributeError):  # Not Linux.
    SUPPORTED = False
else:
    SUPPORTED = True

_FORMAT: Final = "hhqqi4x"  # struct flock of 64-bit Linux: type, whence, start, length, pid
_AT: Final = 1 << 62


def _request(kind: int) -> bytes:
    return struct.pack(_FORMAT, kind, 0, _AT, 1, 0)


def _set(fd: int, kind: int) -> bool:
    try:
        fcntl.fcntl(fd, _SET, _request(kind))
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True  # There are no such locks here, or the file cannot be read by us: go on unseen.
    return True


def announce(fd: int) -> bool:
    """Say that this process appends to *fd*. False when another process is just ending the file."""
    return not SUPPORTED or _set(fd, fcntl.F_RDLCK)


def leave_last(fd: int) -> bool:
    """Stop appending to *fd*; whether nobody else does, in which case nobody can begin until *fd* is closed.

    Called under the file's lock, so that of several processes that end at once exactly one is the last.
    """
    if not SUPPORTED or _set(fd, fcntl.F_WRLCK):
        return True
    _set(fd, fcntl.F_UNLCK)
    return False


def is_used(fd: int) -> bool:
    """Whether somebody appends to the file *fd* through another descriptor, in this process or another."""
    if not SUPPORTED:
        return False
    try:
        answer = fcntl.fcntl(fd, _GET, _request(fcntl.F_WRLCK))
    except OSError:
        return False
    kind: int = struct.unpack(_FORMAT, answer)[0]
    return kind != fcntl.F_UNLCK
