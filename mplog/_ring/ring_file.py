"""A ring in a file: made whole or not at all, mapped by the producer and by whoever drains it."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass

from mplog._ring import descriptor, life, truncation
from mplog._ring.clock import monotonic_ns, wall_time
from mplog._ring.descriptor import Mapping
from mplog._ring.layout import (
    ALIGN_SHIFT,
    CAPACITY,
    CLOSED,
    DATA,
    ENDIAN,
    FLAG_CRC,
    FLAG_EARLY,
    FLAG_PURE,
    FLAGS_AT,
    HEAD,
    HEADER,
    HEADER_AT,
    HEADER_BYTES,
    LARGEST,
    LARGEST_AT,
    LAYOUT,
    LIFE,
    MAGIC,
    MAGIC_WORD,
    NAME_AT,
    NAME_BYTES,
    STATE,
    TAIL,
)
from mplog._ring.life import HELD, Life
from mplog._ring.ring import RESERVE, Producer, Reader, split_views

MINIMUM_CAPACITY = 16 * 1024
MAXIMUM_CAPACITY = 1 << 30


@dataclass(frozen=True, slots=True)
class RingOwner:
    """Who publishes into a ring; enough to prove later that it died."""

    pid: int
    start: int
    boot: bytes
    namespace: int
    session: bytes
    name: str = ""
    interpreter: int = 0
    """Which one of the process; 0 is its main one."""


class RingFile:
    """A mapped ring file. Closing releases the mapping and the descriptor, never the file."""

    __slots__ = (
        "_identity",
        "_length",
        "_life",
        "_view",
        "capacity",
        "checked",
        "data",
        "fd",
        "is_closed",
        "is_early",
        "map",
        "owner",
        "path",
        "words",
    )

    def __init__(self, path: str, fd: int, mapping: Mapping, capacity: int, owner: RingOwner, flags: int) -> None:
        """*fd* is for the kernel lock; it may be one that cannot write."""
        self.path = path
        self.fd = fd
        self._identity = descriptor.identity_of(fd)
        self._length = os.fstat(fd).st_size
        self.map = mapping
        self._split(capacity)
        self.owner = owner
        self.checked = bool(flags & FLAG_CRC)
        self.is_early = bool(flags & FLAG_EARLY)
        """Whether its process had no record when it was opened, and perhaps never has one. Nothing can be read here:
        it may have another size by now, see `begin`."""
        self._life: Life | None = None
        self.is_closed = False
        """Whether it has no descriptor any more, and gets none: after `close`, and where it is the parent's."""

    def _split(self, capacity: int) -> None:
        self._view = memoryview(self.map)[: HEADER_BYTES + capacity]
        self.words, self.data = split_views(self._view)
        self.capacity = capacity

    def hold(self, path: str) -> None:
        """As its producer, keep it held as long as this program runs; *path* is its name by now."""
        self._life = life.hold(path)
        if self._life is not None:
            self.words[LIFE] = HELD

    @property
    def has_living_producer(self) -> bool | None:
        """Whether its producer runs, by the lock that ends with it; None where that does not tell."""
        if self.words[LIFE] != HELD or not self.renew_descriptor():
            return None
        return life.is_held(self.fd)

    def begin(self, name: str, capacity: int) -> None:
        """Make an early ring an ordinary one, of a process that is called *name* by now and has its first record.

        Through the mapping alone, for this process may have no right to open or make a file here any more. It gets
        room for *capacity* bytes, or less where there is not so much.
        """
        while capacity > self.capacity and not self._grow(capacity):
            capacity //= 2
        self.is_early = False
        self.owner = dataclasses.replace(self.owner, name=name)
        self.map[NAME_AT : NAME_AT + NAME_BYTES] = _name_bytes(name)
        self.map[FLAGS_AT] &= ~FLAG_EARLY

    def _grow(self, capacity: int) -> bool:
        """Make room for *capacity* bytes of records, if there is."""
        size = HEADER_BYTES + capacity
        if size > len(self.map):
            return False
        found = descriptor.allocate(self.map, size)
        if found is None:  # Then its descriptor can write.
            try:
                os.posix_fallocate(self.fd if self.has_descriptor() else -1, 0, size)
            except OSError:
                return False
        elif not found:
            return False
        for view in (self.words, self.data, self._view):
            view.release()
        self._split(capacity)
        LARGEST.pack_into(self.map, LARGEST_AT, capacity // 4)
        # SYNC grow -> open_existing: it is early until after.
        self.words[CAPACITY] = capacity
        return True

    def producer(self, reserve: float = RESERVE) -> Producer:
        """The publishing end, for the process that made the ring."""
        whole = len(self.map) == len(self._view)
        return Producer(self.words, self.map if whole else self._view, DATA, checked=self.checked, reserve=reserve)

    def reader(self) -> Reader:
        """The draining end, from HEAD on, for the holder of the ring's kernel lock."""
        return Reader(self.words, self.data, checked=self.checked)

    @property
    def closed_by_producer(self) -> bool:
        """Whether the producer said that it will not publish here again."""
        return bool(self.words[STATE] == CLOSED)

    def close(self) -> None:
        """Give the mapping and the descriptor back, and the producer's lock. Idempotent, also when interrupted."""
        self.is_closed = True
        if self._life is not None:
            self._life.end()
        for view in (self.words, self.data, self._view):
            view.release()
        descriptor.unmap(self.map, self._length)
        self._close_descriptor()

    def is_unread(self) -> bool:
        """Whether it holds records that are not with their sinks."""
        return bool(self.words[HEAD] != self.words[TAIL])

    def has_descriptor(self) -> bool:
        """Whether the program has left our descriptor open."""
        return descriptor.is_still(self.fd, self._identity)

    def free_bytes(self) -> int:
        """Bytes that may still be allocated on its file system, whatever its path is to this process; 0 at worst."""
        if not self.has_descriptor():
            return 0
        status = os.fstatvfs(self.fd)
        return status.f_bavail * status.f_frsize

    @property
    def is_cut_short(self) -> bool:
        """Whether somebody has taken away some of the file, so that this process sees zeros that nobody else sees."""
        return truncation.is_cut_short(self.map)

    @property
    def is_named(self) -> bool:
        """Whether anybody can still find the file."""
        return self.has_descriptor() and os.fstat(self.fd).st_nlink > 0

    def rest(self) -> None:
        """Give the descriptor back until the kernel lock is wanted. Views stay valid, and its life stays held."""
        self._close_descriptor()

    def renew_descriptor(self) -> bool:
        """Open the file again where the program has closed our descriptor, or it was at rest; whether there is one."""
        if self.is_closed or self.has_descriptor():
            return not self.is_closed
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return False
        if not descriptor.is_still(fd, self._identity):
            os.close(fd)
            return False
        self.fd = fd
        return True

    def forget(self) -> None:
        """In a child that has its parent's ring: close the descriptor, and keep the mapping for who is using it."""
        self._close_descriptor()
        self.is_closed = True
        if self._life is not None:
            self._life.forget()
        descriptor.keep(self.map)

    def _close_descriptor(self) -> None:
        if self.fd >= 0:
            descriptor.close(self.fd, self._identity)
            self.fd = -1


def _name_bytes(name: str) -> bytes:
    return name.encode("utf-8", "replace")[:NAME_BYTES].ljust(NAME_BYTES, b"\0")


def create(path: str, capacity: int, owner: RingOwner, *, checked: bool = True, room: int = 0) -> RingFile:
    """Make the ring file *path* with *capacity* bytes for records (a power of two); *checked*: with checksums.

    Args:
        room: for a process that perhaps never logs: how many bytes it may want to have when it does, see `begin`.

    The bytes are really allocated, so that a full file system fails here and not with SIGBUS at the first
    touch. The file appears under its name only when it is complete.

    Raises:
        OSError: no room, no rights, or the name exists.
    """
    hidden = f"{path}.tmp"
    fd = descriptor.create(hidden)
    try:
        if os.fstat(fd).st_uid != os.geteuid():
            # Files may be made with the rights of another user than the process has; nobody would read it.
            raise PermissionError(f"{hidden} belongs to user {os.fstat(fd).st_uid}, not to {os.geteuid()}")
        os.posix_fallocate(fd, 0, HEADER_BYTES + capacity)
        length = HEADER_BYTES + max(capacity, room)
        os.ftruncate(fd, length)
        mapping = descriptor.map_file(fd, length)
        flags = FLAG_PURE | (FLAG_CRC if checked else 0) | (FLAG_EARLY if room else 0)
        HEADER.pack_into(
            mapping,
            HEADER_AT,
            LAYOUT,
            HEADER_BYTES,
            ENDIAN,
            ALIGN_SHIFT,
            flags,
            capacity,
            capacity // 4,
            0,
            owner.pid,
            owner.start,
            owner.boot,
            owner.namespace,
            owner.interpreter,
            owner.session,
            int(wall_time() * 1e9),
            monotonic_ns(),
            _name_bytes(owner.name),
        )
        fd = _separate(hidden, fd, writable=bool(room) and descriptor.allocate(mapping, HEADER_BYTES) is None)
        ring = RingFile(path, fd, mapping, capacity, owner, flags)
        ring.hold(hidden)
        # SYNC create -> open_existing: the magic comes last.
        ring.words[MAGIC_WORD] = MAGIC
        # A rename would replace a ring that the program had which this process ran before an exec.
        os.link(hidden, path)
    except BaseException:
        os.close(fd)
        os.unlink(hidden)
        raise
    os.unlink(hidden)
    return ring


def open_existing(path: str) -> RingFile:
    """Map the ring file *path* as somebody else made it.

    Raises:
        OSError: it cannot be opened, or is no regular file of this user.
        ValueError: its header is not that of a ring this version can read.
    """
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        status = os.fstat(fd)
        if status.st_uid != os.geteuid():
            raise PermissionError(
                f"{path} belongs to user {status.st_uid} and this process runs as {os.geteuid()}; "
                "mplog reads only rings of its own user. Remove the file if nobody uses it."
            )
        if status.st_size > DATA + MAXIMUM_CAPACITY:
            raise ValueError(f"{path} has {status.st_size} bytes, and no ring has more than {DATA + MAXIMUM_CAPACITY}")
        header = b""
        # SYNC open_existing -> grow: what changes in between is read again. Read and not mapped, for whoever may write
        # the file may also cut it short, and the kernel ends a program that touches what is not there.
        while header != (header := os.pread(fd, HEADER_BYTES, 0)):
            pass
        owner, flags, capacity = _check(path, header, status.st_size)
        mapping = descriptor.map_file(fd, HEADER_BYTES + capacity)
        try:
            fd = _separate(path, fd)
        except OSError:
            descriptor.unmap(mapping, status.st_size)
            raise
    except BaseException:
        os.close(fd)
        raise
    return RingFile(path, fd, mapping, capacity, owner, flags)


def _separate(path: str, fd: int, *, writable: bool = False) -> int:
    """Another descriptor for the ring's kernel lock, in the place of *fd*, which nothing can be cut short with.

    What is mapped through a descriptor uses its open file as the descriptor does, and a lock lives as long as any use:
    forked children, who have the mapping, would keep it from being taken after its holder's death.
    """
    other = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC | os.O_NOFOLLOW)
    if not os.path.sameopenfile(fd, other):
        os.close(other)
        raise FileNotFoundError(f"{path} was removed while it was opened")
    os.close(fd)
    return other


def _check(path: str, header: bytes, size: int) -> tuple[RingOwner, int, int]:
    """Who made the ring at *path*, its flags and its capacity."""
    if size <= DATA or len(header) < HEADER_BYTES:
        raise ValueError(f"{path} has {size} bytes, too few for a ring")
    (layout, length, endian, shift, flags, capacity, _largest, _zero, pid, start, boot, namespace, interpreter) = (
        HEADER.unpack_from(header, HEADER_AT)[:13]
    )
    session, _wall, _monotonic, name = HEADER.unpack_from(header, HEADER_AT)[13:]
    if int.from_bytes(header[:8], "little" if ENDIAN == 1 else "big") != MAGIC or layout != LAYOUT:
        raise ValueError(f"{path} is no ring of layout {LAYOUT}")
    if length != HEADER_BYTES or endian != ENDIAN or shift != ALIGN_SHIFT:
        raise ValueError(f"{path} was written by another kind of machine or version (endian {endian}, header {length})")
    if any(header[TAIL * 8 : TAIL * 8 + 8]):
        flags &= ~FLAG_EARLY  # A ring with records is none of a process that has never logged, whatever it says.
    if capacity > size - DATA or capacity & (capacity - 1) or not capacity:
        raise ValueError(f"{path} says it holds {capacity} bytes and its file has room for {size - DATA}")
    name = name.rstrip(b"\0").decode("utf-8", "replace")
    return RingOwner(pid, start, boot, namespace, session, name, interpreter), flags, capacity
