"""A backlog: the records of one file that wait because it takes none now, so that they hold up no other sink.

It is made of rings of the owner's own, which outlive it as all rings do: `recovery` writes what is in them. A record
there says which ring it came from and where it ended there. Whoever recovers a file believes that rather than the head
of that ring, so it is no harm when the owner dies between the two: the record is in the file once.

Used as files.py is, by one thread at a time.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from mplog._ring.clock import monotonic
from mplog._ring.layout import HELD_BACK, ORIGIN, ORIGIN_BYTES, padded
from mplog._ring.ring import Entry, Producer, Reader
from mplog._ring.ring_file import RingFile
from mplog._sinks.file.progress import Progress
from mplog._sinks.file.slot import Slot
from mplog._writer.route import Route
from mplog._writer.tally import Tally

PIECE = 4 * 1024 * 1024
"""Bytes of one ring of a backlog, where there is so much room."""

MOST = 64 * 1024 * 1024
"""Bytes of all of one file; then it holds up the others after all, or what comes is dropped and counted."""

MOST_PIECES = 64
"""Rings of all of one file, which are small where there is little room."""

FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.25
"""Seconds between two attempts to write it: a lock is given back soon, most often."""

HEAD_ROOM = 256
"""Bytes that a record takes in a ring beside its text, at most."""

MakePiece = Callable[[int], "tuple[RingFile, bytes]"]
"""Makes a ring of at least so many bytes, held by its kernel lock, with its key. Raises OSError where there is no room.
"""


def origin_of(entry: Entry) -> tuple[bytes, int]:
    """The key of the ring that a HELD_BACK *entry* came from, and where it ends there."""
    key, end, _stamp, _kind = ORIGIN.unpack_from(entry[7])
    return key, end


def as_it_was(entry: Entry) -> Entry:
    """A HELD_BACK *entry* with the stamp, kind and body that it had, and its position in the backlog."""
    _key, _end, stamp, kind = ORIGIN.unpack_from(entry[7])
    return (stamp, entry[1], entry[2], kind, *entry[4:7], entry[7][ORIGIN_BYTES:])


@dataclass(slots=True)
class Piece:
    """One ring of it, of which this process has both ends."""

    file: RingFile
    key: bytes
    producer: Producer
    reader: Reader

    def remove(self) -> None:
        """Its records are in their file, and the rings that they came from have moved on."""
        with contextlib.suppress(OSError):
            os.unlink(self.file.path)
        self.file.close()


@dataclass(slots=True)
class Share:
    """What one file gets of a batch."""

    route: Route
    slot: Slot
    entries: list[Entry]
    progress: Progress = field(default_factory=Progress)
    counted: int = 0
    """Of how many it is counted what has become of them: written, held or lost."""
    held: int | None = None
    """Once they go into a backlog: how many had been counted, less what had come to that backlog by then."""
    was_held: bool = False
    """Whether some of the ring's records that are not among *entries* any more have come to the backlog."""

    def next_for(self, backlog: Backlog) -> int:
        """The place of the first of *entries* that is neither counted nor has come to *backlog*."""
        if self.held is None or self.held + backlog.came < self.counted:
            self.held = self.counted - backlog.came
        return self.held + backlog.came

    def skip(self, backlog: Backlog) -> None:
        """Everything that came to *backlog* is in the file: go on behind it."""
        at = self.next_for(backlog)
        for entry in self.entries[self.progress.done : at]:
            self.progress.ends[entry[1]] = entry[2]
        # In this order: what is done and not counted would be counted as written once more.
        self.counted = at
        self.progress.done = at


@dataclass(slots=True)
class Attempt:
    """One batch of a backlog on its way into the file."""

    held: list[Entry]
    share: Share
    key: bytes
    start: int


class Backlog:
    """What waits for one file, oldest first."""

    def __init__(self, make: MakePiece) -> None:
        self._make = make
        self._pieces: deque[Piece] = deque()
        self._tallies: dict[bytes, Tally] = {}
        self.since = monotonic()
        self.retry_at = self.since + FIRST_PAUSE
        self._pause = FIRST_PAUSE
        self._turn = 1
        """Batches of the last turn."""
        self._waited = sys.maxsize
        """Records that waited when it began."""
        self._gone = 0
        """Records in pieces that are removed."""
        self.taken = 0
        """How many of those that were put are in the file."""
        self.lost = 0
        """Records that found no room here."""
        self.attempt: Attempt | None = None
        """What is on its way into the file, or could not be written there."""

    @property
    def put_count(self) -> int:
        """Records that were put. What the rings say, so that no error can come between the two."""
        return self._gone + sum(piece.producer.count for piece in self._pieces)

    @property
    def came(self) -> int:
        """Records that were put or found no room."""
        return self.put_count + self.lost

    @property
    def waiting(self) -> int:
        """Records that are not in the file yet."""
        return self.put_count - self.taken

    def put(self, entry: Entry, kind: int, body: bytes, key: bytes, tally: Tally) -> bool:
        """Keep *entry* of the ring *key*, as a record of *kind* with *body*; False when there is no room."""
        self._tallies[key] = tally
        held = ORIGIN.pack(key, entry[2], entry[0], kind) + body
        return (bool(self._pieces) and self._push(entry, held)) or (self._grow(len(held)) and self._push(entry, held))

    def _push(self, entry: Entry, held: bytes) -> bool:
        return self._pieces[-1].producer.push(entry[6], entry[4], entry[5], held, HELD_BACK)

    def _grow(self, size: int) -> bool:
        need = 1 << padded(size + HEAD_ROOM).bit_length()
        taken = sum(piece.file.capacity for piece in self._pieces)
        if taken + max(PIECE, need) > MOST or len(self._pieces) >= MOST_PIECES:
            return False
        try:
            file, key = self._make(max(PIECE, need))
        except OSError:
            return False
        piece = Piece(file, key, file.producer(0.0), file.reader())
        if file.capacity < need:
            piece.remove()
            return False
        self._pieces.append(piece)
        return True

    def oldest(self) -> int | None:
        """The stamp of the oldest record that is not in the file; None before it was tried."""
        attempt = self.attempt
        if attempt is None:
            return None
        at = attempt.share.counted  # Looked at once, for the writer goes on: any thread asks.
        return next((as_it_was(entry)[0] for entry in attempt.held[at : at + 1]), None)

    def taken_up_to(self, count: int) -> bool:
        """Whether the first *count* records that were put are in the file."""
        return self.taken >= count

    def reached(self) -> Iterator[tuple[bytes, int]]:
        """Of each ring of it that has been attempted its key, and how far."""
        for piece in self._pieces:
            if piece.reader.position > piece.reader.head:
                yield piece.key, piece.reader.position

    def next_piece(self) -> Piece | None:
        """The oldest piece with something that was not attempted yet."""
        return next((piece for piece in self._pieces if piece.reader.unread()), None)

    def count(self, attempt: Attempt) -> None:
        """What of *attempt* is in the file since the last count: the processes it came from get it counted."""
        share = attempt.share
        for entry in attempt.held[share.counted : share.progress.done]:
            self._tallies[origin_of(entry)[0]].add(written=1)
            share.route.written += 1
            share.counted += 1
            self.taken += 1

    def next_turn(self) -> int:
        """So many batches are written before other sinks get theirs; more, when the last ones have not made it less."""
        if self.waiting >= self._waited:
            self._turn *= 2
        self._waited = self.waiting
        return self._turn

    def put_off(self) -> None:
        """An attempt has failed."""
        self._turn, self._waited = 1, sys.maxsize
        self.retry_at = monotonic() + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def tidy(self) -> bool:
        """When no round is in progress: let go what is in the file; whether nothing is left."""
        while self._pieces and self.attempt is None and not self._pieces[0].reader.unread():
            self._pieces[0].remove()
            gone = self._gone + self._pieces[0].producer.count
            # No call in between: what a signal handler raises there would leave records uncounted.
            del self._pieces[0]
            self._gone = gone
        return not self._pieces

    def give_up(self) -> list[Entry]:
        """Count what waits as lost, and remove it, so that nobody waits for it any more; what was there."""
        attempt = self.attempt
        begun, counted = (attempt.held, attempt.share.counted) if attempt is not None else ([], 0)
        found = begun + [entry for piece in self._pieces for entry in piece.reader.read(0)]
        for entry in found[counted:]:
            self._tallies[origin_of(entry)[0]].add(lost=1)
        self.taken = self._gone = self.put_count
        for piece in self._pieces:
            piece.remove()
        self._pieces.clear()
        return found

    def close(self) -> None:
        """Give back the rings, which stay where they are, and their kernel locks."""
        for piece in self._pieces:
            piece.file.close()
        self._pieces.clear()
