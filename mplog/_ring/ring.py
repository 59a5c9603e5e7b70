"""The ring: one process publishes, one process at a time drains. The algorithm, and nothing else.

It works on any writable buffer (a mapped file in production, a bytearray in tests), moves bytes and
knows nothing of sinks, files or processes.

Publishing is one store: the record is written first, then TAIL moves. A producer that is killed at
any instant leaves either a whole record or none. Draining never changes what lies between HEAD and
TAIL; HEAD moves only after the records have reached their files, so the ring is also the journal.

Python has no memory barriers. On x86 the stores are seen in program order, so whatever lies below TAIL is whole.
Elsewhere TAIL is only a hint, and what makes a record acceptable is its sequence number and its CRC (not proven on ARM
hardware); `checked` rings have one. The interpreter's own lock operations stand in for the fence of the sleep
handshake, with a ceiling on every sleep as the net; tests/models/test_wake.py has the model.
"""

from __future__ import annotations

import mmap
import struct
import threading
from collections.abc import Callable, Iterator
from zlib import crc32

from mplog._ring.clock import monotonic_ns
from mplog._ring.holding import holding
from mplog._ring.layout import (
    ALIGN,
    BODY,
    DATA,
    FLAG_CRC,
    FLAGS_SHIFT,
    HEAD,
    KIND_SHIFT,
    LOG,
    PAD,
    PREFIX,
    PREFIX_BYTES,
    RECORD,
    RECORD_AND_PREFIX,
    RECORD_BYTES,
    TAIL,
    padded,
)

RESERVE_LEVEL = 30
"""Records of at least this level may use the reserve of the ring."""

RESERVE = 0.125
"""Share of the ring that others may not use, unless something else is said."""

_pack_prefix = PREFIX.pack
_pack_padding = RECORD.pack_into
_unpack = RECORD_AND_PREFIX.unpack_from
_END_OF_TIME = 1 << 64

_PACKED = 4096


def _packer(need: int) -> Callable[..., None]:
    """What stores a record of *need* aligned bytes in one call: its numbers, its body, and zeros up to the end."""
    pack = struct.Struct(f"{RECORD_AND_PREFIX.format}{need - BODY}s").pack_into
    if need < _PACKED:
        _packers[need // ALIGN] = pack
    return pack


_packers: list[Callable[..., None] | None] = [None] * (_PACKED // ALIGN)
"""For records of less than _PACKED bytes, by their sixteenth: those that were needed so far."""

LARGEST_RECORD = 20 * 1024 * 1024
"""Bytes of a record that `Reader.read` takes at all: more than any producer of ours publishes."""

SEALED = 1 << 64
"""Stands for the tail of a producer that publishes nothing any more: behind all room that there can be."""


class RingCorrupt(Exception):
    """The bytes of a ring are not what any producer writes. Reading it has stopped; the file is kept."""


Entry = tuple[int, int, int, int, int, int, float, bytes]
"""One record as drained: stamp, ring, end position, kind, route, level, wall, body. A plain tuple, for speed.

Sorting entries sorts by stamp, then by ring, then by position."""


class Producer:
    """One process's end of its own ring. Safe from any thread, signal handler or `__del__` of that process."""

    __slots__ = (
        "_acquire",
        "_base",
        "_buffer",
        "_capacity",
        "_checked",
        "_fits",
        "_marks",
        "_mask",
        "_mutex",
        "_owned",
        "_release",
        "_seq",
        "_tail",
        "_words",
        "low_limit",
    )

    def __init__(
        self,
        words: memoryview,
        buffer: mmap.mmap | memoryview,
        base: int = 0,
        *,
        checked: bool = True,
        reserve: float = RESERVE,
    ) -> None:
        """*words* is the header cast to u64; the records begin at *base* of *buffer*, to its end, a power of two.

        The map itself is cheaper to store into than a view of it. A *checked* ring's records have a CRC.
        *reserve* is the share of the ring that low levels may not use.
        """
        self._checked = checked
        self._marks = (FLAG_CRC if checked else 0) << FLAGS_SHIFT
        self._words = words
        self._buffer = buffer
        self._base = base
        self._capacity = len(buffer) - base
        self._mask = self._capacity - 1
        self.low_limit = self._capacity - int(self._capacity * reserve)
        self._tail: int = words[TAIL]
        # Where low levels must stop, by the head as it was seen last.
        self._fits: int = words[HEAD] + self.low_limit
        self._seq = 0
        # Reentrant: a signal handler or __del__ may log while this very thread is inside push(). The bound methods
        # cost half of what a `with` costs.
        self._mutex = mutex = threading.RLock()
        self._acquire, self._release = mutex.acquire, mutex.release
        self._owned: Callable[[], bool] = mutex._is_owned  # type: ignore[attr-defined]  # as threading.Condition does

    def push(self, wall: float, route: int, level: int, body: bytes, kind: int = LOG) -> bool:
        """Publish one record, or return False at once when there is no room for it.

        After True the record survives the death of this process. A call that interrupts another one of the same thread
        publishes its own record and returns; the interrupted one sees it and begins again, behind that record.

        Args:
            wall: a plain float, as another number's `__float__` would run where nothing may interrupt.
        """
        length = len(body) + PREFIX_BYTES
        need = (length + 31) & -16
        try:
            # Inside: a signal handler may raise right after the mutex has been taken.
            self._acquire()
            while True:
                tail = self._tail
                offset = tail & self._mask
                end = tail + need
                if end > self._fits or offset + need > self._capacity:
                    start = self._make_room(tail, need, level)
                    if start < 0:
                        return False
                    if start != tail:
                        at, room = self._base + offset, start - tail - RECORD_BYTES
                        if self._tail == tail:  # As below.
                            _pack_padding(self._buffer, at, room, 0, PAD, 0, 0, 0)
                        offset = 0
                        end += start - tail
                offset += self._base
                seq = (self._seq + 1) & 0xFFFFFFFF
                stamp = monotonic_ns()
                crc = crc32(_pack_prefix(stamp, wall, route, level) + body, kind) if self._checked else 0
                marks = kind << KIND_SHIFT | self._marks
                pack = (_packers[need >> 4] if need < _PACKED else None) or _packer(need)
                # What interrupts this call, a signal handler or a collection's `__del__`, may have published before,
                # where this record would stand, or sealed: either has moved `_tail`. From each of these looks to the
                # end of what stands under it there is no end of a call, no jump taken, and no object that the
                # collector knows: nothing interrupts there, but right behind `pack`, which stores all of the record.
                if self._tail == tail:
                    pack(self._buffer, offset, length, seq, marks, crc, stamp, wall, route, level, body)
                    if self._tail == tail:
                        # SYNC publish -> drain: everything below `end` was written before the drainer sees it.
                        self._words[TAIL] = end
                        self._tail = end
                        self._seq = seq
                        return True
        except BaseException:
            # No signal handler can raise between those stores, a tracing tool can: believe the shared word.
            if self._words[TAIL] != self._tail != SEALED:
                self._tail = self._words[TAIL]
                self._seq = (self._seq + 1) & 0xFFFFFFFF
            raise
        finally:
            # Nothing before this: it might raise. Not ours is a mutex for which this call was interrupted as it waited.
            try:  # noqa: SIM105 - cheaper than a context, on the hot path
                self._release()
            except RuntimeError:
                pass

    def _make_room(self, tail: int, need: int, level: int) -> int:
        """Where a record of *need* bytes can start, at *tail* or behind the wrap; -1 when there is no room."""
        if tail == SEALED:
            return -1
        room = self._capacity - (tail & self._mask)
        start = tail if need <= room else tail + room
        # SYNC: the drainer's store to HEAD says that it no longer reads below it.
        head = self._words[HEAD]
        self._fits = head + self.low_limit
        return -1 if start + need > (head + self._capacity if level >= RESERVE_LEVEL else self._fits) else start

    @property
    def interrupted(self) -> bool:
        """Whether the calling thread is in the middle of a push here, so that it must not wait for other threads."""
        return self._owned()

    def seal(self) -> None:
        """Refuse every later push, also of threads that are on their way here; what is published stays.

        TAIL does not move any more, so the ring may be closed, or taken over and emptied.
        """
        # Nobody is waited for in vain: a call that interrupts a push which is refused anyway may wait for this one.
        if self._tail != SEALED:
            with self._mutex:
                self._tail = SEALED  # A push that this call interrupts finds another tail than it had.

    @property
    def is_sealed(self) -> bool:
        """Whether nothing is published here any more."""
        return self._tail == SEALED

    def seal_at(self, end: int) -> bool:
        """As `seal`, unless something was published behind *end*, a tail, or just is; whether it is sealed.

        Never waits: a call that interrupts a push of its thread may wait for the thread that asks.
        """

        def seal_now() -> bool:
            if self._words[TAIL] != end:
                return False
            self._tail = SEALED
            return True

        if self._tail == SEALED:
            return bool(self._words[TAIL] == end)
        return holding(self._mutex, seal_now, refused=False, timeout=0)

    def unseal(self) -> None:
        """Publish here again. Whoever took the ring over has not, and nobody else publishes in it."""
        with self._mutex:
            self._tail = self._words[TAIL]
            self._fits = self._words[HEAD] + self.low_limit

    @property
    def tail(self) -> int:
        """End of the last published record."""
        tail: int = self._words[TAIL]
        return tail

    @property
    def count(self) -> int:
        """How many records were published here, modulo 2**32."""
        return self._seq

    @property
    def drained(self) -> bool:
        """Whether everything published has been taken by its sinks."""
        return bool(self._words[HEAD] >= self._words[TAIL])


class Reader:
    """The drainer's view of one ring. Not thread-safe: one drainer at a time, holder of the ring's kernel lock.

    `read` walks forward and remembers where it is; `release` moves HEAD. What was read and not released
    is read again by whoever takes the ring over.
    """

    __slots__ = ("_capacity", "_checked", "_data", "_seq", "_words", "only", "position", "unended")

    def __init__(self, words: memoryview, data: memoryview, *, checked: bool = True) -> None:
        self._checked = checked
        self._words = words
        self._data = data
        self._capacity = len(data)
        self.position: int = words[HEAD]
        self.only = -1
        """The route of all records of the last `read` when they were all text for one; else -1."""
        self.unended = False
        """Whether some record of the last `read` ends in another byte than 10, which ends a line."""
        # Whoever takes a ring over cannot know the last number; it believes the first record and counts on.
        self._seq: int | None = None if self.position else 1

    def forget_number(self) -> None:
        """After setting `position`: believe the number of the record found there, and count on from it."""
        self._seq = None

    def go_back(self, position: int, count: int) -> None:
        """To *position*, an end of a record, with *count* records behind it that are read again."""
        self.position = position
        if self._seq is not None:
            self._seq = (self._seq - count) & 0xFFFFFFFF

    def mark(self) -> tuple[int, int | None]:
        """Where it is now, for `return_to`."""
        return self.position, self._seq

    def return_to(self, mark: tuple[int, int | None]) -> None:
        """To where it was: what was read since is read again."""
        self.position, self._seq = mark

    @property
    def tail(self) -> int:
        """What the producer has published so far; checked before it is believed."""
        tail: int = self._words[TAIL]
        return tail

    @property
    def head(self) -> int:
        """End of what is released."""
        head: int = self._words[HEAD]
        return head

    def read(
        self, ring: int, horizon: int | None = None, limit: int | None = None, most: int | None = None
    ) -> list[Entry]:
        """All records published after the last read, up to stamp *horizon* (ns) and position *limit*.

        Args:
            ring: number that the entries bear, to tell rings apart after merging.
            most: bytes that are looked at, a multiple of ALIGN; but one record at least, unless it has more than
                LARGEST_RECORD.

        Raises:
            RingCorrupt: when the bytes cannot come from a producer. Nothing outside the ring is read, ever.

        A record whose sequence number or CRC does not fit yet ends the walk.
        """
        # SYNC drain: pairs with the store to TAIL in Producer.push.
        tail = self.tail
        start = self.position
        capacity = self._capacity
        if tail == start:
            return []
        if tail < start or tail - self.head > capacity or (tail | start) & (ALIGN - 1) or start < self.head:
            raise RingCorrupt(f"tail {tail} does not fit head {self.head} and position {start} in {capacity} bytes")
        published = tail
        if limit is not None and limit < tail:
            tail = limit
        if most is not None and tail - start > most:
            length = RECORD.unpack_from(self._data, start & (capacity - 1))[0]
            tail = min(tail, start + max(most, padded(min(length, LARGEST_RECORD))))
        entries: list[Entry] = []
        self.unended = False
        append, unpack = entries.append, _unpack
        youngest = horizon if horizon is not None else _END_OF_TIME
        # What the third number of nearly every record is, where it alone says that the record is whole.
        usual = -1 if self._checked else LOG << KIND_SHIFT
        position = start
        expected = self._seq
        mask = capacity - 1
        only = -2
        while position < tail:
            offset = position & mask
            # One copy of everything up to the wrap: unpacking from bytes is cheaper than from shared memory,
            # and what was checked cannot change afterwards.
            stop = min(offset + tail - position, capacity)
            block = bytes(self._data[offset:stop])
            at = 0
            size = stop - offset
            while at < size:
                try:
                    length, found, marks, crc, stamp, wall, route, level = unpack(block, at)
                    after = at + RECORD_BYTES + length
                    last = block[after - 1]
                except IndexError:  # It goes further than what was read.
                    last = 0
                except struct.error:  # Less than a record with a payload is left: padding, if anything.
                    length, found, kind, _flags, _zero, crc = RECORD.unpack_from(block, at)
                    marks = kind << KIND_SHIFT
                    stamp, wall, route, level = 0, 0.0, 0, 0
                    after, last = at + RECORD_BYTES + length, 0
                if found != expected or marks != usual or stamp > youngest or last != 10 or length < PREFIX_BYTES:
                    kind = marks >> KIND_SHIFT & 0xFF
                    if kind == PAD and not (position + after) & mask and position + after <= published:
                        at = after
                        continue
                    if expected is None:
                        expected = found
                    if (
                        found != expected & 0xFFFFFFFF
                        or stamp > youngest
                        or after > size
                        or length < PREFIX_BYTES
                        or (self._checked and crc32(block[at + RECORD_BYTES : after], kind) != crc)
                    ):
                        self.position, self._seq, self.only = position + at, expected, only
                        return entries
                    if last != 10:
                        self.unended = True
                    if kind != LOG:
                        only = -1
                else:
                    kind = LOG
                if route != only:
                    only = route if only == -2 else -1
                expected = found + 1
                begin = at + BODY
                at = (after + 15) & -16
                append((stamp, ring, position + at, kind, route, level, wall, block[begin:after]))
            position += at
        self.position, self._seq, self.only = position, expected, only
        return entries

    def unread(self) -> bool:
        """Whether there is something published that `read` has not returned."""
        return self.tail != self.position

    def count_unread(self) -> int:
        """How many records are published that `read` has not returned; of a damaged ring, as far as it is whole.

        Of a ring that another thread has just closed, none.
        """
        try:
            return sum(1 for _ in self._stamps(self.position))
        except ValueError:
            return 0

    def oldest(self) -> int | None:
        """The stamp of the oldest record that is not released; None where there is none, or HEAD moves just now, or
        another thread has just closed the ring."""
        try:
            head = self.head
            stamp = next(self._stamps(head), None)
            return stamp if self.head == head else None
        except ValueError:
            return None

    def _stamps(self, position: int) -> Iterator[int]:
        """The stamps of all records from *position* on, by their headers alone."""
        mask = self._capacity - 1
        tail = self.tail
        if tail - position > self._capacity or position & (ALIGN - 1):
            return
        while position < tail:
            offset = position & mask
            length, _seq, kind, *_ = RECORD.unpack_from(self._data, offset)
            end = offset + RECORD_BYTES + length
            if end > self._capacity or (kind == PAD and end < self._capacity):
                return
            if kind != PAD:
                if length < PREFIX_BYTES:
                    return
                yield PREFIX.unpack_from(self._data, offset + RECORD_BYTES)[0]
            position += padded(length)

    def release(self, position: int) -> None:
        """Move HEAD to *position*: everything before it has reached its sinks."""
        if position > self._words[HEAD]:
            # SYNC: pairs with the load of HEAD in Producer._make_room; those bytes may be overwritten from now on.
            self._words[HEAD] = position


def split_views(buffer: memoryview) -> tuple[memoryview, memoryview]:
    """The header of a ring as u64 words, and its record area."""
    return buffer[:DATA].cast("Q"), buffer[DATA:]


__all__ = ["Entry", "Producer", "Reader", "RingCorrupt", "padded", "split_views"]
