"""What connects the files that one log has after another: the clock of its time rules, and the way to the next file.

Both are extended attributes of the file itself, so that all processes which write the log agree on them, also after
a restart. Where the file system keeps none, limits count from each file's own creation, and a process that has the
old file of a path with ``{time}`` open follows its own clock to the next one.
"""

from __future__ import annotations

import errno
import math
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from mplog._sinks.file import alarm, birth
from mplog._sinks.file.rotation import Rotation

SERIES: Final = "user.mplog.series"
"""Text: first creation time, time of the record that began this file, the steps that were counted from the first."""

NEXT: Final = "user.mplog.next"
"""The absolute path of the file that took over. Its presence says that nobody appends here any more."""

ROTATED: Final = "user.mplog.rotated"
"""Its presence says that the file has, or was just to get, another name by a rotation, and not by somebody else."""

_HAS_ATTRIBUTES: Final = hasattr(os, "setxattr")


@dataclass(frozen=True, slots=True)
class Series:
    """Where the limits of a file come from; times in seconds since the epoch."""

    first: float
    """Limits of rules like "1 h" are whole steps after this moment."""

    after: float
    """The file's own limit is the first one after this moment."""

    def next_due(self, rotation: Rotation) -> float | None:
        """When the file is due by its time rules; see `Rotation.next_due`."""
        return rotation.next_due(self.first, after=self.after)


def read_series(fd: int, rotation: Rotation) -> Series:
    """The series of the file *fd*: as recorded, else one that begins with the file.

    A file whose creation time was not recorded gets its modification time recorded, so that later writes do not move
    its limits. Called under the file's lock.
    """
    created = birth.read_birth(fd)
    if not birth.has_birth(fd):
        birth.write_birth(fd, created)
    parts = _get(fd, SERIES).split()
    try:
        first, after = float(parts[0]), float(parts[1])
    except (IndexError, ValueError):
        return Series(created, created)
    if not (math.isfinite(first) and math.isfinite(after)):
        return Series(created, created)
    # Steps of other rules have other limits: those of this one count from this file.
    same = " ".join(parts[2:]) == rotation.steps
    return Series(first if same else created, after)


def write_series(fd: int, series: Series, rotation: Rotation) -> None:
    """Record *series* for the new file *fd*."""
    _put(fd, SERIES, f"{series.first!r} {series.after!r} {rotation.steps}")


def forget(fd: int) -> None:
    """Take every mark of an earlier life from *fd*, a file that becomes the current one again."""
    if _HAS_ATTRIBUTES:
        for name in (SERIES, NEXT, ROTATED):
            with suppress(OSError):
                os.removexattr(fd, name)


def successor(fd: int) -> str | None:
    """The path of the file that took over from *fd*; None while it is the current one."""
    return _get(fd, NEXT) or None


def set_successor(fd: int, path: str) -> None:
    """Say that the log goes on at *path*. Called under the lock of *fd*."""
    _put(fd, NEXT, path)


def mark_rotated(fd: int) -> None:
    """Say that a log renames *fd*. Called under its lock, before it happens."""
    _put(fd, ROTATED, "1")
    alarm.ring(fd)


def was_rotated(fd: int) -> bool | None:
    """Whether a log has renamed *fd*; None where the file system keeps no attributes."""
    if not _HAS_ATTRIBUTES:
        return None
    try:
        os.getxattr(fd, ROTATED)
    except OSError as error:
        return False if error.errno == errno.ENODATA else None
    return True


def _get(fd: int, name: str) -> str:
    if not _HAS_ATTRIBUTES:
        return ""
    try:
        return os.fsdecode(os.getxattr(fd, name))
    except OSError:
        return ""


def _put(fd: int, name: str, value: str) -> None:
    if _HAS_ATTRIBUTES:
        with suppress(OSError):
            os.setxattr(fd, name, os.fsencode(value))
