"""What sessions without an owner still hold: looked at without a lock, and without changing anything."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mplog._capture import data
from mplog._render.times import RecordTime
from mplog._ring.clock import monotonic_ns, wall_time
from mplog._ring.layout import DATA_KINDS, DATA_RECORD, HEARTBEAT_NS
from mplog._ring.ring import Entry, RingCorrupt
from mplog._ring.ring_file import RingFile, open_existing
from mplog._session import borrowing, reading, rings, slot_files, sweeping
from mplog._session.identity import boot_id
from mplog._session.place import REGISTRY, Place, all_places, is_held, open_place
from mplog._writer.backlog import as_it_was, origin_of


@dataclass(slots=True)
class Waiting:
    """Records in the rings of a session that can be written now, because its owner is dead."""

    by_slot: dict[str, int] = field(default_factory=dict)
    """Per path of a slot how many records its file lacks."""
    by_process: dict[str, Counter[tuple[int, str]]] = field(default_factory=dict)
    """The same for each process, which has a number and a name."""
    unrendered: Counter[int] = field(default_factory=Counter)
    """Per route the records whose text is still to be made, by the format of the program that logged them."""
    others: int = 0
    """Records for sinks that died with the owner."""
    living: int = 0
    """Processes of the session that live: what they log from now on they write by themselves."""
    damaged: dict[str, str] = field(default_factory=dict)
    """Paths of rings that cannot be read to their ends, with what is wrong there."""


def abandoned() -> tuple[list[Place], int]:
    """The sessions of this user that have no owner any more, and how many others there are. Close their pages."""
    found, others = [], 0
    for path in sorted(all_places()):
        try:
            place = open_place(path)
        except (OSError, ValueError):
            others += is_held(path)  # Of another version. One that nobody holds is among `sweeping.parts`.
            continue
        if place.owner_is_gone or place.ended:
            found.append(place)
        else:
            others += not place.owner_is_untold  # That one is among `sweeping.parts`, too.
            place.control.close()
    return found, others


def waiting_in(place: Place) -> Waiting:
    """Count what waits in *place*. Exact unless somebody recovers it at the same time."""
    found = Waiting()
    done: dict[int, dict[bytes, int]] = {}
    paths: dict[int, str] = {}
    for route, path in slot_files.slots_of(place).items():
        done[route], paths[route] = slot_files.ends_of(path), path
    count: dict[int, Counter[tuple[int, str]]] = {route: Counter() for route in paths}
    held_back: list[tuple[int, int]] = []
    for route, ends in done.items():
        held = _held(place, route, found)
        for key, entry in held:
            if entry[2] > ends.get(key, 0):
                held_back.append((route, rings.pid_in(origin_of(entry)[0])))
                found.unrendered[route] += _needs_text(place, as_it_was(entry))
        for _, entry in held:
            key, end = origin_of(entry)
            ends[key] = max(end, ends.get(key, 0))
    names: dict[int, str] = {}
    for key, (pid, name), entry in _entries(place, found):
        names[pid] = name
        route = entry[4]
        if route not in paths:
            found.others += 1
        elif entry[2] > done[route].get(key, 0):
            count[route][pid, name] += 1
            found.unrendered[route] += _needs_text(place, entry)
    for route, pid in held_back:
        count[route][pid, names.get(pid, "")] += 1
    found.by_process = {path: count[route] for route, path in paths.items()}
    found.by_slot = {path: count.total() for path, count in found.by_process.items()}
    return found


def _entries(place: Place, found: Waiting) -> Iterator[tuple[bytes, tuple[int, str], Entry]]:
    living = set()
    for path in list(rings.listed(place.ring_directories)):
        ring = _opened(path, found)
        if ring is None:
            continue
        try:
            if not borrowing.is_left_behind(ring, place):
                living.add(ring.owner)
            elif trouble := reading.trouble_of(ring):
                found.damaged[path] = trouble
            if ring.is_early:
                continue
            for key, entry in _read(ring):
                yield key, (ring.owner.pid, ring.owner.name), entry
        finally:
            ring.close()
    found.living = len(living)


def _opened(path: str, found: Waiting) -> RingFile | None:
    """The ring at *path*; None where it is gone, or noted in *found* as damaged."""
    try:
        return open_existing(path)
    except (OSError, ValueError) as error:
        if os.path.lexists(path):
            found.damaged[path] = str(error).removeprefix(f"{path} ")
        return None


def _read(ring: RingFile) -> list[tuple[bytes, Entry]]:
    """The records of *ring*, as far as it is whole, with its key."""
    reader = ring.reader()
    reader.forget_number()
    with contextlib.suppress(RingCorrupt, ValueError):
        key = rings.key_of(ring.path)
        return [(key, entry) for entry in reader.read(0)]
    return []


def _held(place: Place, route: int, found: Waiting) -> list[tuple[bytes, Entry]]:
    """What is in the backlog of *route*."""
    held: list[tuple[bytes, Entry]] = []
    for path in rings.listed([place.backlog_directory(route)]):
        ring = _opened(path, found)
        if ring is not None:
            if trouble := reading.trouble_of(ring):
                found.damaged[path] = trouble
            held += _read(ring)
            ring.close()
    return held


def _needs_text(place: Place, entry: Entry) -> bool:
    return entry[3] in DATA_KINDS and not _has_text(place, entry)


def waiting_in_part(path: str) -> Waiting:
    """Count what is in the rings of a session whose control page cannot be read: all of it is for files that nobody
    knows."""
    found, count = Waiting(), Counter[tuple[int, str]]()
    for ring_path in rings.listed(sweeping.ring_directories_of(path)):
        ring = _opened(ring_path, found)
        if ring is None:
            continue
        if not rings.is_left(ring):
            found.living += 1
        elif trouble := reading.trouble_of(ring):
            found.damaged[ring_path] = trouble
        if not ring.is_early:
            count[ring.owner.pid, ring.owner.name] += ring.reader().count_unread()
        ring.close()
    found.by_process[""], found.by_slot[""] = count, count.total()
    return found


def _has_text(place: Place, entry: Entry) -> bool:
    body = entry[7] if entry[3] == DATA_RECORD else reading.spilled(place, entry[7])
    try:
        return data.unpack(body, RecordTime.fromtimestamp)[1].text is not None
    except ValueError:
        return True  # No record, whatever makes its text.


def last_seen(place: Place) -> float | None:
    """Epoch second of the last sign of life of the owner's writer, as far as it can be told."""
    control = place.control
    if control.identity.boot == boot_id():
        return wall_time() - (monotonic_ns() - control.words[HEARTBEAT_NS]) / 1e9
    with contextlib.suppress(OSError):
        return os.stat(os.path.join(place.path, REGISTRY)).st_mtime
    return None


def bytes_of(place: Place) -> int:
    """Bytes that the files of a session take, in all runtime directories."""
    return bytes_in({place.path, *map(os.path.dirname, place.ring_directories)})


def bytes_in(directories: Iterable[str]) -> int:
    """Bytes that all files below *directories* take."""
    total = 0
    for directory in directories:
        for root, _, names in os.walk(directory):
            for name in names:
                with contextlib.suppress(OSError):
                    total += os.lstat(os.path.join(root, name)).st_blocks * 512
    return total
