"""The slots of a session: where they lie, and what they say of rings that others may have come further with."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable

from mplog._ring import descriptor
from mplog._session import directory, rings
from mplog._session.place import Place
from mplog._sinks.file import slot as slots
from mplog._sinks.file.sink import FileSink
from mplog._sinks.file.slot import Part, Slot


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
        return [Part(ring, end, end) for ring, end in slot.ends().items() if ring in present]

    return parts


def may_be_taken_over(slot: Slot, key: bytes) -> bool:
    """Whether an orphan may have written something of the ring *key*, whose lock the caller holds, into this file."""
    return slot.is_undone() or key in slot.ends()
