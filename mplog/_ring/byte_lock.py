"""Kernel locks on single bytes far behind any content, which belong to the open file and not to the process.

They end with the last use of the open file: its descriptors and what is mapped through it. Where the platform or the
file system has none, nobody is ever seen to hold one; all functions are silent then.
"""

from __future__ import annotations

import struct
import sys
from typing import Final

try:
    import fcntl
except ImportError:  # Windows.
    SUPPORTED = False
else:
    SUPPORTED = sys.platform == "linux"

# A Python that was built with old headers has no names for them, and meets programs whose Python has.
_GET: Final = 36  # F_OFD_GETLK
_SET: Final = 37  # F_OFD_SETLK

_FORMAT: Final = "hhqqi4x"  # struct flock of 64-bit Linux: type, whence, start, length, pid

USE: Final = 1 << 62
"""Who appends to a log file, see presence.py."""
LIFE: Final = USE + 1
"""Who made a ring or a session, see life.py."""
SERVICE: Final = USE + 3
"""Who drains the rings of a session, see control.py."""
UNLOCKED: Final = USE + 2
"""Who just appends to a log file without the file's lock, see presence.py."""
PRIVATE: Final = USE + 4
"""Who takes another lock in the stead of a log file's, see file_lock.py."""


def _request(kind: int, at: int) -> bytes:
    return struct.pack(_FORMAT, kind, 0, at, 1, 0)


def _set(fd: int, kind: int, at: int) -> bool:
    try:
        fcntl.fcntl(fd, _SET, _request(kind, at))
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True  # There are no such locks here, or the file cannot be read by us: go on unseen.
    return True


def share(fd: int, at: int) -> bool:
    """Take the lock together with others. False when somebody has it alone."""
    return not SUPPORTED or _set(fd, fcntl.F_RDLCK, at)


def share_surely(fd: int, at: int) -> bool:
    """As `share`, but False, too, where there are no such locks."""
    if not SUPPORTED:
        return False
    try:
        fcntl.fcntl(fd, _SET, _request(fcntl.F_RDLCK, at))
    except OSError:
        return False
    return True


def take(fd: int, at: int) -> bool:
    """Take the lock alone. False when somebody else has it."""
    return not SUPPORTED or _set(fd, fcntl.F_WRLCK, at)


def release(fd: int, at: int) -> None:
    """Give it back."""
    if SUPPORTED:
        _set(fd, fcntl.F_UNLCK, at)


def is_held(fd: int, at: int) -> bool | None:
    """Whether it is held through another open file than *fd*, by this process or another; None: that cannot be told."""
    if not SUPPORTED:
        return None
    try:
        answer = fcntl.fcntl(fd, _GET, _request(fcntl.F_WRLCK, at))
    except OSError:
        return None
    kind: int = struct.unpack(_FORMAT, answer)[0]
    return kind != fcntl.F_UNLCK
