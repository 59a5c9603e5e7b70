"""That a program runs, told by the kernel: a lock that ends with the program, and with nothing else.

The lock belongs to an open file of which this process keeps no descriptor, only one mapped page, which forked children
do not get. So a program that closes all descriptors keeps it; no child, forked with hooks or without, keeps it alive;
and it ends with the memory of the process: when exec replaces that, or when the last thread has ended, whatever became
of the first one. It is seen from every namespace, where pids, and the times at which processes started, are others.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from typing import Final

from mplog._ring import byte_lock
from mplog._ring.system_calls import map_at, system_calls

HELD: Final = 2
"""What stands beside the lock, in the file, where whoever looks can see the lock; 0 where only the process's identity
tells. (1 is not used.)"""

_PAGE: Final = 4096


class Life:
    """The lock of this process on one file."""

    __slots__ = ("_address", "_pid", "_unmap")

    def __init__(self, address: int, unmap: Callable[[int, int], object]) -> None:
        self._address = address
        self._unmap = unmap
        self._pid = os.getpid()

    def end(self, getpid: Callable[[], int] = os.getpid) -> None:
        """Give the lock up. Idempotent."""
        address, self._address = self._address, 0
        # In a child forked without hooks the page is not there, and something else may be in its place.
        if address and getpid() == self._pid:
            self._unmap(address, _PAGE)

    def forget(self) -> None:
        """In a forked child: the lock is its parent's."""
        self._address = 0

    def is_of_this_process_alone(self, advise: Callable[[int, int, int], int]) -> bool:
        """See to it that forked children do not get the page; whether that is so."""
        return advise(self._address, _PAGE, mmap.MADV_DONTFORK) == 0

    __del__ = end


def hold(path: str, at: int = byte_lock.LIFE) -> Life | None:
    """Take the lock *at* a byte of the file *path*, which has a page at least; None where nobody would see it. Never
    raises."""
    calls = system_calls()
    if calls is None or not byte_lock.SUPPORTED or not hasattr(mmap, "MADV_DONTFORK"):
        return None
    life = None
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            if not byte_lock.take(fd, at):
                return None
            life = Life(map_at(calls, fd, _PAGE), calls.unmap)
        finally:
            os.close(fd)
        # Looked at when the descriptor is gone: not every file system, and not every kernel, keeps it for the page.
        if life.is_of_this_process_alone(calls.advise) and is_held_at(path, at):
            return life
    except OSError:
        pass
    if life is not None:
        life.end()
    return None


def is_held(fd: int, at: int = byte_lock.LIFE) -> bool | None:
    """Whether the program lives that holds the file *fd*, where the file says that it held it; None where this process
    cannot see such locks, which means nothing about that program."""
    return byte_lock.is_held(fd, at)


def is_held_at(path: str, at: int = byte_lock.LIFE) -> bool | None:
    """As `is_held`. Raises OSError where the file cannot be opened."""
    # Somebody may have put a FIFO there, whose opening would wait for a writer.
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        return is_held(fd, at)
    finally:
        os.close(fd)
