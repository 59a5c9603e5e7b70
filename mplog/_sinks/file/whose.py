"""Whose file is it: asked before a file that was found by its name is taken for the log, compressed or removed.

A name alone does not say it, for two templates can make the same one: a rotation of `app.log` makes what
`app.{time}.log` begins with. Each file carries the shape of its maker's names (see `series`), and who appends to it is
seen (see `presence`). Where the file system keeps no attributes, the name decides, and of two templates in this process
the one that has more letters in common with it.
"""

from __future__ import annotations

import os
from typing import Final

from mplog._sinks.file import belief, presence, series
from mplog._sinks.file.names import Names

open_here: Final[dict[tuple[int, tuple[int, int]], Names]] = {}
"""The log files that this process has open: descriptor, device and inode, and the names that their logs can make.

Threads need no lock for it."""


def is_open_here(status: os.stat_result) -> bool:
    """Whether this process has the file as a log."""
    return (status.st_dev, status.st_ino) in {identity for _, identity in list(open_here)}


def is_current(path: str, names: Names, permissions: int | None) -> bool:
    """Whether *path* is the live file of somebody, in this process or another, who has the same *names*.

    Args:
        permissions: those of the log, which say whom to believe (see `belief`), here and below.
    """
    fd = _opened(path)
    if fd is None:
        return False
    try:
        if not belief.may_continue(os.fstat(fd), permissions) or not presence.is_used(fd):
            return False
        return _is_still_live(fd, names, permissions) and series.has_shape(fd, names.shape, permissions) is not False
    finally:
        os.close(fd)


def is_last(path: str, names: Names, permissions: int | None) -> bool:
    """Whether *path* was made by a template of these *names*, and no log has left it for another file."""
    fd = _opened(path)
    if fd is None:
        return False
    try:
        if not belief.may_continue(os.fstat(fd), permissions):
            return False
        return series.has_shape(fd, names.shape, permissions) is True and _is_still_live(fd, names, permissions)
    finally:
        os.close(fd)


def is_old(path: str, names: Names, permissions: int | None) -> bool:
    """Whether *path*, which has one of these *names*, is a file of theirs that nobody writes to any more.

    A file that cannot be looked at is somebody else's.
    """
    fd = _opened(path)
    if fd is None:
        belief.say_unreadable(path)
        return False
    try:
        mine = series.has_shape(fd, names.shape, permissions)
        if mine is None:
            mine = not any(_fits_better(others, names, path) for others in set(open_here.copy().values()))
        return mine and (not _is_used(fd) or series.has_ended(fd, path, lambda: names, permissions))
    finally:
        os.close(fd)


def _is_still_live(fd: int, names: Names, permissions: int | None) -> bool:
    return series.successor(fd, lambda: names, permissions) is None


def _is_used(fd: int) -> bool:
    return presence.is_used(fd) or is_open_here(os.fstat(fd))


def _fits_better(others: Names, names: Names, path: str) -> bool:
    return others.letters > names.letters and others.kind(path) is not None


def _opened(path: str) -> int | None:
    for flags in (os.O_RDONLY, os.O_WRONLY):
        try:
            return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except PermissionError:
            continue
        except OSError:
            break
    return None
