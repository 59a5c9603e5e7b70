"""Promises whose maker died before it kept them: each is found to be kept, wholly or in part, or is taken back.

All of it happens under the lock of the file that the promise is about.
"""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Callable

from mplog._ring import descriptor
from mplog._ring.ring import Entry
from mplog._ring.ring_file import open_existing
from mplog._session import directory, reading, rings, slot_files
from mplog._session.place import Place, open_place
from mplog._sinks import report
from mplog._sinks.file import moved
from mplog._sinks.file import slot as slots
from mplog._sinks.file.sink import FileSink
from mplog._sinks.file.slot import Part, Promise, Slot
from mplog._sinks.file.take_back import Found, begun, end_piece, recognize, take_back
from mplog._sinks.file.use import FileBusy
from mplog._writer.route import Route

MOVED_BOUND = 1.0
"""Seconds that it waits, with the lock of the current file, for that of an old one."""


def settle_all(sink: FileSink, fd: int, make_route: Callable[[int], Route]) -> None:
    """Keep or take back every open promise about the file of *sink*. Called under its lock, by whoever holds it.

    A promise that is open while somebody else holds the lock was made by a process that died in between.
    """
    for base in directory.existing_bases():
        shared = os.path.join(base, "files", sink.key())
        for path in glob.glob(os.path.join(glob.escape(shared), f"*{slots.SUFFIX}")):
            try:
                slot = slots.open_existing(path)
            except (OSError, ValueError):
                continue
            try:
                # What a damaged slot promises is nothing; see `slot_files.open_or_renew`.
                if slot.is_undone() and not slot.trouble(slot.session, slot_files.route_in(path)):
                    place = open_place(os.path.join(base, "sessions", slot.session.hex()))
                    settle_intent(fd, place, slot, make_route(slot.route), sink)
            except (OSError, ValueError) as error:
                # The session is gone with its rings: there is nothing to compare with, or to write. Or we cannot look.
                if not (isinstance(error, OSError) and descriptor.is_none_left(error)):
                    slot.take_back()
            except FileBusy:
                continue  # It is about another file than this one, and stays for the next who looks.
            finally:
                slot.close()


def settle_intent(fd: int, place: Place, slot: Slot, route: Route, sink: FileSink) -> None:
    """Finish or take back a promise whose maker died. Called under the lock of *fd*, the current file of *sink*.

    Raises FileBusy when the promise is about a file that somebody has moved since, and its lock is not to be had.
    """
    promise = slot.undone()
    if promise is None:
        if slot.is_undone():
            slot.take_back()
        return
    status = os.fstat(fd)
    if (status.st_dev, status.st_ino) == (promise.device, promise.inode):
        _settle_in(fd, promise, place, slot, route, sink.options.text.end)
        return
    coordination = sink.options.coordination_dir
    with moved.locked(sink.directory, promise.device, promise.inode, coordination, MOVED_BOUND) as old:
        if old is None:
            slot.take_back()
        else:
            _settle_in(old, promise, place, slot, route, sink.options.text.end)


def _settle_in(fd: int, promise: Promise, place: Place, slot: Slot, route: Route, end: bytes) -> None:
    """Settle *promise*, which is about the file *fd*, under its lock."""
    found_of = _promised(place, promise, slot.route)
    entries = None if None in found_of else _all_of(promise, found_of, place, route)
    if entries is None:
        _settle_without(fd, promise, [found or [] for found in found_of], place, slot, route, end)
        return
    data = b"".join([entry[7] for entry in entries])
    found = take_back(fd, promise.offset, data, end)
    kept = _kept(promise, entries, begun(fd, promise.offset, data)) if found is Found.TORN else None
    if kept is not None:
        slot.shrink(kept)
    if found is Found.WHOLE or kept is not None:
        slot.done()
    else:
        slot.take_back()
    if found is Found.TORN:
        report.once("torn", "a write was cut short by a kill and overtaken by others; the cut record is repeated whole")


def _settle_without(
    fd: int, promise: Promise, found_of: list[list[Entry]], place: Place, slot: Slot, route: Route, end: bytes
) -> None:
    """As `_settle_in`, where somebody has taken away or damaged a ring of the promise: what it held is not known, and
    the others shall not have theirs in the file twice because of it."""
    for ended in (True, False):  # Whoever promised may have had another kind of format.
        render = reading.renderer(route, ended=ended)
        known = [reading.finished(entries, place, render) for entries in found_of]
        texts = [[entry[7] for entry in entries] for entries in known]
        found = recognize(fd, promise.offset, promise.length, texts, end)
        if any(found.counts):
            break
    if found.piece_at is not None:
        expected = [of_ring[count] for of_ring, count in zip(texts, found.counts, strict=True) if count < len(of_ring)]
        end_piece(fd, promise.offset + found.piece_at, expected, end)
    if not found.is_whole:
        if not any(found.counts):
            slot.take_back()
            return
        there = [entries[:count] for entries, count in zip(known, found.counts, strict=True)]
        slot.shrink(_part_of(promise, there))
    slot.done()


def _part_of(promise: Promise, there: list[list[Entry]]) -> Promise:
    """The part of *promise* that is the entries which are *there*, of each of its rings."""
    parts = tuple(
        Part(part.ring, part.start, entries[-1][2] if entries else part.start)
        for part, entries in zip(promise.parts, there, strict=True)
    )
    length = sum(len(entry[7]) for entries in there for entry in entries)
    return Promise(promise.device, promise.inode, promise.offset, length, parts)


def _promised(place: Place, promise: Promise, number: int) -> list[list[Entry] | None]:
    """The entries that *promise* was about, from each of its rings; None of those that do not hold them any more."""
    return [
        [] if part.start == part.end else _held(place, part, index, number) for index, part in enumerate(promise.parts)
    ]


def _held(place: Place, part: Part, index: int, number: int) -> list[Entry] | None:
    path = _ring_path(place, part.ring, number)
    ring = None
    if path is not None:
        with rings.readable():
            ring = open_existing(path)
    if ring is None:
        return None
    try:
        return reading.entries_of(ring, index, part.start, part.end, number)
    finally:
        ring.close()


def _all_of(promise: Promise, found_of: list[list[Entry] | None], place: Place, route: Route) -> list[Entry] | None:
    """All entries in the order in which they were promised; None when they are not what was promised."""
    entries = sorted(entry for found in found_of for entry in found or ())
    for ended in (True, False):  # As above.
        finished = reading.finished(entries, place, reading.renderer(route, ended=ended))
        if sum(len(entry[7]) for entry in finished) == promise.length:
            return finished
    return None


def _ring_path(place: Place, key: bytes, route: int) -> str | None:
    for path in rings.listed([*place.ring_directories, place.backlog_directory(route)]):
        with contextlib.suppress(ValueError):
            if rings.key_of(path) == key:
                return path
    return None


def _kept(promise: Promise, entries: list[Entry], size: int) -> Promise | None:
    """The part of *promise* whose *entries* are whole in its first *size* bytes; None when that is none."""
    there: list[list[Entry]] = [[] for _ in promise.parts]
    length = 0
    for entry in entries:
        length += len(entry[7])
        if length > size:
            break
        there[entry[1]].append(entry)
    return _part_of(promise, there) if any(there) else None
