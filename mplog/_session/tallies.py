"""What has become of the records of each process of a session: the tallies of its owner."""

from __future__ import annotations

from mplog._capture import process
from mplog._ring.ring_file import RingOwner
from mplog._session import rings
from mplog._session.account import Account, Told, dropped_of
from mplog._session.identity import Identity
from mplog._session.shortage import Waiting
from mplog._writer.source import Source
from mplog._writer.tally import Tally

ENDED_KEPT = 1000
"""Processes that have ended whose counts are kept apart; those of older ones are added up."""

Who = tuple[Identity, int]
"""A process, and which interpreter of it."""


def who(owner: RingOwner) -> Who:
    """Whose ring it is."""
    return rings.identity_of(owner), owner.interpreter


class Tallies:
    """One for each process and interpreter: living ones, and the last ended."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._found: dict[Who, Tally] = {}
        self._earlier = Tally(0, "")
        """Of all processes that have ended before those."""

    def of(self, owner: RingOwner) -> Tally:
        """That of the process whose ring has this *owner*."""
        return self._found.setdefault(who(owner), Tally(owner.pid, owner.name))

    def all(self) -> list[Tally]:
        """Those of all, the common one of the earlier ones last."""
        return [*list(self._found.values()), self._earlier]

    def own(self) -> Tally | None:
        """That of this process, as its own worker."""
        return self._found.get((self._identity, process.interpreter()))

    def forget_oldest(self) -> None:
        """Where there are too many, count a process that has ended long ago among the earlier ones."""
        if len(self._found) <= ENDED_KEPT:
            return
        for key, tally in self._found.items():
            if not tally.rings and tally.read == tally.settled:
                self._earlier.absorb(self._found.pop(key))
                return

    def accounts(self, sources: list[Source]) -> list[tuple[Tally, Account]]:
        """What has become of the records of each process; *sources* are all rings that are not reclaimed.

        Of those that ended long ago together, last.
        """
        files: dict[Tally, list[Source]] = {}
        for source in sources:
            files.setdefault(source.tally, []).append(source)
        found = []
        for tally in self.all():
            own = files.get(tally, [])
            told = Told(tally.written, tally.filtered, tally.failed, tally.lost)
            read = tally.read + sum(source.reader.count_unread() for source in own)
            dropped = tally.dropped + sum(dropped_of(source.file) for source in own)
            account = Account(emitted=dropped, dropped=dropped) + told.about(read)
            found.append((tally, account.with_rings([source.file for source in own])))
        return found

    def unopened(self, known: list[tuple[Tally, Account]], waiting: list[Waiting]) -> list[tuple[Tally, Account]]:
        """The same of processes whose rings could not be opened, in which lies what is *waiting*; those that are
        *known* get their share there."""
        places = {id(tally): at for at, (tally, _) in enumerate(known)}
        found = []
        for owner, account in waiting:
            tally = self._found.get(who(owner)) if owner is not None else None
            if tally is not None and id(tally) in places:
                at = places[id(tally)]
                known[at] = (tally, known[at][1] + account)
            elif owner is not None:
                found.append((Tally(owner.pid, owner.name), account))
        return found
