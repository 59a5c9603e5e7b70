"""The control page: what every process of a session may look at without asking anybody.

The owner holds it with the kernel lock that ends with its program (life.py). A pid tells that a process lives, and not
that it still runs the program which made the session; and it tells nothing in another namespace.

Each process of the session can store into the page, also one that runs amok. A second lock says until when the owner
drains rings, and no word of the page is believed against it.
"""

from __future__ import annotations

import math
import os

from mplog._capture import process
from mplog._ring import byte_lock, descriptor, life, truncation
from mplog._ring.clock import monotonic_ns
from mplog._ring.descriptor import Mapping
from mplog._ring.layout import (
    CONTROL_BASES_AT,
    CONTROL_BYTES,
    CONTROL_HEADER,
    CONTROL_HEADER_AT,
    CONTROL_MAGIC,
    ENDED,
    ENDIAN,
    HEARTBEAT_NS,
    HELD,
    LAYOUT,
    OWNER_INTERPRETER,
    OWNER_PID,
    OWNER_START,
    RUN,
    RUN_STATE,
    STOPPED,
    WAKE,
)
from mplog._ring.life import Life
from mplog._session.identity import Identity, boot_id

NAME = "control"


class ControlPage:
    """The mapped page of one session. Words are read and stored one at a time, from any process."""

    __slots__ = ("_is_held", "_life", "_map", "_service", "bases", "file", "identity", "session", "uid", "words")

    def __init__(
        self, mapping: Mapping, session: bytes, identity: Identity, uid: int, file: descriptor.Identity
    ) -> None:
        """*uid* is the user whose rights the owner had; *file* tells which file was mapped."""
        self._life: Life | None = None
        self._service: Life | None = None
        self._map = mapping
        self.uid = uid
        self.file = file
        self.bases = [os.fsdecode(base) for base in bytes(mapping[CONTROL_BASES_AT:]).split(b"\0") if base]
        """The directories in which the owner looks for rings."""
        self.words = memoryview(mapping).cast("Q")
        self.session = session
        self.identity = identity
        self._is_held = self.words[HELD] == life.HELD
        """Whether the locks tell. What the page says of that later may be somebody's else."""

    @property
    def interpreter(self) -> int:
        """Which interpreter of its process the owner is; 0 is the main one."""
        return int(self.words[OWNER_INTERPRETER])

    def beat(self) -> None:
        """Say that the writer lives. Only a hint: death is proven by identity, never by silence."""
        self.words[HEARTBEAT_NS] = monotonic_ns()

    def silent_for(self) -> float:
        """Seconds since the last `beat`; endless where that was by another clock, of a process that changed its own."""
        silent = (monotonic_ns() - self.words[HEARTBEAT_NS]) / 1e9
        return silent if silent > -1 else math.inf

    def hold(self, path: str) -> None:
        """Keep this page's file at *path* held as long as this program runs."""
        self._life = life.hold(path)
        if self._life is not None:
            self._service = life.hold(path, byte_lock.SERVICE)
        self.words[HELD] = 0 if self._life is None else life.HELD
        self._is_held = self._life is not None

    def say_ended(self) -> None:
        """In the place of an owner that is no more: nobody drains rings here."""
        self.words[RUN_STATE], self.words[WAKE] = ENDED, STOPPED

    def stop_service(self) -> None:
        """Let what the page says about the end of the session be believed from now on. Idempotent."""
        if self._service is not None:
            self._service.end()

    def let_go(self) -> None:
        """Give the locks up. Idempotent."""
        self.stop_service()
        if self._life is not None:
            self._life.end()

    def forget(self) -> None:
        """In a forked child: the locks are the parent's."""
        for held in (self._service, self._life):
            if held is not None:
                held.forget()

    def is_in_service(self, directory: str) -> bool:
        """Whether the owner of this page in *directory* is proven to drain rings, whatever the page says."""
        if not self._is_held or self.identity.boot != boot_id():
            return False
        try:
            return bool(life.is_held_at(os.path.join(directory, NAME), byte_lock.SERVICE))
        except OSError:
            return False

    def is_given_up(self, directory: str) -> bool | None:
        """Whether the program that made this page in *directory* has ended, by its lock; None: that does not tell."""
        if not self._is_held or self.identity.boot != boot_id():
            return None
        try:
            held = life.is_held_at(os.path.join(directory, NAME))
        except OSError:
            return None
        return None if held is None else not held

    @property
    def is_cut_short(self) -> bool:
        """As of a ring: see RingFile."""
        return truncation.is_cut_short(self._map)

    def close(self) -> None:
        """Unmap. Idempotent."""
        self.let_go()
        self.words.release()
        descriptor.unmap(self._map)


def create(directory: str, session: bytes, owner: Identity, bases: list[str]) -> ControlPage:
    """Make the control page of a new session in *directory*, whose owner looks for rings in *bases*, too."""
    path = os.path.join(directory, NAME)
    fd = descriptor.create(path)
    try:
        os.posix_fallocate(fd, 0, CONTROL_BYTES)
        mapping = descriptor.map_file(fd, CONTROL_BYTES)
        file = descriptor.identity_of(fd)
    except BaseException:
        os.unlink(path)
        raise
    finally:
        os.close(fd)
    at = CONTROL_BASES_AT
    for base in bases:
        name = os.fsencode(base) + b"\0"
        if at + len(name) > CONTROL_BYTES:
            break  # Nobody makes a ring there, then.
        mapping[at : at + len(name)] = name
        at += len(name)
    uid = os.geteuid()
    CONTROL_HEADER.pack_into(mapping, CONTROL_HEADER_AT, LAYOUT, ENDIAN, uid, session, owner.boot, owner.namespace)
    page = ControlPage(mapping, session, owner, uid, file)
    page.words[OWNER_PID] = owner.pid
    page.words[OWNER_START] = owner.start
    page.words[OWNER_INTERPRETER] = process.interpreter()
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
    magic, pid, start, held = words[0], words[OWNER_PID], words[OWNER_START], words[HELD]
    words.release()
    if (
        magic != CONTROL_MAGIC
        or held not in (0, life.HELD)
        or layout != LAYOUT
        or endian != ENDIAN
        or uid != os.geteuid()
    ):
        descriptor.unmap(mapping)
        raise ValueError(f"{path} is no control page of layout {LAYOUT} of this user; it is not used")
    identity = Identity(pid, start, boot, namespace)
    return ControlPage(mapping, session, identity, uid, (status.st_dev, status.st_ino))
