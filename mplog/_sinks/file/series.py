"""What connects the files that one log has after another: the clock of its time rules, the way to the next file, and
whose they are.

All are extended attributes of the file itself, so that all processes which write the log agree on them, also after
a restart. Where the file system keeps none, limits count from each file's own creation, and a process that has the
old file of a path with ``{time}`` open follows its own clock to the next one.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from mplog._ring.digest import sha256
from mplog._sinks.file import alarm, belief, birth
from mplog._sinks.file.names import Names
from mplog._sinks.file.rotation import Rotation

SERIES: Final = "user.mplog.series"
"""Text: first creation time, time of the record that began this file, the steps that were counted from the first."""

NEXT: Final = "user.mplog.next"
"""The absolute path of the file that took over. Its presence says that nobody appends here any more."""

ROTATED: Final = "user.mplog.rotated"
"""The name in its directory that the file has, or was just to get, by a rotation, and not by somebody else."""

SHAPE: Final = "user.mplog.shape"
"""The shape of the names of the template (see `Names`) by which the file was made, also of its archive."""

_HAS_ATTRIBUTES: Final = hasattr(os, "setxattr")
_LONG: Final = 300


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


def read_series(fd: int, rotation: Rotation, permissions: int | None = None) -> Series:
    """The series of the file *fd*: as recorded, else one that begins with the file.

    A file whose creation time was not recorded gets its modification time recorded, so that later writes do not move
    its limits. Called under the file's lock.

    Args:
        permissions: those of the log, which say whom to believe (see `belief`), here and below.
    """
    created = birth.read_birth(fd, permissions)
    if not birth.has_birth(fd, permissions):
        birth.write_birth(fd, created)
    text = _get(fd, SERIES, permissions, say=True)
    if not text:
        return Series(created, created)
    parts = text.split()
    first, after = map(birth.moment, parts[:2]) if len(parts) > 1 else (None, None)
    if first is None or after is None:
        belief.say_wrong(fd, SERIES, text, "which does not begin with two moments in seconds since 1970")
        return Series(created, created)
    # Steps of other rules have other limits: those of this one count from this file.
    same = " ".join(parts[2:]) == rotation.steps
    return Series(first if same else created, after)


def write_series(fd: int, series: Series, rotation: Rotation) -> None:
    """Record *series* for the new file *fd*."""
    _put(fd, SERIES, f"{series.first!r} {series.after!r} {rotation.steps}")


def forget(fd: int) -> None:
    """Take every mark of an earlier life from *fd*, a file that becomes the current one again."""
    for name in (SERIES, NEXT, ROTATED):
        _remove(fd, name)


def successor(fd: int, names: Callable[[], Names], permissions: int | None = None) -> str | None:
    """The path of the file that took over from *fd*; None while it is the current one.

    It is in the directory of the log, whatever is recorded, and has a name of the log: no record is led elsewhere.

    Args:
        names: gives the names of the log. It takes a while, so it is called only where something is recorded.
    """
    said = _get(fd, NEXT, permissions, say=True)
    if not said:
        return None
    path = names().placed(said)
    if path is None:
        belief.say_wrong(fd, NEXT, said, "which is no name of this log")
    return path


def set_successor(fd: int, path: str) -> None:
    """Say that the log goes on at *path*. Called under the lock of *fd*."""
    _put(fd, NEXT, path)


def mark_rotated(fd: int, path: str) -> None:
    """Say that a log renames *fd* to *path*. Called under its lock, before it happens."""
    _put(fd, ROTATED, os.path.basename(path))
    alarm.ring(fd)


def unmark_rotated(fd: int) -> None:
    """The renaming was refused, or has been taken back."""
    _remove(fd, ROTATED)


def was_rotated(fd: int, permissions: int | None = None) -> bool | None:
    """Whether a log has renamed *fd*; None where the file system keeps no attributes, or nobody's are believed."""
    if not _HAS_ATTRIBUTES:
        return None
    try:
        os.getxattr(fd, ROTATED)
    except OSError as error:
        return False if error.errno == errno.ENODATA else None
    return True if belief.is_believed(fd, permissions) else None


def has_ended(fd: int, path: str, names: Callable[[], Names], permissions: int | None = None) -> bool:
    """Whether the file *fd*, called *path*, is marked as one that a log has left.

    Not so when it was only about to be renamed, by somebody who died, and has still the name that it is written under.
    """
    if successor(fd, names, permissions) is not None:
        return True
    return _get(fd, ROTATED, permissions) == os.path.basename(path)


def write_shape(fd: int, shape: str) -> None:
    """Say by which template the file *fd* was made."""
    _put(fd, SHAPE, _short(shape))


def has_shape(fd: int, shape: str, permissions: int | None = None) -> bool | None:
    """Whether the file *fd* was made by a template of that shape; None where nothing is recorded that is believed."""
    found = _get(fd, SHAPE, permissions)
    return found == _short(shape) if found else None


def copy_shape(source_fd: int, target_fd: int, permissions: int | None = None) -> None:
    """Give the archive *target_fd* the shape of its source, if that has one."""
    shape = _get(source_fd, SHAPE, permissions)
    if shape:
        _put(target_fd, SHAPE, shape)


def _short(shape: str) -> str:
    """File systems keep some kilobytes of attributes for a file, or one block."""
    if len(shape) <= _LONG:
        return shape
    return sha256(os.fsencode(shape)).hexdigest()


def _get(fd: int, name: str, permissions: int | None, *, say: bool = False) -> str:
    """The attribute as text, empty where there is none that is believed; with *say* that is said."""
    if not _HAS_ATTRIBUTES:
        return ""
    try:
        found = os.fsdecode(os.getxattr(fd, name))
    except OSError:
        return ""
    # Afterwards: there is none for most records of a log, and this is asked for each.
    if belief.is_believed(fd, permissions):
        return found
    if say:
        belief.say_unbelieved(fd, name)
    return ""


def _put(fd: int, name: str, value: str) -> None:
    if _HAS_ATTRIBUTES:
        with suppress(OSError):
            os.setxattr(fd, name, os.fsencode(value))


def _remove(fd: int, name: str) -> None:
    if _HAS_ATTRIBUTES:
        with suppress(OSError):
            os.removexattr(fd, name)
