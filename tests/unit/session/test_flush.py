"""A link's `flush`: what it waits for when threads of its process flush, and go on in other rings, at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from programs import wait_until

from mplog._ring.layout import CLOSED, FLUSH_TARGET, FLUSHED, STATE
from mplog._ring.ring import Producer
from mplog._session.host import Host
from mplog._session.identity import myself
from mplog._session.link import Link
from mplog._session.orphan import Orphan
from mplog._sinks.limit import Limit


def no_orphan(link: Link) -> Orphan:
    """The owner of these links does not die."""
    raise AssertionError("became an orphan")


class Flushing:
    """An owner without a thread, a link to it, and a thread that waits in `flush`."""

    def __init__(self) -> None:
        self.host = Host(myself())
        self.link = Link(self.host.place, no_orphan, self.host.doorbell)
        for number in range(3):
            self.link.push(1e9, 7, 20, b"%d" % number)
        assert self.link.ring is not None
        self.words = self.link.ring.words
        self.done: list[bool] = []
        self._thread = threading.Thread(target=lambda: self.done.append(self.link.flush(Limit(30))))
        self._thread.start()
        wait_until(lambda: self.words[FLUSH_TARGET] > 0, "flush asks")

    def drain(self) -> None:
        """What the writer does in one turn, with housekeeping."""
        with self.host.writer.mutex:
            self.host.find_rings()
            self.host.drain.round()
            self.host.keep()
            self.host.drain.answer_flushes()

    def end(self) -> None:
        """Drain until the thread has come to its end."""

        def returned() -> bool:
            self.drain()
            return bool(self.done)

        wait_until(returned, "flush returns")
        self._thread.join()


@pytest.fixture
def flushing() -> Iterator[Flushing]:
    found = Flushing()
    try:
        yield found
    finally:
        found.end()
        found.link.close()
        found.host.finish()


class TestThreads:
    def test_a_lower_target_of_another_thread(self, flushing: Flushing) -> None:
        """It does not take the place of the higher one for good."""
        target = flushing.words[FLUSH_TARGET]
        flushing.words[FLUSH_TARGET] = 16
        wait_until(lambda: flushing.words[FLUSH_TARGET] == target, "the target is there again")
        flushing.end()
        assert flushing.done == [True]
        assert flushing.words[FLUSHED] == target

    def test_a_ring_that_another_thread_leaves(self, flushing: Flushing) -> None:
        """Its closed ring is kept until the flush is answered, also when a sink is slow."""
        slow: list[Callable[[], bool]] = []
        drain = flushing.host.drain
        answer = drain.answer_flushes
        drain.answer_flushes = lambda: bool(slow) or answer()  # type: ignore[method-assign]  # a sink takes its time
        slow.append(lambda: True)
        flushing.words[STATE] = CLOSED
        for _ in range(3):
            flushing.drain()
        assert not flushing.done
        assert flushing.host.drain.sources
        slow.clear()
        flushing.end()
        assert flushing.done == [True]


def test_the_end_comes_while_others_log() -> None:
    """What is published after the owner has begun to finish does not keep it: each record here is followed by one."""
    host = Host(myself())
    link = Link(host.place, no_orphan, host.doorbell)
    drain = host.drain
    one_round, rounds = drain.round, 0

    def another(*, everything: bool = False) -> int:
        nonlocal rounds
        rounds += 1
        assert rounds < 1000, "the end never comes"
        found = one_round(everything=everything)
        link.push(1e9, 7, 20, b"more")
        return found

    link.push(1e9, 7, 20, b"first")
    drain.round = another  # type: ignore[method-assign]  # a producer that never rests
    assert host.writer.finish(Limit(30))
    assert rounds == 1
    drain.round = one_round  # type: ignore[method-assign]  # as it was
    link.close()
    host.finish()


def test_in_a_handler_that_interrupts_a_push(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing there waits for the thread that takes over, which waits for that push."""
    host = Host(myself())
    link = Link(host.place, no_orphan, host.doorbell)
    link.push(1e9, 7, 20, b"1")
    assert link.ring is not None
    monkeypatch.setattr(Producer, "interrupted", True)
    held, done = threading.Event(), threading.Event()
    in_time: list[bool] = []

    def take_over() -> None:
        with link.membership._mutex:
            held.set()
            in_time.append(done.wait(10))

    thread = threading.Thread(target=take_over)
    thread.start()
    try:
        assert held.wait(10)
        assert not link.flush(Limit(30))
        assert link.account().emitted == 1
        assert link.oldest() is not None
    finally:
        done.set()
        thread.join()
        assert in_time == [True]
        monkeypatch.undo()
        link.close()
        host.finish()
