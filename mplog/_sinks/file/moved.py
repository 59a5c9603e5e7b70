"""A log file that somebody has moved, found again by what it is instead of by what it is called."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

from mplog._sinks.file import file_lock, lock
from mplog._sinks.file.claim import NO_LINK, PRIVATE, kept
from mplog._sinks.file.use import FileBusy


@contextlib.contextmanager
def locked(directory: str, device: int, inode: int, coordination: str | None, bound: float) -> Iterator[int | None]:
    """The file with this device and inode in *directory*, open for appending and reading, under its lock.

    Gives None where there is no such file any more: it was removed, or moved to another directory.

    Args:
        coordination: the `coordination_dir` of the log, if it has one.

    Raises:
        FileBusy: the lock was not to be had within *bound* seconds.
        OSError: the file cannot be opened.
    """
    fd = _open(directory, device, inode)
    if fd is None:
        yield None
        return
    with kept(fd):  # The lock goes with it.
        if not lock.supported(fd):
            yield fd
            return
        with file_lock.locked(fd, directory, coordination, bound) as alone:
            if not alone:
                raise FileBusy(f"a file that was moved in {directory} was locked for more than {bound} s")
            yield fd


def _open(directory: str, device: int, inode: int) -> int | None:
    with contextlib.suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.inode() != inode or not entry.is_file(follow_symlinks=False):
                continue
            fd = os.open(entry.path, os.O_RDWR | os.O_APPEND | PRIVATE | NO_LINK)
            status = os.fstat(fd)
            if (status.st_dev, status.st_ino) == (device, inode) and stat.S_ISREG(status.st_mode):
                return fd
            os.close(fd)
    return None
