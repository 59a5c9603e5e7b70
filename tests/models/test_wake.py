"""A model of the sleep handshake: no published record waits behind a sleeping writer, in any interleaving.

Explicit states, all of them: a producer publishes two records, a writer drains and sleeps. Each process has a store
buffer, so a load may overtake an earlier store, as x86 allows. The fences of queue.md 3.7 empty the buffer; in pure
Python the release of the ring's mutex and the interpreter's own locks stand in for them, and the ceiling of every
sleep is the net. Each omission is a mutant that must reach the bad state.

The model is of total store order. That weaker machines behave is not shown here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

RECORDS = 2


class State(NamedTuple):
    """Memory, both store buffers, both program counters, and what the writer has drained."""

    tail: int = 0
    asleep: int = 0
    bell: int = 0
    producer_stores: tuple[tuple[str, int], ...] = ()
    writer_stores: tuple[tuple[str, int], ...] = ()
    producer_at: str = "publish"
    published: int = 0
    writer_at: str = "drain"
    drained: int = 0


class Rules(NamedTuple):
    """Which parts of the handshake are there."""

    producer_fence: bool = True
    writer_fence: bool = True
    recheck: bool = True


def load(state: State, stores: tuple[tuple[str, int], ...], name: str) -> int:
    """What a process reads: its own latest buffered store, else memory."""
    for stored, value in reversed(stores):
        if stored == name:
            return value
    return int(getattr(state, name))


def flushed(state: State, which: str) -> Iterator[State]:
    """The oldest buffered store of one process reaches memory."""
    stores = getattr(state, which)
    if stores:
        name, value = stores[0]
        yield state._replace(**{name: value, which: stores[1:]})


def producer(state: State, rules: Rules) -> Iterator[State]:
    """publish; fence; look at asleep; ring."""
    stores = state.producer_stores
    if state.producer_at == "publish" and state.published < RECORDS:
        number = state.published + 1
        yield state._replace(producer_stores=(*stores, ("tail", number)), published=number, producer_at="fence")
    elif state.producer_at == "fence":
        if not rules.producer_fence or not stores:
            yield state._replace(producer_at="look")
    elif state.producer_at == "look":
        rings = load(state, stores, "asleep")
        yield state._replace(producer_at="ring" if rings else "publish")
    elif state.producer_at == "ring":
        yield state._replace(bell=1, producer_at="publish")


def writer(state: State, rules: Rules) -> Iterator[State]:
    """drain; asleep = 1; fence; look again; wait for the bell; asleep = 0."""
    stores = state.writer_stores
    tail = load(state, stores, "tail")
    if state.writer_at == "drain":
        yield state._replace(drained=tail, writer_at="say")
    elif state.writer_at == "say":
        yield state._replace(writer_stores=(*stores, ("asleep", 1)), writer_at="fence")
    elif state.writer_at == "fence":
        if not rules.writer_fence or not stores:
            yield state._replace(writer_at="look" if rules.recheck else "wait")
    elif state.writer_at == "look":
        yield state._replace(writer_at="wait" if tail == state.drained else "wake")
    elif state.writer_at == "wait":
        if state.bell:
            yield state._replace(bell=0, writer_at="wake")
    elif state.writer_at == "wake":
        yield state._replace(writer_stores=(*stores, ("asleep", 0)), writer_at="drain")


def reachable(rules: Rules) -> set[State]:
    """Every state that some interleaving reaches."""
    seen = {State()}
    todo = [State()]
    while todo:
        state = todo.pop()
        for following in (
            *producer(state, rules),
            *writer(state, rules),
            *flushed(state, "producer_stores"),
            *flushed(state, "writer_stores"),
        ):
            if following not in seen:
                seen.add(following)
                todo.append(following)
    return seen


def is_lost(state: State) -> bool:
    """The producer has done all it ever will, and the writer waits for a bell that nobody rings."""
    return (
        state.published == RECORDS
        and state.producer_at == "publish"
        and not state.producer_stores
        and not state.writer_stores
        and state.writer_at == "wait"
        and not state.bell
        and state.drained < state.tail
    )


def test_no_wake_up_is_lost() -> None:
    """With both fences and the second look, a sleeping writer with an unread record has a bell in flight."""
    states = reachable(Rules())

    assert len(states) > 100
    assert not [state for state in states if is_lost(state)]


@pytest.mark.parametrize(
    "rules",
    [Rules(producer_fence=False), Rules(writer_fence=False), Rules(recheck=False)],
    ids=["no producer fence", "no writer fence", "no second look"],
)
def test_each_omission_loses_a_wake_up(rules: Rules) -> None:
    """The model sees the difference: without any one of the three parts a record can wait for ever."""
    assert [state for state in reachable(rules) if is_lost(state)]
