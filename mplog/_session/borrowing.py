"""Rings of others, which this process may take by their kernel locks: for as long as it writes what is in them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from mplog._ring.ring_file import RingFile, open_existing
from mplog._session import rings
from mplog._session.place import Place

_borrowed: list[RingFile] = []
"""The rings of others whose kernel locks this process may hold now."""


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
    return borrow(path, lambda ring: is_left_behind(ring, place), locked=locked)


def borrow(
    path: str, suits: Callable[[RingFile], bool] = lambda _: True, bound: float = 0.0, *, locked: bool = True
) -> RingFile | None:
    """The ring at *path* with its kernel lock, when it *suits* and nobody else drains it for *bound* seconds."""
    try:
        rings.key_of(path)  # One that nobody can name keeps no other from being written.
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


def abandon() -> None:
    """In a forked child: close the rings that another thread of the parent held, whose locks would live on here."""
    for ring in _borrowed:
        ring.forget()
    _borrowed.clear()
