"""Writing what a dead owner left: records that are in rings and not yet in their files, each exactly once.

All of it happens under the log file's lock, with the slot of the dead session as the memory of what is done:

1. An intent that was not kept is taken back (or found to be complete).
2. Each ring is read from the later of its head and its end in the last kept promise.
3. What was not written is appended through the same slot, whose promises carry the ends of all rings along.

Heads move only when every file of the session has its share; until then the slots alone say how far each file is.
"""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Callable, Iterable, Iterator

from mplog._ring import descriptor
from mplog._ring.layout import (
    DATA_RECORD,
    ENDED,
    HEAD,
    HELD_BACK,
    KIND_SPILLED_DATA,
    RUN_STATE,
    SPILL,
    STOPPED,
    TAIL,
    WAKE,
)
from mplog._ring.ring import Entry, RingCorrupt
from mplog._ring.ring_file import RingFile, open_existing
from mplog._session import directory, hosts, losses, rings
from mplog._session.place import Place, open_place, remove_if_empty
from mplog._sinks import report
from mplog._sinks.file import moved
from mplog._sinks.file import slot as slots
from mplog._sinks.file.log_file import LogFile
from mplog._sinks.file.progress import Progress
from mplog._sinks.file.sink import FileBusy, FileSink
from mplog._sinks.file.slot import Part, Promise, Slot
from mplog._sinks.file.take_back import Found, begun, take_back
from mplog._writer.backlog import as_it_was, origin_of
from mplog._writer.drain import loadable, read_spilled, spill_path
from mplog._writer.route import Route

BOUND = 10.0
"""Seconds that recovery waits for a log file's lock."""

MOVED_BOUND = 1.0
"""Seconds that it waits, with the lock of the current file, for that of an old one."""

_borrowed: list[RingFile] = []
"""The rings of others whose kernel locks this process may hold now."""

Render = Callable[[int, bytes], "bytes | None"]
"""(kind, body) -> what the file gets, or None for a record that does not pass."""


def slot_path(place: Place, sink: FileSink, route: int) -> str:
    """Where the slot of *route* for the file of *sink* is, in the directory that all sessions of that file share."""
    base = os.path.dirname(os.path.dirname(place.path))
    files = directory.private(os.path.join(base, "files"))
    shared = directory.private(os.path.join(files, sink.key()))
    return os.path.join(shared, f"{place.id.hex()}-{route}{slots.SUFFIX}")


def make_slot(place: Place, sink: FileSink, route: int) -> Slot:
    """Make the slot of *route* for the file of *sink*. Raises OSError: no room or no rights."""
    sink.make_directory()
    for _ in range(20):
        # Another process may remove the empty directory of this file while we fill it.
        with contextlib.suppress(FileNotFoundError):
            return slots.create(slot_path(place, sink, route), place.id, route)
    return slots.create(slot_path(place, sink, route), place.id, route)


def slots_of(session: str) -> list[str]:
    """The paths of all slots of the session with this id (hex).

    Raises:
        OSError: there is no descriptor to look with.
    """
    found = []
    for base in directory.existing_bases():
        files = os.path.join(base, "files")
        for key in _names_in(files):
            shared = os.path.join(files, key)
            names = (name for name in _names_in(shared) if name.startswith(f"{session}-"))
            found += [os.path.join(shared, name) for name in names if name.endswith(slots.SUFFIX)]
    return found


def _names_in(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError as error:
        if descriptor.is_none_left(error):
            raise
        return []


def _ring_path(place: Place, key: bytes, route: int) -> str | None:
    for path in rings.listed([*place.ring_directories, place.backlog_directory(route)]):
        with contextlib.suppress(ValueError):
            if rings.key_of(path) == key:
                return path
    return None


def _entries(ring: RingFile, number: int, start: int, end: int | None, route: int) -> list[Entry]:
    if ring.is_early:
        return []
    reader = ring.reader()
    reader.position = max(start, reader.head)
    reader.forget_number()
    try:
        found = [entry for entry in reader.read(number, None, end) if entry[4] == route]
        return [as_it_was(entry) if entry[3] == HELD_BACK else entry for entry in found]
    except RingCorrupt as error:
        report.once(f"corrupt {ring.path}", f"the ring {ring.path} is damaged ({error}); the rest of it is kept there")
        return []


def spilled(place: Place, name: bytes) -> bytes:
    """The payload of a record that was too large for its ring, which has its *name*."""
    return read_spilled(spill_path(place.spill_directory, name))


def _finished(entries: Iterable[Entry], place: Place, render: Render) -> list[Entry]:
    """Entries with the bytes that the file gets, without those that do not pass."""
    finished = []
    for entry in entries:
        kind, body = entry[3], entry[7]
        if kind in (SPILL, KIND_SPILLED_DATA):
            body = spilled(place, body)
        text = body if kind not in (DATA_RECORD, KIND_SPILLED_DATA) else render(kind, body)
        if text is not None:
            finished.append((*entry[:7], text))
    return finished


def _promised(place: Place, promise: Promise, route: int, render: Render) -> list[Entry] | None:
    """The entries that *promise* was about, from the rings that still hold them; None when they do not."""
    entries: list[Entry] = []
    for number, part in enumerate(promise.parts):
        if part.start == part.end:
            continue
        path = _ring_path(place, part.ring, route)
        if path is None:
            return None
        ring = None
        with _readable():
            ring = open_existing(path)
        if ring is None:
            return None
        try:
            entries += _entries(ring, number, part.start, part.end, route)
        finally:
            ring.close()
    finished = _finished(sorted(entries), place, render)
    return finished if sum(len(entry[7]) for entry in finished) == promise.length else None


def _kept(promise: Promise, entries: list[Entry], size: int) -> Promise | None:
    """The part of *promise* whose *entries* are whole in its first *size* bytes; None when that is none."""
    ends: dict[int, int] = {}
    length = 0
    for entry in entries:
        if length + len(entry[7]) > size:
            break
        length += len(entry[7])
        ends[entry[1]] = entry[2]
    if not ends:
        return None
    parts = tuple(Part(part.ring, part.start, ends.get(at, part.start)) for at, part in enumerate(promise.parts))
    return Promise(promise.device, promise.inode, promise.offset, length, parts)


def settle_intent(fd: int, place: Place, slot: Slot, render: Render, sink: FileSink) -> None:
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
        _settle_in(fd, promise, place, slot, render, sink.options.text.end)
        return
    with moved.locked(sink.directory, promise.device, promise.inode, MOVED_BOUND) as old:
        if old is None:
            slot.take_back()
        else:
            _settle_in(old, promise, place, slot, render, sink.options.text.end)


def _settle_in(fd: int, promise: Promise, place: Place, slot: Slot, render: Render, end: bytes) -> None:
    """Settle *promise*, which is about the file *fd*, under its lock."""
    entries = _promised(place, promise, slot.route, render)
    if entries is None:
        slot.take_back()
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


def write_rest(place: Place, ring_files: list[RingFile], route: Route, slot: Slot, bound: float = BOUND) -> int:
    """Append what *ring_files* still hold for *route*, and the backlog of its file; how many records. The caller holds
    the rings' kernel locks.

    Raises FileBusy when the log file's lock is not to be had within *bound* seconds, and OSError when it cannot be
    written; nothing is lost or done twice then.
    """
    sink = route.sink
    assert isinstance(sink, FileSink)
    render = _renderer(route)

    def append(file: LogFile) -> int:
        with _backlog(place, slot.route, sink, bound) as backlog:
            settle_intent(file.fd, place, slot, render, sink)
            kept = slot.last_done()
            ends = {part.ring: part.end for part in kept.parts} if kept is not None else {}
            for key, end in _origins(backlog).items():
                ends[key] = max(end, ends.get(key, 0))
            # Those of the backlog first: of two records with the same stamp theirs is the older one.
            all_files = [*backlog, *ring_files]
            keys = [rings.key_of(ring.path) for ring in all_files]
            starts = []
            carried: dict[int, int] = {}
            written = 0
            entries: list[Entry] = []
            for number, (ring, key) in enumerate(zip(all_files, keys, strict=True)):
                head = ring.reader().head
                start = max(ends.pop(key, 0), head)
                starts.append(start)
                if start > head:
                    carried[number] = start
                entries += _entries(ring, number, start, None, slot.route)
            entries.sort()
            # Asked each time: orphans of one session share its slot, and a rotation lets another one in between.
            others = parts_of_others(place, slot.route, keys)
            while entries:
                fitting = loadable(entries, place.spill_directory)
                some, entries = _finished(entries[:fitting], place, render), entries[fitting:]
                written += len(some)
                if some:
                    sink.commit(some, keys, starts, slot, Progress(carried), others=lambda: others(slot))
            return written

    written = sink.locked(bound, append)
    for ring in ring_files:
        losses.tell(ring, {slot.route: route}, direct=True)
    return written


@contextlib.contextmanager
def _backlog(place: Place, route: int, sink: FileSink, bound: float) -> Iterator[list[RingFile]]:
    """The rings of the backlog of *route*, oldest first, with their kernel locks.

    Raises FileBusy when somebody else has those.
    """
    found: list[RingFile] = []
    try:
        for path in sorted(rings.listed([place.backlog_directory(route)]), key=rings.generation_of):
            # Whoever recovers another file of the session has it for a moment.
            ring = _borrow(path, bound=bound)
            if ring is None:
                raise FileBusy(f"what waits for {sink.path} in {path} is being written by another process")
            found.append(ring)
        yield found
    finally:
        for ring in found:
            give_back(ring)


def _origins(backlog: list[RingFile]) -> dict[bytes, int]:
    """How far the rings have come whose records are in *backlog*, whatever their heads say."""
    ends: dict[bytes, int] = {}
    for ring in backlog:
        reader = ring.reader()
        with contextlib.suppress(RingCorrupt):
            for entry in reader.read(0):
                key, end = origin_of(entry)
                ends[key] = max(end, ends.get(key, 0))
    return ends


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """Go on where a file cannot be read, unless that only is so for want of a descriptor."""
    try:
        yield
    except ValueError:
        pass
    except OSError as error:
        if descriptor.is_none_left(error):
            raise


def has_backlog(place: Place) -> bool:
    """Whether something of the session *place* waits for a file, apart from what is in its rings."""
    for path in slots_of(place.id.hex()):
        with _readable():
            slot = slots.open_existing(path)
            try:
                kept = slot.last_done()
                ends = {part.ring: part.end for part in kept.parts} if kept is not None else {}
                if _is_behind(place.backlog_directory(slot.route), ends):
                    return True
            finally:
                slot.close()
    return False


def _is_behind(directory: str, ends: dict[bytes, int]) -> bool:
    for path in rings.listed([directory]):
        with _readable():
            ring = open_existing(path)
            try:
                if ring.words[TAIL] > max(ring.words[HEAD], ends.get(rings.key_of(path), 0)):
                    return True
            finally:
                ring.close()
    return False


def parts_of_others(place: Place, route: int, mine: Iterable[bytes]) -> Callable[[Slot], list[Part]]:
    """What a promise must repeat of the last one in its slot, so that nobody forgets how far the others have come.

    Args:
        route: that of the slot.
        mine: the rings that the promise itself is about.
    """
    present = set()
    # A ring that is gone has everything in all of its files.
    for path in rings.listed([*place.ring_directories, place.backlog_directory(route)]):
        with contextlib.suppress(ValueError):
            present.add(rings.key_of(path))
    present.difference_update(mine)

    def parts(slot: Slot) -> list[Part]:
        kept = slot.last_done()
        return [Part(part.ring, part.end, part.end) for part in kept.parts if part.ring in present] if kept else []

    return parts


def may_be_taken_over(slot: Slot, key: bytes) -> bool:
    """Whether an orphan may have written something of the ring *key*, whose lock the caller holds, into this file."""
    kept = slot.last_done()
    return slot.is_undone() or (kept is not None and any(part.ring == key for part in kept.parts))


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
                if slot.is_undone():
                    place = open_place(os.path.join(base, "sessions", slot.session.hex()))
                    settle_intent(fd, place, slot, _renderer(make_route(slot.route)), sink)
            except (OSError, ValueError) as error:
                # The session is gone with its rings: there is nothing to compare with, or to write. Or we cannot look.
                if not (isinstance(error, OSError) and descriptor.is_none_left(error)):
                    slot.take_back()
            except FileBusy:
                continue  # It is about another file than this one, and stays for the next who looks.
            finally:
                slot.close()


def _renderer(route: Route) -> Render:
    def render(kind: int, body: bytes) -> bytes | None:
        try:
            text = route.text_of(kind, body)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - a user's filter or format, or damaged bytes; as with a living owner
            record = route.record_of(kind, body, "an ended program")
            report.error_in_handler(route.spec.id, record, error, sink=route.spec.target)
            return None
        assert not isinstance(text, str)  # Routes of files give bytes.
        return text

    return render


def recover_file(sink: FileSink, make_route: Callable[[int], Route]) -> int:
    """Write what dead sessions left for the file of *sink*; how many records. Living sessions write for themselves.

    Sessions whose owner died before there was anything in them, or while it removed them, go on the way.
    """
    if not sink.shared:
        return 0
    written = 0
    try:
        key = sink.key()
    except FileNotFoundError:
        return 0  # Its directory is still to be made, so nobody can have written there.
    for base in directory.existing_bases():
        shared = os.path.join(base, "files", key)
        try:
            names = sorted(os.listdir(shared))
        except OSError:
            continue
        for name in names:
            if name.endswith(slots.SUFFIX):
                with contextlib.suppress(OSError, ValueError):
                    written += recover_slot(os.path.join(shared, name), make_route)
        if not names:
            hosts.leave(shared)  # Whoever removed the last slot died before this.
    return written


def recover_slot(path: str, make_route: Callable[[int], Route], bound: float = BOUND) -> int:
    """Write what a dead session left for the file of the slot at *path*; how many records.

    Also what its living processes have logged and not been able to deliver: one that waits for something that never
    comes, now that its parent is dead, would keep its last records to itself as long as it lives. Its heads stay
    where they are; the slot tells it what is written.

    Args:
        make_route: the handler of that file, here, for the number it has in its session.
        bound: seconds to wait for the log file's lock.

    Raises:
        FileBusy: somebody held the log file's lock for longer than *bound*.
        OSError, ValueError: the slot or the session cannot be read, or the log file cannot be written.
    """
    base = os.path.dirname(os.path.dirname(os.path.dirname(path)))
    session = os.path.basename(path).split("-")[0]
    try:
        place = open_place(os.path.join(base, "sessions", session))
    except FileNotFoundError:
        os.unlink(path)
        _leave_directory_of(path)
        remove_if_empty(base)
        return 0
    try:
        if not place.owner_is_gone and not place.ended:
            return 0
        slot = slots.open_existing(path)
        taken: list[RingFile] = []
        everything = True
        try:
            for ring_path in list(rings.listed(place.ring_directories)):
                ring = take(ring_path, place)
                if ring is None:
                    everything = False
                    ring = _borrow(ring_path)
                if ring is not None:
                    taken.append(ring)
            written = write_rest(place, taken, make_route(slot.route), slot, bound)
        finally:
            slot.close()
            for ring in taken:
                give_back(ring)
        if everything:
            with contextlib.suppress(OSError):
                os.unlink(path)
            _leave_directory_of(path)
            remove_if_done(place)
        return written
    finally:
        place.control.close()


def is_left_behind(ring: RingFile, place: Place | None) -> bool:
    """Whether it is proven that nobody publishes into *ring* of the session *place* any more."""
    if rings.is_left(ring):
        return True
    # The owner's own: where that has no lock, the one of its session may tell.
    return place is not None and rings.identity_of(ring.owner) == place.control.identity and place.owner_is_gone


def take(path: str, place: Place | None, *, locked: bool = True) -> RingFile | None:
    """The ring at *path* with its kernel lock, when it is left behind and nobody else drains it.

    Args:
        locked: whether the lock is wanted.
    """
    return _borrow(path, lambda ring: is_left_behind(ring, place), locked=locked)


def _borrow(
    path: str, suits: Callable[[RingFile], bool] = lambda _: True, bound: float = 0.0, *, locked: bool = True
) -> RingFile | None:
    """The ring at *path* with its kernel lock, when it *suits* and nobody else drains it for *bound* seconds."""
    try:
        ring = open_existing(path)
    except (OSError, ValueError):
        return None
    _borrowed.append(ring)
    if suits(ring) and (not locked or rings.try_lock(ring, bound)):
        return ring
    give_back(ring)
    return None


def give_back(ring: RingFile) -> None:
    """Close what `take` returned, and with it its kernel lock."""
    ring.close()
    with contextlib.suppress(ValueError):
        _borrowed.remove(ring)


def abandon_borrowed() -> None:
    """In a forked child: close the rings that another thread of the parent held, whose locks would live on here."""
    for ring in _borrowed:
        ring.forget()
    _borrowed.clear()


def remove_if_left(place: Place) -> None:
    """Delete a session whose owner is gone when none of its rings has a record or a living process; not if unclear."""
    with contextlib.suppress(OSError):
        for path in rings.listed(place.ring_directories):
            ring = take(path, place)
            if ring is None:
                return
            empty = ring.words[HEAD] == ring.words[TAIL]
            give_back(ring)
            if not empty:
                return
        if has_backlog(place):
            return
        for path in slots_of(place.id.hex()):
            with contextlib.suppress(OSError):
                os.unlink(path)
            _leave_directory_of(path)
        delete(place)


def remove_if_done(place: Place) -> None:
    """Delete a dead session when no file waits for its records and no producer lives; not if that is unclear."""
    with contextlib.suppress(OSError):
        if slots_of(place.id.hex()):
            return
        for path in rings.listed(place.ring_directories):
            ring = take(path, place)
            if ring is None:
                return
            losses.tell(ring, {}, leave_others=False)
            give_back(ring)
        delete(place)


def _leave_directory_of(path: str) -> None:
    """Remove the directory that a slot was in, unless another one is there, or just comes."""
    hosts.leave(os.path.dirname(path))


def delete(place: Place) -> None:
    """Delete a session, with the slots that its owner died over before they were whole."""
    # SYNC delete -> begin: a worker that has not logged yet finds no lock to tell by any more that nobody serves it.
    place.control.words[RUN_STATE], place.control.words[WAKE] = ENDED, STOPPED
    for base in directory.existing_bases():
        for path in glob.glob(os.path.join(base, "files", "*", f"{place.id.hex()}-*{slots.SUFFIX}*.tmp")):
            with contextlib.suppress(OSError):
                os.unlink(path)
                _leave_directory_of(path)
    place.remove()
