"""The control page: what every process of a session may look at without asking anybody."""

from __future__ import annotations

import mmap
import os
import time

from mplog._ring import descriptor
from mplog._ring.layout import (
    CONTROL_BYTES,
    CONTROL_HEADER,
    CONTROL_HEADER_AT,
    CONTROL_MAGIC,
    ENDIAN,
    HEARTBEAT_NS,
    LAYOUT,
    OWNER_PID,
    OWNER_START,
    RUN,
    RUN_STATE,
)
from mplog._session.identity import Identity

NAME = "control"


class ControlPage:
    """The mapped page of one session. Words are read and stored one at a time, from any process."""

    __slots__ = ("_map", "identity", "session", "words")

    def __init__(self, mapping: mmap.mmap, session: bytes, identity: Identity) -> None:
        self._map = mapping
        self.words = memoryview(mapping).cast("Q")
        self.session = session
        self.identity = identity

    def beat(self) -> None:
        """Say that the writer lives. Only a hint: death is proven by identity, never by silence."""
        self.words[HEARTBEAT_NS] = time.monotonic_ns()

    def silent_for(self) -> float:
        """Seconds since the last `beat`."""
        return (time.monotonic_ns() - self.words[HEARTBEAT_NS]) / 1e9

    def close(self) -> None:
        """Unmap. Idempotent."""
        self.words.release()
        descriptor.unmap(self._map)


def create(directory: str, session: bytes, owner: Identity) -> ControlPage:
    """Make the control page of a new session in *directory*."""
    path = os.path.join(directory, NAME)
    fd = descriptor.create(path)
    try:
        os.posix_fallocate(fd, 0, CONTROL_BYTES)
        mapping = descriptor.map_file(fd, CONTROL_BYTES)
    finally:
        os.close(fd)
    CONTROL_HEADER.pack_into(
        mapping, CONTROL_HEADER_AT, LAYOUT, ENDIAN, os.geteuid(), session, owner.boot, owner.namespace
    )
    page = ControlPage(mapping, session, owner)
    page.words[OWNER_PID] = owner.pid
    page.words[OWNER_START] = owner.start
    page.words[RUN_STATE] = RUN
    page.beat()
    # SYNC create -> open_existing: the magic comes last.
    page.words[0] = CONTROL_MAGIC
    return page


def open_existing(directory: str) -> ControlPage:
    """Map the control page of the session in *directory*.

    Raises:
        OSError: there is none, or it belongs to another user.
        ValueError: it is no control page of this version.
    """
    path = os.path.join(directory, NAME)
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        status = os.fstat(fd)
        if status.st_uid != os.geteuid():
            raise PermissionError(f"{path} belongs to user {status.st_uid}, not to {os.geteuid()}; it is not used.")
        if status.st_size != CONTROL_BYTES:
            raise ValueError(f"{path} has {status.st_size} bytes; a control page has {CONTROL_BYTES}")
        mapping = descriptor.map_file(fd, CONTROL_BYTES)
    finally:
        os.close(fd)
    layout, endian, uid, session, boot, namespace = CONTROL_HEADER.unpack_from(mapping, CONTROL_HEADER_AT)
    words = memoryview(mapping).cast("Q")
    magic, pid, start = words[0], words[OWNER_PID], words[OWNER_START]
    words.release()
    if magic != CONTROL_MAGIC or layout != LAYOUT or endian != ENDIAN or uid != os.geteuid():
        descriptor.unmap(mapping)
        raise ValueError(f"{path} is no control page of layout {LAYOUT} of this user; it is not used")
    return ControlPage(mapping, session, Identity(pid, start, boot, namespace))
