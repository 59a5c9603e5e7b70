"""What an owner that is out of descriptors cannot open: whose rings these are, and how much waits in them.

It keeps two descriptors for this, so that it can list the rings and look into one after the other at any time; they
also read records that are too large for a ring. Used by one thread at a time, the holder of the writer's mutex.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

from mplog._ring.descriptor import is_none_left
from mplog._ring.layout import HEAD, TAIL
from mplog._ring.ring_file import RingOwner, open_existing
from mplog._session import rings
from mplog._session.account import Account, dropped_of
from mplog._writer.doorbell import Doorbell

SPARE = 2
"""Descriptors that it takes to open a ring, of which one stays open."""


class Waiting(NamedTuple):
    """What waits in one ring that could not be opened."""

    owner: RingOwner | None
    """None where not even that is known."""
    account: Account


class Shortage:
    """The rings of a session that its owner had no descriptor for when it looked last."""

    def __init__(self, doorbell: Doorbell) -> None:
        self._doorbell = doorbell
        self._spare = doorbell.copies(SPARE)
        self.error = ""
        """Why, in the system's words."""
        self._paths: list[str] = []

    @property
    def is_there(self) -> bool:
        """Whether there was any at the last look."""
        return bool(self._paths)

    @contextlib.contextmanager
    def relieved(self) -> Iterator[None]:
        """With the descriptors free that are kept for this."""
        self._doorbell.close_copies(self._spare)
        try:
            yield
        finally:
            self._spare = self._doorbell.copies(SPARE)

    def end(self) -> None:
        """Give them back. Idempotent."""
        self._doorbell.close_copies(self._spare)

    def listed(self, directories: list[str]) -> list[str] | None:
        """The paths of all rings in *directories*; None when that cannot be told now. Begins a look at them."""
        self._paths = []
        try:
            return list(rings.listed(directories))
        except OSError as error:
            self.error = str(error)
        with self.relieved(), contextlib.suppress(OSError):
            return list(rings.listed(directories))
        self._paths = [""]
        return None

    def add(self, path: str, error: OSError) -> None:
        """The ring at *path* could not be opened."""
        self.error = str(error)
        self._paths.append(path)

    def waiting(self) -> list[Waiting]:
        """What waits in each of them. One that holds nothing is not among them."""
        found = []
        for path in self._paths:
            with self.relieved():
                seen = _look(path)
            if seen is not None:
                found.append(seen)
        return found


def _look(path: str) -> Waiting | None:
    try:
        ring = open_existing(path)
    except (OSError, ValueError) as error:
        gone = isinstance(error, ValueError) or (path and not is_none_left(error))
        return None if gone else Waiting(None, Account())
    try:
        dropped = dropped_of(ring)
        if ring.is_early or not (ring.is_unread() or dropped):
            return None
        account = Account(
            emitted=ring.reader().count_unread() + dropped,
            dropped=dropped,
            waiting_bytes=ring.words[TAIL] - ring.words[HEAD],
            ring_bytes=ring.capacity,
        )
        return Waiting(ring.owner, account)
    finally:
        ring.close()
