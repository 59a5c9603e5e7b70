"""What the calls of a process cost whose owner is gone: nobody is asked any more whether it lives."""

from __future__ import annotations

import sys

import pytest

from mplog._ring.layout import LOG
from mplog._session.account import Account, Told
from mplog._session.control import ControlPage
from mplog._session.host import Host
from mplog._session.identity import myself
from mplog._session.link import Link
from mplog._sinks.limit import Limit


class Taker:
    """An orphan that only keeps what it gets."""

    has_caught_up = True
    largest_inline = 1000

    def __init__(self) -> None:
        self.got: list[bytes] = []

    def push(self, _wall: float, _route: int, _level: int, body: bytes, _kind: int = LOG) -> bool:
        """Keep it."""
        self.got.append(body)
        return True

    def catch_up(self) -> None:
        """Nothing is left."""

    def complete(self, _limit: Limit) -> bool:
        """Nothing is left."""
        return True

    def leave(self) -> None:
        """There are no files."""

    def reopen(self) -> None:
        """There are no files."""

    def account(self, _published: int, _told: Told) -> Account:
        """Not asked for."""
        return Account()


@pytest.mark.parametrize("way", ["push", "emitter"])
def test_a_call_asks_nobody(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first call after the owner's end finds it gone, and the others go straight to what took its place."""
    host = Host(myself())
    taker = Taker()
    link = Link(host.place, lambda _link: taker, host.doorbell)
    emit = link.emitter(7)

    def log(number: int) -> None:
        if way == "push":
            link.push(1e9 + number, 7, 20, b"%d" % number)
        else:
            emit(str(number), 1e9 + number, 20)

    log(0)
    assert host.finish()
    log(1)
    asked: list[str] = []
    real = ControlPage.is_in_service

    def counted(page: ControlPage, path: str) -> bool:
        asked.append(path)
        return real(page, path)

    monkeypatch.setattr(ControlPage, "is_in_service", counted)
    for number in range(2, 50):
        log(number)
    assert taker.got == [b"%d" % number for number in range(2, 50)]
    assert asked == []
    link.close()


class Wary(Taker):
    """One that finds at its first record that the file takes nothing, so that large ones are to go beside the ring."""

    largest_inline = sys.maxsize

    def push(self, wall: float, route: int, level: int, body: bytes, kind: int = LOG) -> bool:
        """Refuse what is large."""
        self.largest_inline = 1000
        return len(body) <= self.largest_inline and super().push(wall, route, level, body, kind)


def test_a_large_record_behind_the_first_attempt() -> None:
    """It is not dropped when another thread has found meanwhile that the file takes nothing."""
    host = Host(myself())
    wary = Wary()
    link = Link(host.place, lambda _link: wary, host.doorbell)
    assert host.finish()
    assert link.push(1e9, 7, 20, b"x" * 5000)
    assert [len(body) < 1000 for body in wary.got] == [True]
    assert link.account().dropped == 0
    link.close()
