"""Who holds a file's kernel lock, and whether that can be somebody who writes the file.

Whoever may read a file may lock it. Such a lock says nothing to those who write it: it is no turn of theirs that has to
be waited for. Who it is the kernel's list of locks tells, on Linux; what that does not show is taken for a writer.
"""

from __future__ import annotations

import functools
import os
import re
import stat
from collections.abc import Iterator
from typing import Final

from mplog._ring.clock import monotonic

LOOK_BOUND: Final = 0.02
"""Seconds that a look at the list may take. It is of the whole machine, and others can make it long."""

_CHUNK: Final = 1 << 16
_MOST_DESCRIPTORS: Final = 1024
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def has_one_writer(status: os.stat_result) -> bool:
    """Whether nobody but this user, and root, can open the file with this *status* to write it, and all by one name.

    The bits of the group are the mask of what an access list gives to others than the owner.
    """
    has_names = stat.S_ISREG(status.st_mode) and status.st_nlink > 1
    mine = hasattr(os, "geteuid") and status.st_uid == os.geteuid()
    return mine and not status.st_mode & _OTHERS_WRITE and not has_names


def is_held_by_a_reader(fd: int, status: os.stat_result, known: dict[int, bool]) -> bool:
    """Whether the lock of the file *fd* is, at some moment of this call, held by somebody who cannot write it.

    While that is so no writer holds it. To be asked only where it `has_one_writer`.

    Args:
        known: which processes cannot, as far as another look at the same file has found out; more join them.
    """
    device = os.major(status.st_dev), os.minor(status.st_dev)
    inode = b"%d" % status.st_ino
    mounted: tuple[int, int] | None = None
    for lines in _locks(monotonic() + LOOK_BOUND):
        for found in _entries().finditer(lines):
            if found[4] != inode:
                continue
            its = int(found[2], 16), int(found[3], 16)
            if its != device:
                mounted = mounted or _mounted(fd) or device
            pid = int(found[1])
            if pid > 0 and its in (device, mounted):
                if pid not in known:
                    known[pid] = _is_no_writer(pid, status)
                if known[pid]:
                    return True
    return False


@functools.cache
def _entries() -> re.Pattern[bytes]:
    """A lock in the kernel's list. One that is only waited for has an arrow before its kind."""
    return re.compile(rb"^\d+: FLOCK +\S+ +\S+ +(-?\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) ", re.MULTILINE)


def _locks(until: float) -> Iterator[bytes]:
    """The kernel's list, some whole lines at a time."""
    rest = b""
    try:
        fd = os.open("/proc/locks", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        while monotonic() < until and (chunk := os.read(fd, _CHUNK)):
            lines, end, rest = (rest + chunk).rpartition(b"\n")
            yield lines + end
    except OSError:
        return
    finally:
        os.close(fd)


def _mounted(fd: int) -> tuple[int, int] | None:
    """What the file system of *fd* is called in the list, where its files have other devices (btrfs, overlayfs)."""
    mount = re.search(rb"^mnt_id:\s*(\d+)", _read(f"/proc/self/fdinfo/{fd}"), re.MULTILINE)
    if mount is None:
        return None
    line = re.search(rb"^%s \d+ (\d+):(\d+) " % mount[1], _read("/proc/self/mountinfo"), re.MULTILINE)
    return None if line is None else (int(line[1]), int(line[2]))


def _is_no_writer(pid: int, status: os.stat_result) -> bool:
    """Whether the process *pid*, which has locked the file with this *status*, cannot write it.

    That process has locked it itself; others may have the lock's descriptor since, and none of them is in the middle of
    a write under it.
    """
    found = re.search(rb"^Uid:\s*(\d+)\s+(\d+)", _read(f"/proc/{pid}/status"), re.MULTILINE)
    if found is None:
        return _is_gone(pid)
    real, effective = int(found[1]), int(found[2])
    # Root, or the owner, also where it has lent itself the rights of another. What another user has started with more
    # rights than his (su, waiting for a password) can have kept a lock of his, so those rights do not count.
    if real in (0, status.st_uid):
        return False
    writes = _has_open_to_write(pid, status)
    return effective != status.st_uid if writes is None else not writes


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False  # It is hidden from us.


def _has_open_to_write(pid: int, status: os.stat_result) -> bool | None:
    """Whether *pid* has the file open for writing, from when it had other rights, say; None: that is not for us to see.

    Only root sees it of others.
    """
    try:
        descriptors = os.listdir(f"/proc/{pid}/fd")[:_MOST_DESCRIPTORS]
    except OSError:
        return None
    for name in descriptors:
        try:
            its = os.stat(f"/proc/{pid}/fd/{name}")
        except OSError:
            continue
        if (its.st_dev, its.st_ino) != (status.st_dev, status.st_ino):
            continue
        flags = re.search(rb"^flags:\s*([0-7]+)", _read(f"/proc/{pid}/fdinfo/{name}"), re.MULTILINE)
        if flags is not None and int(flags[1], 8) & os.O_ACCMODE != os.O_RDONLY:
            return True
    return False


def _read(path: str) -> bytes:
    """The content of a file of the kernel's; nothing where it cannot be read."""
    content = b""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            while chunk := os.read(fd, _CHUNK):
                content += chunk
        finally:
            os.close(fd)
    except OSError:
        pass
    return content
