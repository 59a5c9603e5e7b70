"""The hosts of a log file: sessions of this user on this machine whose writers append to it.

A process that has the file open and belongs to no session may send its records to one of them. Each session leaves its
slot in the directory that all sessions of the file share. Whoever joins marks the slot, under the lock of that
directory, so that the host goes on serving the file when it has no use for it any more.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import NamedTuple

from mplog._capture import process
from mplog._session import directory
from mplog._session.identity import boot_id, myself, pid_namespace
from mplog._session.place import Place, open_place
from mplog._sinks.file import lock
from mplog._sinks.file import slot as slots
from mplog._sinks.file.claim import is_named, kept

BOUND = 0.2
"""Seconds that a process waits for others that are just looking for a host of the same file."""

ATTEMPTS = 20
"""Directories that are removed in the moment in which they would be locked, at most."""


class Host(NamedTuple):
    """A session that serves the file, and the number of the file's handler in it."""

    place: Place
    route: int
    slot: str
    """The path of its slot."""


@contextlib.contextmanager
def locked(shared: str, bound: float = BOUND) -> Iterator[bool]:
    """Hold the lock of the directory *shared*, which is there; gives False when it was not to be had within *bound*."""
    for _ in range(ATTEMPTS):
        try:
            with kept(_opened(shared)) as fd:
                alone = lock.acquire(fd, bound)
                # SYNC locked -> leave: whoever removes the directory holds its lock; the next one is another directory.
                if not alone or is_named(fd, shared):
                    yield alone
                    return
        finally:
            leave(shared)  # Who would have removed it meanwhile could not.
        directory.private(shared)
    yield False


def leave(shared: str) -> None:
    """Remove the directory *shared* when it is empty and nobody holds its lock."""
    with contextlib.suppress(OSError), kept(_opened(shared)) as fd:
        if lock.take(fd):
            os.rmdir(shared)


def _opened(shared: str) -> int:
    return os.open(shared, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)


def shared_directory(key: str) -> str:
    """Where the sessions of the log file *key* meet, made if need be. Raises OSError where that is not possible."""
    files = directory.private(os.path.join(directory.new_base(), "files"))
    return directory.private(os.path.join(files, key))


def find(key: str) -> Iterator[Host]:
    """The living sessions that serve the log file *key*, in an order that all processes agree on.

    Whoever does not use one closes its page.
    """
    mine = myself()
    for base in directory.existing_bases():
        shared = os.path.join(base, "files", key)
        try:
            names = sorted(os.listdir(shared))
        except OSError:
            continue
        for name in names:
            session, _, route = name.removesuffix(slots.SUFFIX).partition("-")
            if not name.endswith(slots.SUFFIX) or not route.isdigit():
                continue
            try:
                place = open_place(os.path.join(base, "sessions", session))
            except (OSError, ValueError):
                continue
            who = place.control.identity
            # Only where each can prove the other's death.
            near = who.boot == boot_id() and who.namespace == pid_namespace()
            # A subinterpreter's process is another program to it, which has no session here itself.
            if near and (who != mine or process.interpreter()) and place.is_served:
                yield Host(place, int(route), os.path.join(shared, name))
            else:
                place.control.close()


def join(host: Host) -> bool:
    """Mark the slot of *host*, so that it goes on serving the file; False when it does not any more.

    Called under the lock of the slot's directory.
    """
    try:
        slot = slots.open_existing(host.slot)
    except (OSError, ValueError):
        return False
    try:
        if slot.company == slots.SHUT:
            return False
        slot.company = slots.JOINED
        return True
    finally:
        slot.close()


def shut(slot: slots.Slot) -> bool:
    """Let nobody join a session for this file any more; False when somebody has, or may have."""
    try:
        with locked(os.path.dirname(slot.path)) as alone:
            if alone and slot.company == slots.OPEN:
                slot.company = slots.SHUT
    except OSError:
        return False
    return slot.company == slots.SHUT
