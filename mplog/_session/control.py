"""The control page: what every process of a session may look at without asking anybody.

The owner keeps it open with a kernel lock. A pid tells that a process lives, and not that it still runs the program
which made the session: after an exec only the lock tells, for the kernel closes the descriptor then.
"""

from __future__ import annotations

import contextlib
import mmap
import os

from mplog._ring import descriptor
from mplog._ring.clock import monotonic_ns
from mplog._ring.layout import (
    CONTROL_BYTES,
    CONTROL_HEADER,
    CONTROL_HEADER_AT,
    CONTROL_MAGIC,
    ENDIAN,
    HEARTBEAT_NS,
    HELD,
    LAYOUT,
    OWNER_PID,
    OWNER_START,
    RUN,
    RUN_STATE,
)
from mplog._session.identity import Identity, boot_id
from mplog._sinks.file import presence

NAME = "control"


class ControlPage:
    """The mapped page of one session. Words are read and stored one at a time, from any process."""

    __slots__ = ("_fd", "_held", "_map", "identity", "session", "words")

    def __init__(self, mapping: mmap.mmap, session: bytes, identity: Identity) -> None:
        self._fd = -1
        self._held = descriptor.NOTHING
        self._map = mapping
        self.words = memoryview(mapping).cast("Q")
        self.session = session
        self.identity = identity

    def beat(self) -> None:
        """Say that the writer lives. Only a hint: death is proven by identity, never by silence."""
        self.words[HEARTBEAT_NS] = monotonic_ns()

    def silent_for(self) -> float:
        """Seconds since the last `beat`."""
        return (monotonic_ns() - self.words[HEARTBEAT_NS]) / 1e9

    def hold(self, path: str) -> None:
        """Keep this page's file at *path* open and locked as long as this program runs."""
        # Opened once more: the map has a copy of its own descriptor, which forked children cannot close.
        self._fd = descriptor.raised(os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW))
        self._held = descriptor.identity_of(self._fd)
        if presence.announce(self._fd):
            # Only where others can see it: not every file system has such locks.
            self.words[HELD] = _is_used(path)

    def hold_on(self, directory: str) -> None:
        """As `hold`, where the program has closed the descriptor: its lock went with it, and workers would see that."""
        if self._fd >= 0 and not descriptor.is_still(self._fd, self._held):
            with contextlib.suppress(OSError):
                self.hold(os.path.join(directory, NAME))

    def let_go(self) -> None:
        """Give the lock up, or, in a forked child, the copy that would keep it alive. Idempotent."""
        fd, self._fd = self._fd, -1
        descriptor.close(fd, self._held)

    def is_given_up(self, directory: str) -> bool:
        """Whether it is proven by the lock that the program which made this page in *directory* runs no more."""
        if not self.words[HELD] or self.identity.boot != boot_id():
            return False
        try:
            return not _is_used(os.path.join(directory, NAME))
        except OSError:
            return False

    def close(self) -> None:
        """Unmap. Idempotent."""
        self.let_go()
        self.words.release()
        descriptor.unmap(self._map)


def _is_used(path: str) -> bool:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        return presence.is_used(fd)
    finally:
        os.close(fd)


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
    page.hold(path)
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
