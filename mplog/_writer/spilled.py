"""Records that were too large for their ring: each is a file beside the rings, and the ring has its name."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from mplog._ring import descriptor
from mplog._ring.layout import SPILLED_KINDS
from mplog._ring.ring import Entry

LOAD = 32 * 1024 * 1024
"""Bytes of such records that are in memory at once, for however many processes."""

LARGEST_READ = 20 * 1024 * 1024
"""Bytes of one record that are read at all: more than any process of ours makes, whose largest has 16 MiB and marks."""

LONGEST_NAME = 255
"""Bytes of the name of a file."""

Relieved = Callable[[], AbstractContextManager[None]]


def loadable(entries: Sequence[Entry], spill_directory: str) -> int:
    """How many of *entries*, from the first on, can be in memory together: one at least."""
    total = 0
    for index, entry in enumerate(entries):
        if entry[3] in SPILLED_KINDS:
            with contextlib.suppress(OSError):
                total += min(os.lstat(spill_path(spill_directory, entry[7])).st_size, LARGEST_READ)
            if total > LOAD and index:
                return index
    return len(entries)


def spill_path(directory: str, name: bytes) -> str:
    """Where a record is that was too large for its ring, which has its *name*; "", which is nowhere, where the name is
    none of a file in *directory*, whatever a process may have written there."""
    base = os.path.basename(name[-LONGEST_NAME - 1 :].decode("utf-8", "replace"))
    if base in ("", ".", "..") or "\0" in base or len(base.encode()) > LONGEST_NAME:
        return ""
    return os.path.join(directory, base)


def read_spilled(path: str, relieved: Relieved | None = None) -> bytes:
    """The payload of a record that was too large for its ring; a mark when the file is gone, or is no such file.

    Args:
        relieved: frees some descriptors for a while, where there may be no other.

    Raises:
        OSError: there is none to read it with, which says nothing about the file.
    """
    if not path:
        return b"<a large record is missing: what should name its file names none>\n"
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if descriptor.is_none_left(error):
            if relieved is None:
                raise
            with relieved():
                return read_spilled(path)
        return f"<a large record is missing: {error}>\n".encode()
    with open(fd, "rb") as file:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            return b"<a large record is missing: its place is taken by something else>\n"
        if status.st_size > LARGEST_READ:
            return f"<a large record is missing: its file has {status.st_size} bytes, and none has so many>\n".encode()
        try:
            return file.read(LARGEST_READ)  # No more, though it may have grown since.
        except OSError as error:
            return f"<a large record is missing: {error}>\n".encode()
