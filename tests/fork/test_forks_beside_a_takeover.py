"""A fork while another thread of the process takes over: the child keeps none of the locks that were held for that."""

from __future__ import annotations

import os
import signal

from mplog._session import borrowing
from mplog._session.host import Host
from mplog._session.identity import myself
from mplog._session.link import Link
from mplog._session.orphan import Orphan


def no_orphan(link: Link) -> Orphan:
    """The owner of this link does not die."""
    raise AssertionError("became an orphan")


def test_the_rings_of_others() -> None:
    """What the parent has given back can be taken by others, though the child lives."""
    host = Host(myself())
    link = Link(host.place, no_orphan, host.doorbell)
    link.push(1e9, 7, 20, b"1")
    assert link.ring is not None
    held = borrowing.borrow(link.ring.path)
    assert held is not None
    arrived, began = os.pipe()
    child = os.fork()
    if not child:
        os.write(began, b"!")
        signal.pause()
    try:
        assert os.read(arrived, 1) == b"!"
        assert borrowing.borrow(link.ring.path) is None
        borrowing.give_back(held)
        again = borrowing.borrow(link.ring.path)
        assert again is not None
        borrowing.give_back(again)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(arrived)
        os.close(began)
        link.close()
        host.finish()
