"""The ring files of a session: their names, their creation on small file systems, their kernel locks."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterable, Iterator

from mplog._capture import process
from mplog._ring import descriptor, life, ring_file
from mplog._ring.ring_file import MINIMUM_CAPACITY, RingFile, RingOwner
from mplog._session.directory import free_bytes, in_memory
from mplog._session.identity import Identity, boot_id, is_dead
from mplog._sinks.file import lock

CAPACITY = 512 * 1024
ORDERED_MACHINES = ("x86_64", "i386", "i686")
"""Machines whose stores are seen in program order by all processors."""

SHARE = 8
"""A new ring takes at most this part (one eighth) of what is free on its file system."""

OWN = 1 << 31
"""The generations of rings from here on are those of backlogs, which an owner makes beside the ring for its own calls.
"""

_KEY = struct.Struct("=IIQ")
SUFFIX = ".ring"


def key_of(path: str) -> bytes:
    """The 16 bytes that name a ring in slots, from its file name `<pid>-<start>-<generation>.ring`.

    Raises:
        ValueError: it is no such name.
    """
    name = os.path.basename(path)
    if not name.endswith(SUFFIX):
        raise ValueError(f"{name!r} is no name of a ring file")
    pid, start, generation = (int(part) for part in name[: -len(SUFFIX)].split("-"))
    try:
        return _KEY.pack(pid, generation, start)
    except struct.error as error:
        raise ValueError(f"{name!r} is no name of a ring file: {error}") from error


def generation_of(path: str) -> int:
    """Which of the rings of its process it is, by its name."""
    return int(_KEY.unpack(key_of(path))[1])


def pid_in(key: bytes) -> int:
    """The number of the process whose ring has that *key*, as that process knows it."""
    pid: int = _KEY.unpack(key)[0]
    return pid


def listed(directories: list[str]) -> Iterator[str]:
    """The paths of all complete rings in *directories*; one that is missing has none.

    Raises:
        OSError: there is no descriptor to look with. Who took that for no rings would remove a session that has some.
    """
    for directory in directories:
        try:
            names = os.listdir(directory)
        except OSError as error:
            if descriptor.is_none_left(error):
                raise
            continue
        for name in names:
            if name.endswith(SUFFIX):
                yield os.path.join(directory, name)


def create(
    directories: Iterable[str],
    generation: int,
    who: Identity,
    session: bytes,
    name: str,
    size: int = CAPACITY,
    *,
    room: int = 0,
) -> RingFile:
    """Make a ring for the process *who* in the first of *directories* with room, smaller where room is short.

    Args:
        size: bytes of its records, a power of two.
        room: for a process that perhaps never logs: bytes that it may want to have when it does.

    Raises:
        FileExistsError: this process has (or had, before an exec) a ring of that generation.
        OSError: nowhere is room for the smallest ring.
    """
    owner = RingOwner(who.pid, who.start, who.boot, who.namespace, session, name, process.interpreter())
    failure: OSError | None = None
    for directory in directories:
        capacity = size
        allowed = free_bytes(directory) // SHARE
        while capacity > MINIMUM_CAPACITY and capacity > allowed:
            capacity //= 2
        while capacity >= MINIMUM_CAPACITY:
            path = os.path.join(directory, f"{who.pid}-{who.start}-{generation}{SUFFIX}")
            try:
                return ring_file.create(path, capacity, owner, checked=_needs_checks(directory), room=room)
            except FileExistsError:
                raise
            except OSError as error:
                failure = error
                capacity //= 2
    raise failure or OSError(f"no directory for rings of session {session.hex()} can be used")


def _needs_checks(directory: str) -> bool:
    """Whether records of rings there need a checksum: where stores are seen out of order, and on disks, which may
    keep a part of a record when the machine dies."""
    return os.uname().machine not in ORDERED_MACHINES or not in_memory(directory)


def try_lock(ring: RingFile, bound: float = 0.0) -> bool:
    """Take the ring's kernel lock, which whoever moves its head must hold; False when somebody has it.

    Args:
        bound: seconds to wait for it.
    """
    return ring.renew_descriptor() and lock.acquire(ring.fd, bound)


def is_left(ring: RingFile) -> bool:
    """Whether the process that publishes into *ring* is proven dead: by its lock, or else by its identity."""
    who = identity_of(ring.owner)
    lives = ring.has_living_producer if who.boot == boot_id() else None
    return is_dead(who) if lives is None else not lives


def is_left_at(path: str) -> bool:
    """As `is_left`, of the ring at *path*. One that cannot be read is not."""
    try:
        if life.is_held_at(path):  # Most often, and a tenth of the work.
            return False
        ring = ring_file.open_existing(path)
    except (OSError, ValueError):
        return False
    try:
        return is_left(ring)
    finally:
        ring.close()


def is_unreadable(path: str) -> bool:
    """Whether what is at *path* is damaged, or no ring, and no living process holds it."""
    return bool(why_unreadable(path))


def why_unreadable(path: str) -> str:
    """What is wrong with what is at *path*, if `is_unreadable`; empty otherwise."""
    try:
        key_of(path)
        ring_file.open_existing(path).close()
    except FileNotFoundError:
        return ""  # Somebody else has just removed it.
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and descriptor.is_none_left(error):
            return ""
        why = str(error).removeprefix(f"{path} ") or type(error).__name__
        try:
            return "" if life.is_held_at(path) else why
        except OSError:
            return why
    return ""


def identity_of(owner: RingOwner) -> Identity:
    """The process that publishes into a ring."""
    return Identity(owner.pid, owner.start, owner.boot, owner.namespace)


def remove(path: str) -> None:
    """Unlink a ring file; one that is gone is fine, and one that only others may remove is left to them."""
    with contextlib.suppress(FileNotFoundError, PermissionError):
        os.unlink(path)


@contextlib.contextmanager
def readable() -> Iterator[None]:
    """Go on where a file cannot be read, unless that only is so for want of a descriptor."""
    try:
        yield
    except ValueError:
        pass
    except OSError as error:
        if descriptor.is_none_left(error):
            raise
