"""Descriptors that the program may close behind our back, and the mappings that have one.

Daemons close every descriptor they did not open, and open something else under the same number. Whoever keeps a
descriptor for longer than one function remembers which file it is, and looks before it writes, reads or closes.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import sys
from collections.abc import Callable
from typing import Any, Final

from mplog._ring import truncation
from mplog._ring.system_calls import map_at, system_calls

try:
    import fcntl
except ImportError:  # Windows: nothing is ever marked, so nobody asks.
    control: Callable[..., Any] = os.fstat
    _SET_MARK = GET_MARK = -1
else:
    control = fcntl.fcntl
    # Linux alone has them.
    _SET_MARK, GET_MARK = getattr(fcntl, "F_SETSIG", -1), getattr(fcntl, "F_GETSIG", -1)

Identity = tuple[int, int]
"""Device and inode: which file a descriptor is."""

NOTHING: Final[Identity] = (-1, -1)

Mapping = mmap.mmap | memoryview
"""A mapped file: bytes that can be stored into. It goes when nobody has a view of it any more."""

_POPULATE_WRITE: Final = 23
"""Linux's MADV_POPULATE_WRITE, since 5.14, which Python has no name for."""

_left: list[mmap.mmap] = []
"""Mappings that are never closed, for that would close a descriptor of the program's."""


def is_none_left(error: OSError) -> bool:
    """Whether *error* means that there are no descriptors, or no memory, now: nothing about the file."""
    return error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


def identity_of(fd: int) -> Identity:
    """Which file *fd* is.

    Raises:
        OSError: it is closed.
    """
    status = os.fstat(fd)
    return status.st_dev, status.st_ino


def identity_of_path(path: str) -> Identity:
    """Which file *path* names.

    Raises:
        OSError: none.
    """
    status = os.stat(path)
    return status.st_dev, status.st_ino


def is_still(fd: int, identity: Identity) -> bool:
    """Whether *fd* is open and the file it was."""
    try:
        return fd >= 0 and identity_of(fd) == identity
    except OSError:
        return False


MARK: Final = 28
"""The signal of an open file of mplog's. It is never sent, for nobody asks for it; SIGWINCH, to be safe."""


def mark(fd: int) -> bool:
    """Mark the open file *fd* as mplog's own; False where there is no such mark.

    Two descriptors of one file differ in it, unless one was made of the other by dup or a fork: so it shows when a
    program has closed ours and opened the very file under the same number, to read its own log.
    """
    if _SET_MARK < 0:
        return False
    try:
        control(fd, _SET_MARK, MARK)
    except OSError:
        return False
    return is_marked(fd)


def is_marked(fd: int) -> bool:
    """Whether *fd* is an open file that was marked. One system call; cheaper than any other look at it."""
    try:
        return bool(control(fd, GET_MARK) == MARK)
    except OSError:
        return False


def close(fd: int, identity: Identity, *, marked: bool = False) -> None:
    """Close *fd*, unless the program has closed it and perhaps opened something else there.

    Args:
        marked: it was marked, so that it is another one without.
    """
    if is_marked(fd) if marked else is_still(fd, identity):
        with contextlib.suppress(OSError):
            os.close(fd)


def create(path: str) -> int:
    """Make the file *path*, for this user alone whatever the umask is, and open it for both.

    Raises:
        OSError: it cannot be made, or something stands there, be it a link to nowhere.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    os.fchmod(fd, 0o600)
    return fd


def map_file(fd: int, size: int) -> Mapping:
    """Map *size* bytes of *fd*, which is the size of the file and stays so.

    The mapping needs no descriptor: an owner has hundreds of them, and forked children cannot close what a mapping has.
    Should somebody cut the file short all the same, see truncation.py.

    Raises:
        OSError: there is no memory for it, or the file cannot be mapped.
    """
    calls = None if sys.version_info >= (3, 13) else system_calls()
    if calls is None:
        if sys.version_info >= (3, 13):
            mapping = mmap.mmap(fd, size, trackfd=False)
        else:
            mapping = mmap.mmap(fd, size)
        truncation.survive(mapping)
        return mapping
    address = map_at(calls, fd, size)
    memory = calls.memory(address, size)
    # Every view keeps it alive, so that nobody can reach what is unmapped.
    truncation.survive(memory, calls.unmap, address, size)
    return memoryview(memory).cast("B")


def holds_descriptor(mapping: Mapping) -> bool:
    """Whether *mapping* has a copy of the descriptor that it was made with: where Python lets none do without."""
    return sys.version_info < (3, 13) and isinstance(mapping, mmap.mmap)


def allocate(mapping: Mapping, size: int) -> bool | None:
    """See to it that there is room for the first *size* bytes of *mapping*, whose file has holes there.

    No descriptor has a part in it: one that can give a file more room can also cut it short. False: there is no room;
    None: this system does not do that.
    """
    if isinstance(mapping, mmap.mmap):
        try:
            mapping.madvise(_POPULATE_WRITE, 0, size)
        except OSError as error:
            return None if error.errno == errno.EINVAL else False
        return True
    calls = system_calls()
    assert calls is not None  # It was mapped by them.
    if calls.advise(calls.address(mapping.obj), size, _POPULATE_WRITE) == 0:
        return True
    return None if calls.error() == errno.EINVAL else False


def unmap(mapping: Mapping, size: int | None = None) -> None:
    """Close *mapping*, whose file has *size* bytes, or as many as were mapped. Idempotent.

    One that has a descriptor closes that without looking. Where that one is something else by now, which shows in its
    size, the mapping stays for good.
    """
    if isinstance(mapping, memoryview):
        mapping.release()
        return
    if holds_descriptor(mapping) and not mapping.closed:
        try:
            owns = mapping.size() == (len(mapping) if size is None else size)
        except OSError:
            owns = False
        if not owns:
            _left.append(mapping)
            return
    try:
        truncation.close(mapping)
    except BufferError:  # Forked while another thread, which is not here, was reading it.
        _left.append(mapping)


def keep(mapping: Mapping) -> None:
    """Let *mapping* be for as long as somebody uses it.

    One that has a descriptor stays for good, as collecting it would close that without looking.
    """
    if isinstance(mapping, mmap.mmap) and holds_descriptor(mapping):
        _left.append(mapping)


def raised(fd: int) -> int:
    """*fd* under a number above those of the standard streams, which the program may have closed."""
    if fd > 2:
        return fd
    try:
        import fcntl

        found = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    except (ImportError, AttributeError, OSError):
        return fd
    os.close(fd)
    return found
