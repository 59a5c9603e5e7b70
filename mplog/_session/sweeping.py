"""Removing what dead programs left that holds nothing, and, on demand, what cannot be written any more.

Programs that end without exit functions (a signal's default, `os._exit`, a kill) leave their session. What it holds
waits for whoever adds the same file; where it holds nothing, the next session of any program removes it.

Nothing is removed whose owner or producer may live, and none of it is looked at without the kernel lock of each ring.
Nor is anything that cannot be read: a ring that is damaged may hold records, and so may a session whose page is.
"""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Iterator

from mplog._ring import descriptor
from mplog._ring.layout import HEAD, TAIL
from mplog._ring.ring import RingCorrupt
from mplog._ring.ring_file import RingFile, open_existing
from mplog._session import borrowing, control, directory, hosts, losses, reading, rings, slot_files
from mplog._session.place import BACKLOG, INDEXES, Place, all_places, is_held, open_place, remove_if_empty
from mplog._sinks.file import lock_file
from mplog._sinks.file import slot as slots

Done = dict[int, dict[bytes, int]]
"""Per route whose file may lack something, how far each ring is proven to be in it."""


def sweep() -> None:
    """Remove what holds nothing: sessions without owner, and what is left of sessions that are gone. Never raises."""
    with contextlib.suppress(OSError):
        for path in all_places():
            try:
                place = open_place(path)
            except FileNotFoundError:
                remove_part(path)
                continue
            except (OSError, ValueError):
                continue
            try:
                if place.owner_is_gone:
                    remove_if_nothing_waits(place)
            finally:
                with contextlib.suppress(ValueError):
                    place.control.close()
        for base in directory.existing_bases():
            _clear(base)
    lock_file.sweep()


def remove_if_nothing_waits(place: Place) -> bool:
    """Delete the session *place*, which its owner serves no more, when its files have everything and no producer lives;
    whether it is deleted."""
    try:
        done = _done(place)
    except OSError:  # Not known, for want of a descriptor.
        return False
    if done is None or (done and not place.owner_is_gone):
        return False
    # First without the locks, which would keep others from writing what waits.
    for locked in (False, True):
        with _all_taken(place.ring_directories, place, locked=locked) as taken:
            if taken is None or any(_waits(ring, done) for ring in taken):
                return False
            if locked:
                _remove(place, taken)
    return True


def discard(place: Place) -> bool:
    """Delete the session *place*, whose owner is gone, with all that its files lack; False when a producer lives."""
    with _all_taken(place.ring_directories, place, damaged=True) as taken:
        if taken is None:
            return False
        _remove(place, taken)
        return True


def _remove(place: Place, taken: list[RingFile]) -> None:
    for ring in taken:
        losses.tell(ring, {}, leave_others=False)
    delete(place)


def _done(place: Place) -> Done | None:
    """How far each file has come; None when something waits in a backlog."""
    done: Done = {}
    for route, path in slot_files.slots_of(place).items():
        done[route] = slot_files.ends_of(path)
        if _is_behind(place.backlog_directory(route), done[route]):
            return None
    return done


def _waits(ring: RingFile, done: Done) -> bool:
    """Whether a file lacks something of *ring*. What was meant for other sinks died with the owner."""
    if not ring.is_unread() or ring.is_early:
        return False
    reader = ring.reader()
    reader.forget_number()
    try:
        key = rings.key_of(ring.path)
        entries = reader.read(0)
    except (RingCorrupt, ValueError):
        return True
    # Behind its end nothing can be in a file.
    if reader.unread() or any(ends.get(key, 0) > reader.tail for ends in done.values()):
        return True
    return any(entry[4] in done and entry[2] > done[entry[4]].get(key, 0) for entry in entries)


def remove_if_left(place: Place) -> None:
    """Delete a session whose owner is gone when none of its rings has a record or a living process; not if unclear."""
    with contextlib.suppress(OSError):
        for path in rings.listed(place.ring_directories):
            ring = borrowing.take(path, place)
            if ring is None:
                return
            empty = ring.words[HEAD] == ring.words[TAIL]
            borrowing.give_back(ring)
            if not empty:
                return
        if has_backlog(place):
            return
        for path in slot_files.slots_of(place).values():
            slot_files.remove(path)
        delete(place)


def delete(place: Place) -> None:
    """Delete a session, with the slots that its owner died over before they were whole."""
    # SYNC delete -> begin: a worker that has not logged yet finds no lock to tell by any more that nobody serves it.
    place.control.say_ended()
    for base in directory.existing_bases():
        for path in glob.glob(os.path.join(glob.escape(base), "files", "*", f"{place.id.hex()}-*{slots.SUFFIX}*.tmp")):
            with contextlib.suppress(OSError):
                os.unlink(path)
                hosts.leave(os.path.dirname(path))
    place.remove()


def has_backlog(place: Place) -> bool:
    """Whether something of the session *place* waits for a file, apart from what is in its rings."""
    return any(
        _is_behind(place.backlog_directory(route), slot_files.ends_of(path))
        for route, path in slot_files.slots_of(place).items()
    )


def _is_behind(directory: str, ends: dict[bytes, int]) -> bool:
    """Whether a file, of which *ends* are proven, may lack something of its backlog in *directory*."""
    for path in rings.listed([directory]):
        try:
            ring = open_existing(path)
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and descriptor.is_none_left(error):
                raise
            return True
        try:
            if ring.is_unread() and (not reading.is_whole(ring) or ring.words[TAIL] != ends.get(rings.key_of(path))):
                return True
        finally:
            ring.close()
    return False


@contextlib.contextmanager
def _all_taken(
    directories: list[str], place: Place | None, *, locked: bool = True, damaged: bool = False
) -> Iterator[list[RingFile] | None]:
    """All rings in *directories* with their kernel locks; None where a producer lives, or somebody drains one.

    Args:
        damaged: also where one cannot be opened, which is not among them then.
    """
    taken: list[RingFile] = []
    complete = True
    try:
        for path in rings.listed(directories):
            ring = borrowing.take(path, place, locked=locked)
            if ring is None and os.path.lexists(path) and not (damaged and rings.is_unreadable(path)):
                complete = False
                break
            if ring is not None:
                taken.append(ring)
        yield taken if complete else None
    finally:
        for ring in taken:
            borrowing.give_back(ring)


# What is left of a session whose control page is gone, or damaged.


def parts() -> Iterator[tuple[str, str]]:
    """Directories of sessions whose control pages cannot be read, with the reason. Nobody knows whose they are, nor, of
    some, which files their rings were for."""
    for path in all_places():
        trouble = _trouble_of(path)
        if trouble:
            yield path, trouble


def _trouble_of(path: str) -> str:
    """Why the session at *path* cannot be read; empty when it can, or when its program lives."""
    try:
        place = open_place(path)
        untold = place.owner_is_untold
        place.control.close()
        return "nobody can tell whether its program runs, which had no lock and another pid namespace" if untold else ""
    except FileNotFoundError:
        gone = os.path.isdir(path) and not _is_known_elsewhere(path)
        return "what says where they belong is gone" if gone else ""
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and descriptor.is_none_left(error):
            raise
        return "" if is_held(path) else f"what says where they belong cannot be read ({error})"


def ring_directories_of(path: str) -> list[str]:
    """Where records can be in the directory *path* of a session whose control page cannot be read."""
    backlog = os.path.join(path, BACKLOG)
    with contextlib.suppress(OSError):
        return [os.path.join(path, "rings"), *[os.path.join(backlog, name) for name in os.listdir(backlog)]]
    return [os.path.join(path, "rings")]


def remove_part(path: str, *, unread: bool = False) -> bool:
    """Delete the directory *path* of a session whose control page is gone, or damaged, when no producer in it lives;
    whether it is deleted.

    Args:
        unread: also with what is in its rings, and also where the page is there. It may be that of another version,
            whose programs need not be seen to live.
    """
    if not unread and os.path.lexists(os.path.join(path, control.NAME)):
        return False
    if not os.path.isdir(path) or os.lstat(path).st_uid != os.geteuid() or not _trouble_of(path):
        return False
    with _all_taken(ring_directories_of(path), None, damaged=unread) as taken:
        if taken is None or (not unread and any(ring.is_unread() for ring in taken)):
            return False
        directory.remove_tree(path)
    return not os.path.lexists(path)


def _is_known_elsewhere(path: str) -> bool:
    """Whether the session has its control page on another base: where the first is full, the second has its rings."""
    name = os.path.basename(path)
    bases = {*directory.existing_bases(), *directory.existing_bases(directory.defaults())}
    return any(os.path.exists(os.path.join(base, "sessions", name, control.NAME)) for base in bases)


def _clear(base: str) -> None:
    """Remove from *base* what names sessions that are gone: slots, links, and then empty directories."""
    for shared in glob.glob(os.path.join(glob.escape(base), "files", "*")):
        for name in os.listdir(shared) if os.path.isdir(shared) else ():
            session = name.partition("-")[0]
            if slots.SUFFIX in name and not os.path.exists(os.path.join(base, "sessions", session)):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(shared, name))
        with contextlib.suppress(OSError):
            if not os.listdir(shared):
                hosts.leave(shared)
    for index in INDEXES:
        for link in glob.glob(os.path.join(glob.escape(base), index, "*")):
            with contextlib.suppress(OSError):
                if not os.path.exists(link) and os.path.islink(link):
                    os.unlink(link)
    remove_if_empty(base)
