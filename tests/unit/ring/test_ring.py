"""The ring: what is published is read once, in order, whole; nothing else is ever accepted."""

from __future__ import annotations

import random
import sys
import threading
from collections import deque
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mplog._ring import layout
from mplog._ring.ring import Producer, Reader, RingCorrupt, split_views

CAPACITY = 4096


def make(capacity: int = CAPACITY) -> tuple[memoryview, memoryview]:
    """Header words and record area of an empty ring in plain memory."""
    return split_views(memoryview(bytearray(layout.HEADER_BYTES + capacity)))


@pytest.fixture(params=[True, False], ids=["checked", "unchecked"])
def ends(request: pytest.FixtureRequest) -> Ends:
    """The two ends of a ring with checksums, or without as on machines that store in order."""
    words, data = make()
    return Ends(words, data, checked=request.param)


class Ends:
    """One ring and its two ends."""

    def __init__(self, words: memoryview, data: memoryview, *, checked: bool) -> None:
        self.words, self.data, self.checked = words, data, checked
        self.producer = Producer(words, data, checked=checked)
        self.reader = Reader(words, data, checked=checked)


def reader_count(reader: Reader) -> int:
    """How many records the reader has read."""
    expected = reader._seq
    assert expected is not None
    return expected - 1


def bodies(entries: list[Any]) -> list[bytes]:
    """What the records carried."""
    return [entry[7] for entry in entries]


class TestPublishing:
    def test_records_arrive_whole_and_in_order(self, ends: Ends) -> None:
        """Everything published is read once, with its time, route and level."""
        producer, reader = ends.producer, ends.reader

        assert producer.push(1.5, 7, 20, b"first")
        assert producer.push(2.5, 8, 30, b"")

        first, second = reader.read(3)
        assert (3, layout.LOG, 7, 20, 1.5, b"first") == (first[1], *first[3:])
        assert (8, 30, 2.5, b"") == second[4:]
        assert [] == reader.read(3)

    def test_what_is_unread_is_counted(self, ends: Ends) -> None:
        """Around the wrap and its padding, too; the oldest is the first that is not released."""
        producer, reader = ends.producer, ends.reader
        for number in range(500):
            pushed = 0
            while pushed < number % 7 and producer.push(0.0, 1, 40, b"x" * (number % 300)):
                pushed += 1
            assert reader.count_unread() == pushed == producer.count - reader_count(reader)
            oldest = reader.oldest()
            entries = reader.read(0)
            assert oldest == (entries[0][0] if entries else None)
            assert reader.oldest() == oldest
            reader.release(reader.position)
            assert reader.count_unread() == 0
            assert reader.oldest() is None

    def test_full_ring_refuses_and_changes_nothing(self, ends: Ends) -> None:
        """Without room push returns False, and what is in the ring stays as it is."""
        words, producer, reader = ends.words, ends.producer, ends.reader
        pushed = 0
        while producer.push(0.0, 1, 20, b"x" * 100):
            pushed += 1
        tail = words[layout.TAIL]

        assert not producer.push(0.0, 1, 20, b"x" * 100)
        assert tail == words[layout.TAIL]
        assert pushed == len(reader.read(0))

    def test_reserve_is_kept_for_warnings(self, ends: Ends) -> None:
        """The last eighth takes warnings when it takes no info any more."""
        words, data = make()
        producer = Producer(words, data)
        while producer.push(0.0, 1, 20, b"x" * 100):
            pass

        assert producer.push(0.0, 1, 30, b"x" * 100)

    def test_released_space_is_used_again(self, ends: Ends) -> None:
        """Head moving makes room, also across the wrap, for thousands of laps."""
        producer, reader = ends.producer, ends.reader
        rng = random.Random(1)
        sent: list[bytes] = []
        got: list[bytes] = []
        for number in range(20_000):
            body = bytes([number % 251]) * rng.choice((0, 1, 7, 8, 9, 100, 500))
            if not producer.push(0.0, 1, 30, body):
                got += bodies(reader.read(0))
                reader.release(reader.position)
                assert producer.push(0.0, 1, 30, body)
            sent.append(body)
        got += bodies(reader.read(0))

        assert sent == got

    def test_interrupting_push_of_the_same_thread_is_published(self, ends: Ends) -> None:
        """A push from inside a push (signal handler, __del__) neither deadlocks nor gets lost."""
        producer, reader = ends.producer, ends.reader

        class Interrupting(bytes):
            def __len__(self) -> int:
                producer.push(0.0, 1, 20, b"nested")
                return super().__len__()

        assert producer.push(0.0, 1, 20, Interrupting(b"outer"))
        assert [b"nested", b"outer"] == bodies(reader.read(0))

    def test_threads_share_one_ring(self) -> None:
        """Records of several threads do not tear or vanish, and each thread's keep their order."""
        words, data = make(1 << 20)
        producer, reader = Producer(words, data), Reader(words, data)

        def log(thread: int) -> None:
            for number in range(1000):
                assert producer.push(0.0, thread, 20, b"%d" % number)

        threads = [threading.Thread(target=log, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        entries = reader.read(0)

        for number in range(4):
            assert [b"%d" % i for i in range(1000)] == [entry[7] for entry in entries if entry[4] == number]
        assert sorted(entry[0] for entry in entries) == [entry[0] for entry in entries]


class TestStoreOrder:
    def test_tail_is_stored_last(self) -> None:
        """Whoever sees the new tail finds the whole record below it: header and payload were stored before."""
        words, data = make()
        stores: list[str] = []

        class Words:
            def __getitem__(self, index: int) -> int:
                return int(words[index])

            def __setitem__(self, index: int, value: int) -> None:
                stores.append("tail" if index == layout.TAIL else str(index))
                reader = Reader(words, data)
                words[index] = value
                assert [b"hi"] == bodies(reader.read(0))

        Producer(Words(), data).push(0.0, 1, 20, b"hi")  # type: ignore[arg-type]  # a recording double

        assert ["tail"] == stores


class TestReading:
    def test_horizon_holds_young_records_back(self) -> None:
        """Records younger than the horizon stay for the next read."""
        words, data = make()
        producer, reader = Producer(words, data), Reader(words, data)
        producer.push(0.0, 1, 20, b"old")
        stamp = Reader(words, data).read(0)[0][0]
        producer.push(0.0, 1, 20, b"young")

        assert [b"old"] == bodies(reader.read(0, stamp))
        assert [b"young"] == bodies(reader.read(0))

    def test_next_reader_goes_on_from_head(self) -> None:
        """Whoever takes a ring over reads what was not released, and nothing of what was."""
        words, data = make()
        producer, reader = Producer(words, data), Reader(words, data)
        for body in (b"a", b"b", b"c"):
            producer.push(0.0, 1, 20, body)
        reader.release(reader.read(0)[0][2])

        assert [b"b", b"c"] == bodies(Reader(words, data).read(0))

    @pytest.mark.parametrize("flip", [*range(9), *range(12, 45)])
    def test_damaged_record_is_not_accepted(self, flip: int) -> None:
        """One changed byte in a record ends the walk before it, wherever it has a meaning."""
        words, data = make()
        producer = Producer(words, data)
        producer.push(0.0, 1, 20, b"whole")
        at = words[layout.TAIL]
        producer.push(0.0, 1, 20, b"hello")
        data[at + flip] ^= 0x41

        try:
            found = bodies(Reader(words, data).read(0))
        except RingCorrupt:
            return
        assert found == [b"whole"]

    def test_unchecked_ring_accepts_only_the_next_number(self) -> None:
        """Without checksums a record is still taken only in its turn, and only as long as its bytes are there."""
        words, data = make()
        producer = Producer(words, data, checked=False)
        producer.push(0.0, 1, 20, b"whole")
        at = words[layout.TAIL]
        producer.push(0.0, 1, 20, b"hello")
        for field, value in ((0, 4000), (0, 3), (4, 7)):
            broken = bytearray(data)
            broken[at + field : at + field + 4] = value.to_bytes(4, sys.byteorder)
            assert [b"whole"] == bodies(Reader(words, memoryview(broken), checked=False).read(0))

    def test_impossible_tail_is_corrupt(self) -> None:
        """A tail that no producer can have stored stops the reader with the values in the text."""
        words, data = make()
        words[layout.TAIL] = 3

        with pytest.raises(RingCorrupt, match="tail 3 "):
            Reader(words, data).read(0)

    @settings(max_examples=200, deadline=None)
    @given(st.binary(min_size=256, max_size=4096), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.booleans())
    @example(bytes(256), 16, 1, False)
    def test_arbitrary_bytes_never_break_the_reader(self, junk: bytes, tail: int, head: int, checked: bool) -> None:
        """Whatever the bytes are, the reader returns or says that the ring is corrupt; it reads nothing outside."""
        words, data = make()
        data[: len(junk)] = junk
        words[layout.HEAD] = head
        words[layout.TAIL] = tail
        assert 0 <= Reader(words, data, checked=checked).count_unread() <= CAPACITY // layout.BODY
        Reader(words, data, checked=checked).oldest()
        try:
            for entry in Reader(words, data, checked=checked).read(0):
                assert len(entry[7]) <= CAPACITY
        except RingCorrupt:
            pass


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(st.integers(0, 1200), st.just(-1)), max_size=200))
def test_ring_behaves_like_a_bounded_queue(steps: list[int]) -> None:
    """Against a deque: any mix of pushes (sizes) and drains (-1) gives the same records."""
    words, data = make()
    producer, reader = Producer(words, data), Reader(words, data)
    model: deque[bytes] = deque()
    for number, step in enumerate(steps):
        if step >= 0:
            body = bytes([number % 256]) * step
            if producer.push(0.0, 1, 30, body):
                model.append(body)
            else:
                assert model, "an empty ring must take a record of this size"
        else:
            assert list(model) == bodies(reader.read(0))
            reader.release(reader.position)
            model.clear()
        assert words[layout.HEAD] <= words[layout.TAIL] <= words[layout.HEAD] + CAPACITY
        assert words[layout.TAIL] % layout.ALIGN == 0
    assert list(model) == bodies(reader.read(0))
