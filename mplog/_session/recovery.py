"""Writing what a dead owner left: records that are in rings and not yet in their files, each exactly once.

All of it happens under the log file's lock, with the slot of the dead session as the memory of what is done:

1. An intent that was not kept is taken back (or found to be complete).
2. Each ring is read from the later of its head and its end in the last kept promise.
3. What was not written is appended through the same slot, whose promises carry the ends of all rings along.

Heads move only when every file of the session has its share; until then the slots alone say how far each file is.
Where a slot is lost or damaged, nobody knows that: everything behind the heads is written, which may be there already.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

from mplog._ring.ring import Entry, RingCorrupt
from mplog._ring.ring_file import RingFile
from mplog._session import borrowing, directory, hosts, losses, reading, rings, settling, slot_files, sweeping
from mplog._session.place import Place, is_held, open_place, remove_if_empty
from mplog._sinks import report
from mplog._sinks.file import slot as slots
from mplog._sinks.file.log_file import LogFile
from mplog._sinks.file.progress import Progress
from mplog._sinks.file.sink import FileSink
from mplog._sinks.file.use import FileBusy
from mplog._writer.backlog import origin_of
from mplog._writer.route import Route
from mplog._writer.spilled import loadable

BOUND = 10.0
"""Seconds that recovery waits for a log file's lock."""


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
        names: list[str] | None = None
        with contextlib.suppress(OSError):
            names = sorted(os.listdir(shared))
        paths = [os.path.join(shared, name) for name in names or () if name.endswith(slots.SUFFIX)]
        with contextlib.suppress(OSError):
            paths += slot_files.lost(base, key)
        for path in paths:
            with contextlib.suppress(OSError, ValueError):
                written += recover_slot(path, make_route)
        if names == []:
            hosts.leave(shared)  # Whoever removed the last slot died before this.
    return written


def recover_slot(path: str, make_route: Callable[[int], Route], bound: float = BOUND) -> int:
    """Write what a dead session left for the file of the slot at *path*, be it lost or damaged; how many records.

    Also what its living processes have logged and not been able to deliver: one that waits for something that never
    comes, now that its parent is dead, would keep its last records to itself as long as it lives. Its heads stay
    where they are; the slot tells it what is written.

    Args:
        make_route: the handler of that file, here, for the number it has in its session.
        bound: seconds to wait for the log file's lock.

    Raises:
        FileBusy: somebody held the log file's lock for longer than *bound*.
        OSError, ValueError: the session cannot be read, or the log file cannot be written.
    """
    base = os.path.dirname(os.path.dirname(os.path.dirname(path)))
    session = os.path.join(base, "sessions", slot_files.session_in(path))
    try:
        place = open_place(session)
    except FileNotFoundError:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        hosts.leave(os.path.dirname(path))
        remove_if_empty(base)
        return 0
    except ValueError as error:
        if not is_held(session):
            report.once(
                "unreadable session",
                f"an ended program has left {session}, which cannot be read: {error}. It is kept. What it holds "
                "`mplog recover --list` tells, and `mplog recover --discard` removes it.",
            )
        raise
    try:
        if not place.owner_is_gone and not place.ended:
            return 0
        number = slot_files.route_in(path)
        taken: list[RingFile] = []
        left_behind: list[RingFile] = []
        everything = True
        try:
            for ring_path in list(rings.listed(place.ring_directories)):
                ring = borrowing.take(ring_path, place)
                if ring is not None:
                    left_behind.append(ring)
                else:
                    everything = False
                    ring = borrowing.borrow(ring_path)
                if ring is not None:
                    taken.append(ring)
                elif os.path.lexists(ring_path) and (trouble := rings.why_unreadable(ring_path)):
                    reading.tell_of_damage(ring_path, trouble)
            written = write_rest(place, taken, make_route(number), path, bound)
            # A damaged ring stays, with the slot, which says how much of it is written.
            for ring in left_behind:
                if trouble := reading.trouble_of(ring):
                    reading.tell_of_damage(ring.path, trouble)
                    everything = False
            everything = everything and reading.is_held_back_whole(place, number)
        finally:
            for ring in taken:
                borrowing.give_back(ring)
        if everything:
            slot_files.remove(path)
            sweeping.remove_if_nothing_waits(place)
        return written
    finally:
        place.control.close()


def write_rest(
    place: Place, ring_files: list[RingFile], route: Route, path: str, bound: float = BOUND, *, make: bool = False
) -> int:
    """Append what *ring_files* still hold for *route*, and the backlog of its file; how many records. The caller holds
    the rings' kernel locks.

    Args:
        path: that of its slot, which is made anew where it is lost or damaged.
        make: also where the session has none for that file.

    Raises FileBusy when the log file's lock is not to be had within *bound* seconds, and OSError when it cannot be
    written; nothing is lost or done twice then.
    """
    sink = route.sink
    assert isinstance(sink, FileSink)
    number = slot_files.route_in(path)
    render = reading.renderer(route)

    def append(file: LogFile) -> int:
        slot, trouble = slot_files.open_or_renew(place, path, make=make)
        with contextlib.closing(slot), _backlog(place, number, sink, bound) as backlog:
            settling.settle_intent(file.fd, place, slot, route, sink)
            ends = slot.ends()
            for key, end in _origins(backlog).items():
                ends[key] = max(end, ends.get(key, 0))
            # Those of the backlog first: of two records with the same stamp theirs is the older one.
            all_files = [*backlog, *ring_files]
            keys = [rings.key_of(ring.path) for ring in all_files]
            starts = []
            carried: dict[int, int] = {}
            written = 0
            entries: list[Entry] = []
            for at, (ring, key) in enumerate(zip(all_files, keys, strict=True)):
                head = ring.reader().head
                start = max(ends.pop(key, 0), head)
                starts.append(start)
                if start > head:
                    carried[at] = start
                entries += reading.entries_of(ring, at, start, None, number)
            entries.sort()
            if trouble and entries:
                report.once(
                    f"slot {path}",
                    f"the slot {path} of an ended program {trouble}, so that nothing but its rings tells what is in "
                    f"{sink.path}. {len(entries)} records are written there; some of them may be in it twice now.",
                )
            # Asked each time: orphans of one session share its slot, and a rotation lets another one in between.
            others = slot_files.parts_of_others(place, number, keys)
            while entries:
                fitting = loadable(entries, place.spill_directory)
                some, entries = reading.finished(entries[:fitting], place, render), entries[fitting:]
                written += len(some)
                if some:
                    sink.commit(some, keys, starts, slot, Progress(carried), others=lambda: others(slot))
            return written

    written = sink.locked(bound, append)
    for ring in ring_files:
        losses.tell(ring, {number: route}, direct=True)
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
            ring = borrowing.borrow(path, bound=bound)
            if ring is None:
                raise FileBusy(f"what waits for {sink.path} in {path} is being written by another process")
            found.append(ring)
        yield found
    finally:
        for ring in found:
            borrowing.give_back(ring)


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
