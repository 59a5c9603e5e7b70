"""The slots of a session: where they lie, and what they say of rings that others may have come further with.

That a file has everything is said, and never concluded from a slot that is not there: each slot has a link in the
session's directory, made right after it and removed right before it. A link without its slot tells that somebody has
deleted that, and what the rings hold for the file is written from their heads on; so it is with a slot that is damaged.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator

from mplog._ring import descriptor
from mplog._session import directory, hosts, rings
from mplog._session.place import Place
from mplog._sinks.file import slot as slots
from mplog._sinks.file.sink import FileSink
from mplog._sinks.file.slot import Part, Slot

_LINK = "slot-"
"""How the names of links begin, in the session's directory; the number of the handler follows."""

_UNKNOWN = "unknown"
"""Stands for the directory of a slot where its link does not say that."""

_ROUTES = 1 << 32


def slot_path(place: Place, sink: FileSink, route: int) -> str:
    """Where the slot of *route* for the file of *sink* is, in the directory that all sessions of that file share."""
    shared = _made(_base_of(place), sink.key())
    return os.path.join(shared, _named(place.id.hex(), route))


def make_slot(place: Place, sink: FileSink, route: int) -> Slot:
    """Make the slot of *route* for the file of *sink*. Raises OSError: no room or no rights."""
    sink.make_directory()
    return _make(place, sink.key(), route)


def make_again(place: Place, sink: FileSink, route: int) -> Slot | None:
    """As `make_slot`, where somebody has deleted it; None when it is still there. Its link is there in both cases."""
    try:
        return make_slot(place, sink, route)
    except FileExistsError:
        _link(place, sink.key(), route)
        return None


def open_or_renew(place: Place, path: str, *, make: bool = False) -> tuple[Slot, str]:
    """The slot at *path*; a new one, which says nothing of any ring, where it is lost or damaged, and what was wrong
    with the old one. Called under the lock of its file.

    Args:
        make: also where there has been none, with which nothing is wrong.

    Raises:
        FileNotFoundError: there is none, because its file has everything.
        OSError: it cannot be opened, or made.
    """
    route = route_in(path)
    try:
        slot = slots.open_existing(path)
        trouble = slot.trouble(place.id, route)
        if not trouble:
            return slot, ""
        slot.close()
    except FileNotFoundError:
        # SYNC open_or_renew -> remove: whoever has finished with the file removes the link first.
        if os.path.lexists(_link_path(place, route)):
            trouble = "is gone"
        elif make:
            trouble = ""
        else:
            raise
    except ValueError as error:
        trouble = f"cannot be read ({error})"
    except OSError as error:
        if descriptor.is_none_left(error):
            raise
        trouble = f"cannot be read ({error})"
    with contextlib.suppress(FileNotFoundError):
        _delete(path)
    return _make(place, os.path.basename(os.path.dirname(path)), route), trouble


def ends_of(path: str) -> dict[bytes, int]:
    """How far each ring has come into the file of the slot at *path*, as far as that is proven: a slot that is lost or
    damaged proves nothing.

    Raises:
        OSError: there is no descriptor to look with.
    """
    with rings.readable(), contextlib.closing(slots.open_existing(path)) as slot:
        if not slot.trouble(bytes.fromhex(session_in(path)), route_in(path)):
            return slot.ends()
    return {}


def remove(path: str) -> None:
    """Say that the file of the slot at *path* has everything, or is to get nothing more of its session."""
    base = os.path.dirname(os.path.dirname(os.path.dirname(path)))
    with contextlib.suppress(OSError):
        os.unlink(os.path.join(base, "sessions", session_in(path), f"{_LINK}{route_in(path)}"))
    with contextlib.suppress(OSError):  # Also when another process was first.
        os.unlink(path)
    hosts.leave(os.path.dirname(path))


def session_in(path: str) -> str:
    """The id (hex) of the session that the slot at *path* belongs to, by its name."""
    return os.path.basename(path).partition("-")[0]


def route_in(path: str) -> int:
    """The number of the handler whose slot is at *path*, by its name.

    Raises:
        ValueError: it is no name of a slot.
    """
    name = os.path.basename(path)
    session, _, number = name.removesuffix(slots.SUFFIX).partition("-")
    route = int(number) if number.isascii() and number.isdigit() and len(number) < 11 else _ROUTES
    if not name.endswith(slots.SUFFIX) or len(session) != 32 or route >= _ROUTES:
        raise ValueError(f"{name!r} is no name of a slot")
    return route


def slots_of(place: Place) -> dict[int, str]:
    """The path of the slot of each handler of *place* whose file may lack something, by its number: of all that are
    there, and of all that must be.

    Raises:
        OSError: there is no descriptor to look with.
    """
    base = _base_of(place)
    found = {
        route: os.path.join(base, "files", key, _named(place.id.hex(), route)) for route, key in _links_in(place.path)
    }
    for base in directory.existing_bases():
        files = os.path.join(base, "files")
        for key in _names_in(files):
            for name in _names_in(os.path.join(files, key)):
                if session_in(name) == place.id.hex():
                    with contextlib.suppress(ValueError):
                        found[route_in(name)] = os.path.join(files, key, name)
    return found


def lost(base: str, key: str) -> Iterator[str]:
    """The paths of the slots for the log file *key* that sessions in *base* must have, and that are not there."""
    sessions = os.path.join(base, "sessions")
    for session in _names_in(sessions):
        for route, its_key in _links_in(os.path.join(sessions, session)):
            path = os.path.join(base, "files", key, _named(session, route))
            if its_key == key and not os.path.lexists(path):
                yield path


def _base_of(place: Place) -> str:
    return os.path.dirname(os.path.dirname(place.path))


def _named(session: str, route: int) -> str:
    return f"{session}-{route}{slots.SUFFIX}"


def _link_path(place: Place, route: int) -> str:
    return os.path.join(place.path, f"{_LINK}{route}")


def _links_in(session: str) -> Iterator[tuple[int, str]]:
    """The handlers that have a link in the directory *session*, with the name of the directory of the slot."""
    for name in _names_in(session):
        number = name.removeprefix(_LINK)
        if name.startswith(_LINK) and number.isascii() and number.isdigit():
            target = ""
            try:
                target = os.readlink(os.path.join(session, name))
            except FileNotFoundError:
                continue  # Just removed.
            except OSError:
                pass
            key = os.path.basename(os.path.dirname(target))
            yield int(number), _UNKNOWN if key in ("", ".", "..") else key


def _made(base: str, key: str) -> str:
    """The directory of the slots for the log file *key*, made if need be."""
    return directory.private(os.path.join(directory.private(os.path.join(base, "files")), key))


def _make(place: Place, key: str, route: int) -> Slot:
    base = _base_of(place)
    for last in range(20, -1, -1):
        # Another process may remove the empty directory of this file while we fill it.
        try:
            slot = slots.create(os.path.join(_made(base, key), _named(place.id.hex(), route)), place.id, route)
            break
        except FileNotFoundError:
            if not last:
                raise
    _link(place, key, route)
    return slot


def _link(place: Place, key: str, route: int) -> None:
    path, target = _link_path(place, route), os.path.join("..", "..", "files", key, _named(place.id.hex(), route))
    # Without it a slot that is lost looks like one that has been removed. Where the session's directory is not there,
    # or full, there is nothing to tell that from.
    with contextlib.suppress(OSError):
        if os.path.lexists(path) and os.readlink(path) != target:
            os.unlink(path)
        os.symlink(target, path)


def _delete(path: str) -> None:
    try:
        os.unlink(path)
    except (IsADirectoryError, PermissionError):
        directory.remove_tree(path)


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
