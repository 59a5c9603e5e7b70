"""A sign on an open file that its other writers see for a third of a microsecond: look whether this is still the log.

A call that appends to a file without rotation would otherwise have to ask each time what its path names, which costs
six times as much, only because another program might rotate the file. Who renames it sets the kernel's write hint of
the file ("its data will live for long", which is even true then). The hint belongs to the file and not to a descriptor,
and is kept as long as anybody has the file open, which is all that it is needed for. It says nothing by itself: who
sees it looks more closely.
"""

from __future__ import annotations

import os
import stat
import struct
import sys
from typing import Final

try:
    import fcntl
except ImportError:  # Not POSIX.
    SUPPORTED = False
else:
    SUPPORTED = sys.platform == "linux"

# Not in Python's fcntl; the numbers are the same on all architectures.
_GET_HINT: Final = 1024 + 11
_SET_HINT: Final = 1024 + 12
_RUNG: Final = struct.pack("=Q", 5)
_ROOM: Final = bytes(8)


def reaches(fd: int, status: os.stat_result) -> bool:
    """Whether whoever may write the file *fd* can ring for its writers: the kernel lets only its user and root."""
    if not SUPPORTED or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return False
    try:
        fcntl.fcntl(fd, _GET_HINT, _ROOM)
    except OSError:
        return False
    return True


def ring(fd: int) -> None:
    """Make all who have the file open look. Silent where there is no such sign; see `reaches`."""
    if SUPPORTED:
        try:
            fcntl.fcntl(fd, _SET_HINT, _RUNG)
        except OSError:
            return


def is_ringing(fd: int) -> bool:
    """Whether somebody has renamed the file *fd*, or was about to. Only where it `reaches`."""
    return fcntl.fcntl(fd, _GET_HINT, _ROOM) == _RUNG
