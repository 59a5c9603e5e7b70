"""Records that were too large for their ring: each is a file beside the rings, and the ring has its name."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from mplog._ring import descriptor
from mplog._ring.layout import KIND_SPILLED_DATA, SPILL
from mplog._ring.ring import Entry

LOAD = 32 * 1024 * 1024
"""Bytes of such records that are in memory at once, for however many processes."""

Relieved = Callable[[], AbstractContextManager[None]]

SPILLED = (SPILL, KIND_SPILLED_DATA)
"""The kinds of records that have a file."""


def loadable(entries: Sequence[Entry], spill_directory: str) -> int:
    """How many of *entries*, from the first on, can be in memory together: one at least."""
    total = 0
    for index, entry in enumerate(entries):
        if entry[3] in SPILLED:
            with contextlib.suppress(OSError):
                total += os.lstat(spill_path(spill_directory, entry[7])).st_size
            if total > LOAD and index:
                return index
    return len(entries)


def spill_path(directory: str, name: bytes) -> str:
    """Where a record is that was too large for its ring, which has its *name*."""
    return os.path.join(directory, os.path.basename(name.decode("utf-8", "replace")))


def read_spilled(path: str, relieved: Relieved | None = None) -> bytes:
    """The payload of a record that was too large for its ring; a mark when the file is gone.

    Args:
        relieved: frees some descriptors for a while, where there may be no other.

    Raises:
        OSError: there is none to read it with, which says nothing about the file.
    """
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
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return b"<a large record is missing: its place is taken by something else>\n"
        return file.read()
