"""A signal handler at every single place of a push: what it logs is published when it returns, and nothing it raises
leaves the ring locked or out of step."""

from __future__ import annotations

import contextlib

import pytest
from interrupting import Interruption, at_every_place, in_a_thread, interrupt

from mplog._ring import layout
from mplog._ring.ring import Producer, Reader, split_views

CAPACITY = 1024
FILLED = [0, 21, 22, 23]
"""Records before: none; so many that the one that is interrupted, or the one of the handler, goes behind the wrap."""


class Ends:
    """The two ends of a small ring that has had *count* records, of which the last two are unread."""

    def __init__(self, count: int, *, checked: bool) -> None:
        self.words, data = split_views(memoryview(bytearray(layout.HEADER_BYTES + CAPACITY)))
        self.producer = Producer(self.words, data, checked=checked, reserve=0)
        self.reader = Reader(self.words, data, checked=checked)
        for number in range(count):
            assert self.push(b"%d" % number)
            if number < count - 2:
                self.read()

    def push(self, body: bytes) -> bool:
        """Publish a record."""
        return self.producer.push(0.0, 1, 20, body)

    def read(self) -> list[bytes]:
        """Everything that can be read now, and is released."""
        found = [entry[7] for entry in self.reader.read(0)]
        self.reader.release(self.reader.position)
        return found

    def assert_free(self, where: str) -> None:
        """Another thread can push."""
        in_a_thread(lambda: self.push(b"other"), where)


@pytest.mark.parametrize("checked", [True, False], ids=["checked", "unchecked"])
class TestPush:
    @pytest.mark.parametrize("count", FILLED)
    def test_what_a_handler_logs_is_published_at_once(self, count: int, checked: bool) -> None:
        """Whatever place it interrupts: its record can be read when its call returns, and the other one in the end."""

        def attempt(interruption: Interruption) -> None:
            ends = Ends(count, checked=checked)
            at_once: list[bytes] = []

            def handler() -> None:
                assert ends.push(b"handler")
                at_once.extend(ends.read())

            interruption.run(lambda: ends.push(b"outer"), handler)
            if not interruption.came:
                return
            assert b"handler" in at_once, interruption.where
            assert ends.push(b"after")
            found = at_once + ends.read()
            assert found[-1] == b"after", interruption.where
            assert sorted(found[-3:]) == [b"after", b"handler", b"outer"], interruption.where
            assert ends.producer.count == count + 3

        assert at_every_place([Producer], attempt, each="opcode") > 60

    @pytest.mark.parametrize("count", FILLED)
    def test_what_a_handler_logs_is_left_as_it_is(self, count: int, checked: bool) -> None:
        """The call that it has interrupted stores nothing where the handler's record stands, which is read later."""

        def attempt(interruption: Interruption) -> None:
            ends = Ends(count, checked=checked)
            interruption.run(lambda: ends.push(b"outer, the longer one of both"), lambda: ends.push(b"handler"))
            if interruption.came:
                assert sorted(ends.read()[-2:]) == [b"handler", b"outer, the longer one of both"], interruption.where

        assert at_every_place([Producer], attempt, each="opcode") > 60

    @pytest.mark.parametrize("count", FILLED)
    def test_what_a_handler_raises_leaves_the_ring_usable(self, count: int, checked: bool) -> None:
        """Also for other threads: the mutex is free, and what has been counted can be read."""

        def attempt(interruption: Interruption) -> None:
            ends = Ends(count, checked=checked)
            with contextlib.suppress(KeyboardInterrupt):
                interruption.run(lambda: ends.push(b"outer"), interrupt)
            ends.assert_free(interruption.where)
            assert not ends.producer.interrupted, interruption.where
            assert ends.push(b"after")
            found = ends.read()
            assert found[-2:] == [b"other", b"after"], interruption.where
            assert found.count(b"outer") == ends.producer.count - count - 2, interruption.where
            assert ends.words[layout.TAIL] == ends.reader.position

        assert at_every_place([Producer], attempt, each="opcode") > 60

    def test_a_handler_that_takes_the_ring_over_finds_all_that_is_in_it(self, checked: bool) -> None:
        """The push that it has interrupted is refused, as all later ones, or was complete."""

        def attempt(interruption: Interruption) -> None:
            ends = Ends(0, checked=checked)
            taken: list[list[bytes]] = []
            pushed: list[bool] = []

            def handler() -> None:
                ends.producer.seal()
                taken.append(ends.read())

            interruption.run(lambda: pushed.append(ends.push(b"outer")), handler)
            if interruption.came:
                assert taken == [[b"outer"] * pushed[0]], interruption.where
                assert not ends.read(), interruption.where
                assert not ends.push(b"after")

        assert at_every_place([Producer.push], attempt, each="opcode") > 60


def test_one_that_raises_while_another_one_logs() -> None:
    """Ctrl-C in the middle of a handler's call, which came in the middle of another call: the mutex is free."""
    ends = Ends(0, checked=True)

    class Interrupting(bytes):
        def __len__(self) -> int:
            assert ends.push(b"handler")
            return super().__len__()

    def attempt(interruption: Interruption) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            interruption.run(lambda: ends.push(Interrupting(b"outer")), interrupt)
        ends.assert_free(interruption.where)
        ends.read()

    assert at_every_place([Producer], attempt, each="opcode") > 60
