"""When a file was created: it names rotated files and anchors the time rules of rotation.

Not every file system keeps that moment, and none keeps it through a copy. It is recorded in an extended attribute of
the file itself, so that all processes which open the file agree on it. Where that cannot be, the modification time
serves. All functions work on an open descriptor and may be called from any thread and process.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final

from mplog._render.times import local_time
from mplog._sinks.file import belief

ATTRIBUTE: Final = "user.mplog.created"
"""Name of the extended attribute; its value is the ASCII decimal number of seconds since the epoch."""

FOREIGN: Final = "user.loguru_crtime"
"""The same under the name that Loguru gives it, so that a log which it began goes on with its date and its limits."""

_HAS_ATTRIBUTES: Final = hasattr(os, "setxattr")


def _recorded(fd: int, permissions: int | None) -> float | None:
    if not _HAS_ATTRIBUTES:
        return None
    for name in (ATTRIBUTE, FOREIGN):
        try:
            text = os.fsdecode(os.getxattr(fd, name))
        except OSError:
            continue
        if not belief.is_believed(fd, permissions):
            belief.say_unbelieved(fd, name)
            return None
        when = moment(text)
        if when is not None:
            return when
        belief.say_wrong(fd, name, text, "which is no moment in seconds since 1970 that a calendar has")
    return None


def moment(text: str) -> float | None:
    """The moment that *text* is, in seconds since the epoch; None when it is none that can be shown as a date."""
    try:
        when = float(text)
        local_time(when)
    except (ValueError, OverflowError, OSError):
        return None
    return when


def read_birth(fd: int, permissions: int | None = None) -> float:
    """Seconds since the epoch at which the file behind *fd* was created: as recorded, else its modification time.

    Args:
        permissions: those of the log, which say whom to believe (see `belief`).

    Raises OSError only when *fd* is no open descriptor.
    """
    when = _recorded(fd, permissions)
    return os.fstat(fd).st_mtime if when is None else when


def has_birth(fd: int, permissions: int | None = None) -> bool:
    """Whether a creation time is recorded, so that later writes to the file do not move it."""
    return _recorded(fd, permissions) is not None


def write_birth(fd: int, when: float) -> None:
    """Record *when* (seconds since the epoch) as the creation time. Silent where the file system cannot keep it."""
    if _HAS_ATTRIBUTES:
        with suppress(OSError):
            os.setxattr(fd, ATTRIBUTE, repr(float(when)).encode("ascii"))
