"""A slot: what one session promises about its next append to one log file, and what it has done.

A slot is a small mapped file that only its session stores into. It has two banks; batch number n uses
bank n % 2, so that writing the next promise never touches the last one that was kept.

    0x00 magic | 0x08 intent u64 | 0x10 done u64 | 0x18 route u64 | 0x20 session id | 0x30 company u64
    0x100 bank 0 | bank 1

A bank: number, device, inode, offset, length, count, crc; then per ring its key, where this batch begins and
where it ends. `done` reaching `intent` is the moment of commit, by one store. Because promises are made and kept
under the log file's lock, whoever holds that lock and sees intent > done knows that the holder before it died.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from zlib import crc32

from mplog._ring import descriptor, truncation
from mplog._ring.descriptor import Mapping

MAGIC = 0x31544F4C_53474C50
BANK_AT = 0x100
BANK_BYTES = 16 * 1024
SLOT_BYTES = BANK_AT + 2 * BANK_BYTES
_HEAD = struct.Struct("=QQQQQII")
_RING = struct.Struct("=16sQQ")
MAXIMUM_RINGS = (BANK_BYTES - _HEAD.size) // _RING.size
SUFFIX = ".slot"

_INTENT, _DONE, _ROUTE, _COMPANY = 1, 2, 3, 6
_NUMBERS = 1 << 64

OPEN = 0
"""Processes that are no children of the session's owner may send their records there."""
JOINED = 1
"""Some do, so the file is served to the end of the session."""
SHUT = 2
"""None may: the owner has removed the handler."""


@dataclass(frozen=True, slots=True)
class Part:
    """The share of one ring in a batch: its records of this file between two positions."""

    ring: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Promise:
    """One bank: `length` bytes at `offset` of the file (device, inode), taken from these rings."""

    device: int
    inode: int
    offset: int
    length: int
    parts: tuple[Part, ...]


class Slot:
    """One session's slot for one handler. Stored into by the holder of the log file's lock only."""

    __slots__ = ("_map", "_words", "path")

    def __init__(self, path: str, mapping: Mapping) -> None:
        self.path = path
        self._map = mapping
        self._words = memoryview(mapping)[:BANK_AT].cast("Q")

    @property
    def route(self) -> int:
        """The handler's number in its session."""
        return int(self._words[_ROUTE])

    @property
    def session(self) -> bytes:
        """The id of the session that this slot belongs to."""
        return bytes(self._map[0x20:0x30])

    @property
    def company(self) -> int:
        """OPEN, JOINED or SHUT. Stored under the lock of the directory that the slot is in."""
        return int(self._words[_COMPANY])

    @company.setter
    def company(self, value: int) -> None:
        self._words[_COMPANY] = value

    def intend(self, promise: Promise) -> None:
        """Store *promise* and make it visible. The append comes next."""
        # From the map and not from memory: orphans of one session use its slot in turns.
        number = (self._words[_INTENT] + 1) % _NUMBERS
        if number <= self._words[_DONE]:  # Only where somebody has written into it: begin anew.
            self._words[_DONE], number = 0, 1
        self._store(number, promise)
        # SYNC intend -> undone: the bank is complete before the number names it.
        self._words[_INTENT] = number

    def shrink(self, promise: Promise) -> None:
        """Replace the open promise by a part of it, which has been kept: `done` follows.

        A kill in the middle of this store leaves a promise that cannot be read, and that is taken back.
        """
        self._store(self._words[_INTENT], promise)

    def _store(self, number: int, promise: Promise) -> None:
        at = BANK_AT + (number & 1) * BANK_BYTES
        body = b"".join([_RING.pack(part.ring, part.start, part.end) for part in promise.parts])
        fields = (number, promise.device, promise.inode, promise.offset, promise.length, len(promise.parts))
        _HEAD.pack_into(self._map, at, *fields, crc32(body, crc32(repr(fields).encode())))
        self._map[at + _HEAD.size : at + _HEAD.size + len(body)] = body

    @property
    def next_number(self) -> int:
        """The number that the next promise gets."""
        intent: int = self._words[_INTENT]
        return 1 if (intent + 1) % _NUMBERS <= self._words[_DONE] else intent + 1

    @property
    def done_number(self) -> int:
        """The number of the last promise that was kept."""
        number: int = self._words[_DONE]
        return number

    def done(self) -> None:
        """The moment of commit: one store."""
        self._words[_DONE] = self._words[_INTENT]

    def take_back(self) -> None:
        """Forget an intent that was not kept; the file has been put right before."""
        self._words[_INTENT] = self._words[_DONE]

    def undone(self) -> Promise | None:
        """The promise that was made and not kept, if there is one."""
        intent = self._words[_INTENT]
        return self._bank(intent) if intent > self._words[_DONE] else None

    def is_undone(self) -> bool:
        """Whether there is a promise that was made and not kept."""
        return bool(self._words[_INTENT] > self._words[_DONE])

    def last_done(self) -> Promise | None:
        """The last promise that was kept."""
        return self._bank(self._words[_DONE]) if self._words[_DONE] else None

    def ends(self) -> dict[bytes, int]:
        """How far each ring has come into the file, as far as the last promise that was kept says."""
        kept = self.last_done()
        return {part.ring: part.end for part in kept.parts} if kept is not None else {}

    def trouble(self, session: bytes, route: int) -> str:
        """What shows that it is not as its session has left it; empty where nothing does. Under the log file's lock.

        A last kept promise that cannot be read would look like none, with which each ring begins at its head. An open
        one may be unreadable: see `shrink`.
        """
        intent, done = self._words[_INTENT], self._words[_DONE]
        if (self.session, self.route) != (session, route):
            return f"says that it is for handler {self.route} of session {self.session.hex()}"
        if done and self._bank(done) is None:
            return f"has no promise number {done}, which it says was kept"
        if intent not in (done, (done + 1) % _NUMBERS):
            return f"cannot have promise number {intent} after number {done}"
        return ""

    def _bank(self, number: int) -> Promise | None:
        at = BANK_AT + (number & 1) * BANK_BYTES
        *fields, crc = _HEAD.unpack_from(self._map, at)
        found, device, inode, offset, length, count = fields
        if found != number or count > MAXIMUM_RINGS:
            return None
        body = self._map[at + _HEAD.size : at + _HEAD.size + count * _RING.size]
        if crc32(body, crc32(repr(tuple(fields)).encode())) != crc:
            return None
        return Promise(device, inode, offset, length, tuple(Part(*part) for part in _RING.iter_unpack(body)))

    @property
    def is_cut_short(self) -> bool:
        """As of a ring: see RingFile."""
        return truncation.is_cut_short(self._map)

    def close(self) -> None:
        """Unmap. The file stays. Idempotent."""
        self._words.release()
        descriptor.unmap(self._map)


def create(path: str, session: bytes, route: int) -> Slot:
    """Make a slot file, complete before it has its name.

    Raises:
        FileExistsError: there is one; it is never replaced, for somebody may have promised something in it.
        OSError: no room or no rights.
    """
    hidden = f"{path}.{os.urandom(4).hex()}.tmp"
    fd = descriptor.create(hidden)
    try:
        os.posix_fallocate(fd, 0, SLOT_BYTES)
        mapping = descriptor.map_file(fd, SLOT_BYTES)
        mapping[0x20:0x30] = session
        slot = Slot(path, mapping)
        slot._words[_ROUTE] = route
        slot._words[0] = MAGIC
        os.link(hidden, path)
    finally:
        os.close(fd)
        os.unlink(hidden)
    return slot


def open_existing(path: str) -> Slot:
    """Map the slot file *path*.

    Raises:
        OSError: it cannot be opened or belongs to another user.
        ValueError: it is no slot.
    """
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        status = os.fstat(fd)
        if status.st_uid != os.geteuid() or status.st_size != SLOT_BYTES:
            raise ValueError(f"{path} is no slot of this user ({status.st_size} bytes, owner {status.st_uid})")
        mapping = descriptor.map_file(fd, SLOT_BYTES)
    finally:
        os.close(fd)
    slot = Slot(path, mapping)
    if slot._words[0] != MAGIC:
        slot.close()
        raise ValueError(f"{path} is no slot: wrong magic")
    return slot
