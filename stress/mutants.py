"""Deliberate faults in mplog, put in by replacing single functions, to show that the harness would see them.

Every process of a broken program applies the fault at import, before it configures anything. Each mutant here is what
the code would be if one line of it had been forgotten or two had changed places.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from time import monotonic_ns

from mplog._ring import layout
from mplog._ring.ring import Entry, Producer, Reader
from mplog._sinks.file.slot import Slot
from mplog._writer.tally import Tally

_WINDOW = 20e-6
"""Seconds between the two stores that changed places: without it, a kill between them would take an hour of rounds."""


def leave_out_done_mark() -> None:
    """Commit batches without the store that marks them done."""
    Slot.done = _no_mark  # type: ignore[method-assign]  # the fault


def store_tail_first() -> None:
    """Publish records before their bytes are there, to a reader that trusts the tail.

    The pure ring's reader trusts nothing: it checks number and checksum, and would only look again later. It is made
    as trusting as a reader on ordered memory may be, so that the order of the producer's stores is all that counts.
    """
    Producer.push = _push_tail_first  # type: ignore[method-assign]  # the fault
    Reader.read = _read_trusting  # type: ignore[method-assign]  # the fault


def forget_what_is_written() -> None:
    """Write records and do not count them: `logger.statistics()` of the owner then has them in flight for ever."""
    add = Tally.add
    Tally.add = lambda self, *, written=0, **others: add(self, **others)  # type: ignore[method-assign]  # the fault


def _no_mark(self: Slot) -> None:
    """Stands where the moment of commit should be."""


def _push_tail_first(self: Producer, wall: float, route: int, level: int, body: bytes, kind: int = layout.LOG) -> bool:
    """`Producer.push` with its last store first. It leaves out what is there for interrupted calls."""
    self._acquire()
    try:
        payload = layout.PREFIX.pack(monotonic_ns(), wall, route, level) + body
        capacity, tail = self._capacity, self._words[layout.TAIL]
        need, offset = layout.padded(len(payload)), tail & (capacity - 1)
        room = capacity - offset
        end = tail + need if need <= room else tail + room + need
        if end - self._words[layout.HEAD] > capacity:
            return False
        self._words[layout.TAIL] = self._tail = end
        _linger()
        if need > room:
            _store_header(self, offset, room - layout.RECORD_BYTES, layout.PAD)
            offset = 0
        _store_header(self, offset, len(payload), kind)
        at = self._base + offset + layout.RECORD_BYTES
        self._buffer[at : at + len(payload)] = payload
        return True
    finally:
        self._release()


def _store_header(ring: Producer, offset: int, length: int, kind: int) -> None:
    """Number and checksum are left out: the mutant's reader does not look at them."""
    layout.RECORD.pack_into(ring._buffer, ring._base + offset, length, 0, kind, 0, 0, 0)


def _linger() -> None:
    until = time.perf_counter() + _WINDOW
    while time.perf_counter() < until:
        pass


def _read_trusting(
    self: Reader, ring: int, horizon: int | None = None, limit: int | None = None, most: int | None = None
) -> list[Entry]:
    """`Reader.read` without looking at numbers and checksums: below the tail everything is believed."""
    tail = self.tail if limit is None else min(limit, self.tail)
    entries: list[Entry] = []
    while self.position < tail:
        offset = self.position & (self._capacity - 1)
        length, _seq, kind, *_ = layout.RECORD.unpack_from(self._data, offset)
        after = self.position + layout.padded(length)
        if kind == layout.PAD:
            self.position = after
            continue
        at = offset + layout.RECORD_BYTES
        payload = bytes(self._data[at : at + max(length, layout.PREFIX_BYTES)])
        stamp, wall, route, level = layout.PREFIX.unpack_from(payload)
        if horizon is not None and stamp > horizon:
            break
        entries.append((stamp, ring, after, kind, route, level, wall, payload[layout.PREFIX_BYTES :]))
        self.position = after
    return entries


MUTANTS: dict[str, Callable[[], None]] = {
    "done": leave_out_done_mark,
    "tail": store_tail_first,
    "count": forget_what_is_written,
}
