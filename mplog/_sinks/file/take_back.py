"""Put a file right after an append that was promised and perhaps not finished.

Only bytes that are proven to be the promised ones are ever cut off: they are compared with what was to be
appended. Called under the file's lock.
"""

from __future__ import annotations

import enum
import errno
import os
from typing import NamedTuple


class Found(enum.Enum):
    """What of a promised append was in the file."""

    NOTHING = "nothing"
    WHOLE = "whole"
    CUT = "cut"
    """A part of it was at the end of the file; it has been cut off."""
    TORN = "torn"
    """A part of it is followed by somebody else's bytes. It stays; the file ends with a newline now."""


def take_back(fd: int, offset: int, data: bytes, end: bytes = b"\n") -> Found:
    """Look for *data*, promised at *offset* of the file *fd* (opened for appending), and cut off a part of it.

    Somebody who takes no part in mplog's locks may have appended in between, so *data* need not begin at *offset*.
    *end* is a line end in the file's encoding.
    """
    size = os.fstat(fd).st_size
    if size <= offset:
        return Found.NOTHING
    there = _read(fd, offset, size)
    if data in there:
        return Found.WHOLE
    at = _suffix_that_begins(there, data, end)
    if at is not None:
        os.ftruncate(fd, offset + at)
        return Found.CUT
    if not _fragment_inside(there, data, end):
        return Found.NOTHING
    if not there.endswith(end):
        os.write(fd, end)
    return Found.TORN


def begun(fd: int, offset: int, data: bytes) -> int:
    """How many bytes of *data* stand at *offset* of the file *fd*."""
    there = _read(fd, offset, offset + len(data))
    same, other = 0, len(there) + 1
    while other - same > 1:  # The first `same` bytes are the same, the first `other` are not.
        middle = (same + other) // 2
        if there[same:middle] == data[same:middle]:
            same = middle
        else:
            other = middle
    return same


class Recognized(NamedTuple):
    """What of an append is in the file, as far as it is known what that was."""

    counts: list[int]
    """How many of the first texts of each ring are there."""
    is_whole: bool
    """Whether all of them are, and nothing is missing at the end."""
    piece_at: int | None
    """Where a line begins, relative to the append, that goes no further; None where the last one is ended."""


def recognize(fd: int, offset: int, length: int, texts: list[list[bytes]], end: bytes = b"\n") -> Recognized:
    """Look for an append of *length* bytes at *offset* of the file *fd*, where not all of it is known.

    Args:
        texts: per ring what is known of it, in order; lines between them are those of rings that are gone.
    """
    there = _read(fd, offset, offset + length)
    counts = [0] * len(texts)
    at = 0
    while at < len(there):
        for ring, known in enumerate(texts):
            if counts[ring] < len(known) and there.startswith(known[counts[ring]], at):
                at += len(known[counts[ring]])
                counts[ring] += 1
                break
        else:
            newline = there.find(end, at)
            if newline < 0:
                break
            at = newline + len(end)
    is_whole = len(there) == length and all(count == len(known) for known, count in zip(texts, counts, strict=True))
    return Recognized(counts, is_whole, at if at < len(there) else None)


def end_piece(fd: int, at: int, expected: list[bytes], end: bytes = b"\n") -> None:
    """Cut off the piece of a line that begins *at* of the file *fd*, where it is that of an *expected* text, and end it
    as a line where nobody knows whose it is. If others have written behind it, it stays."""
    piece = _read(fd, at, os.fstat(fd).st_size)
    if any(text.startswith(piece) for text in expected):
        os.ftruncate(fd, at)
    elif end not in piece:
        os.write(fd, end)


def _read(fd: int, start: int, end: int) -> bytes:
    try:
        return _read_all(fd, start, end)
    except OSError as error:
        if error.errno != errno.EBADF:
            raise
    # What a user's opener opened may be open for appending only.
    reader = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _read_all(reader, start, end)
    finally:
        os.close(reader)


def _read_all(fd: int, start: int, end: int) -> bytes:
    pieces = []
    while start < end:
        piece = os.pread(fd, min(end - start, 1 << 20), start)
        if not piece:
            break
        pieces.append(piece)
        start += len(piece)
    return b"".join(pieces)


def _suffix_that_begins(there: bytes, data: bytes, end: bytes) -> int | None:
    """Where in *there* a suffix starts that is the beginning of *data* and stands at the beginning of a line."""
    # Others may have appended megabytes since: only a suffix that is no longer than the data can be a part of it.
    at = len(there) - len(data)
    if at <= 0:
        at = 0
    else:
        newline = there.find(end, at - len(end))
        at = len(there) if newline < 0 else newline + len(end)
    first = data[:24]
    while at < len(there):
        if there.startswith(first[: len(there) - at], at) and data.startswith(there[at:]):
            return at
        newline = there.find(end, at)
        if newline < 0:
            return None
        at = newline + len(end)
    return None


def _fragment_inside(there: bytes, data: bytes, end: bytes) -> bool:
    """Whether the first line of *data*, or more than a few bytes of it, is in *there*."""
    line = data[: data.find(end) + len(end)] if end in data else data
    return line[: min(len(line), 24)] in there
