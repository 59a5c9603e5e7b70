"""What stands where the producer of a link stood: an orphan when the owner is gone, another link after a fork."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

from mplog._ring.layout import LOG
from mplog._session.account import Account, Told
from mplog._sinks.limit import Limit

if TYPE_CHECKING:
    from mplog._session.link import Link


class Orphan(Protocol):
    """What takes the producer's place when the owner is gone: it writes in this process."""

    @property
    def largest_inline(self) -> int:
        """Bytes of a record that it takes as it is."""

    def push(self, wall: float, route: int, level: int, body: bytes, kind: int = LOG) -> bool:
        """Deliver one record here."""

    def catch_up(self) -> None:
        """Try again to write what could not be written before, when it is time."""

    def complete(self, limit: Limit) -> bool:
        """Write what is left, and wait for what is in progress; False when the *limit* was over."""

    def leave(self) -> None:
        """Close its files until the next record."""

    def reopen(self) -> None:
        """Open its files again."""

    def account(self, published: int, told: Told) -> Account:
        """What has become of what was *published* before, of which the owner has *told*, and of all since."""

    @property
    def has_caught_up(self) -> bool:
        """Whether nothing older is left in the rings of this process."""


class Adopter(Protocol):
    """Makes the orphan of a link, after writing what its rings still hold. See orphan.py."""

    def __call__(self, link: Link) -> Orphan: ...


class Led:
    """Stands where the producer stood in a link that a fork took into a child: it leads to the child's own link."""

    has_caught_up = True
    largest_inline = sys.maxsize

    def __init__(self, link: Link) -> None:
        self._link = link

    def push(self, wall: float, route: int, level: int, body: bytes, kind: int = LOG) -> bool:
        """Deliver one record by the child's own way."""
        return self._link.push(wall, route, level, body, kind)

    def catch_up(self) -> None:
        """Nothing was left behind here."""

    def complete(self, limit: Limit) -> bool:
        """Wait for it."""
        return self._link.flush(limit)

    def leave(self) -> None:
        """No file is open here."""

    def reopen(self) -> None:
        """Pass it on."""
        self._link.reopen()

    def account(self, _published: int, _told: Told) -> Account:
        """What the child has logged; what its parent had is the parent's."""
        return self._link.account()
