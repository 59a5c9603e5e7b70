"""A model of how writers change over to a lock that nobody else can take: never do two of them write at once.

Explicit states, all of them: two writers, and a neighbour who may take the lock of the file, give it back, and say that
the private lock counts, whenever he likes. That a writer has looked less than NOTICE ago is a belief, which may end at
any moment, and has ended when somebody has waited for NOTICE. Each omission is a mutant that must reach the bad state.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

NEIGHBOUR = 2


class Writer(NamedTuple):
    """One writer: where it is, whether it takes the private lock, what it has said and what it believes."""

    at: str = "out"
    private: bool = False
    said: bool = False
    believes: bool = False


class State(NamedTuple):
    """Who has which lock, and everybody's own state."""

    file: int | None = None
    private: int | None = None
    writers: tuple[Writer, Writer] = (Writer(), Writer())
    neighbour_said: bool = False


class Rules(NamedTuple):
    """Which parts of the way are there."""

    look: bool = True
    wait: bool = True
    second_look: bool = True
    wait_held: bool = True


def with_writer(state: State, which: int, **changes: object) -> State:
    """The state with one writer changed."""
    writers = list(state.writers)
    writers[which] = writers[which]._replace(**changes)  # type: ignore[arg-type]  # names of the fields, by hand
    return state._replace(writers=(writers[0], writers[1]))


def neighbour(state: State) -> Iterator[State]:
    """Who may read the file."""
    yield state._replace(neighbour_said=not state.neighbour_said)
    if state.file is None:
        yield state._replace(file=NEIGHBOUR)
    elif state.file == NEIGHBOUR:
        yield state._replace(file=None)


def writer(state: State, mine: int, rules: Rules) -> Iterator[State]:
    """take; look; write; give back; and the ways to the private lock."""
    me, other = state.writers[mine], state.writers[1 - mine]
    if me.believes:
        yield with_writer(state, mine, believes=False)
    if me.at == "out" and me.private:
        if state.private is None:
            yield with_writer(state._replace(private=mine), mine, at="writes")
        # It closes the file, and opens it again.
        yield with_writer(state, mine, private=False, said=False, believes=False)
    elif me.at == "out":
        if state.file is None:
            yield with_writer(state._replace(file=mine), mine, at="has")
        elif state.file == NEIGHBOUR:
            yield with_writer(state, mine, at="waits", said=True)
    elif me.at == "has":
        if me.believes or not rules.look:
            yield with_writer(state, mine, at="writes")
        elif other.said or state.neighbour_said:
            yield with_writer(state, mine, at="waits with it", said=True)
        else:
            yield with_writer(state, mine, at="writes", believes=True)
    elif me.at == "waits":
        if not other.believes or not rules.wait:
            yield with_writer(state, mine, at="looks again")
    elif me.at == "looks again":
        if state.file == NEIGHBOUR or not rules.second_look:
            yield with_writer(state, mine, at="out", private=True)
        else:
            yield with_writer(state, mine, at="out", said=False)
    elif me.at == "waits with it":
        if not other.believes or not rules.wait_held:
            yield with_writer(state._replace(file=None), mine, at="out", private=True)
    elif me.at == "writes":
        given = state._replace(private=None) if me.private else state._replace(file=None)
        yield with_writer(given, mine, at="out")


def reached(rules: Rules) -> set[State]:
    """All states."""
    found, todo = {State()}, [State()]
    while todo:
        state = todo.pop()
        for following in (*neighbour(state), *writer(state, 0, rules), *writer(state, 1, rules)):
            if following not in found:
                found.add(following)
                todo.append(following)
    return found


def both_write(state: State) -> bool:
    """The bad state."""
    return all(each.at == "writes" for each in state.writers)


def test_never_two_at_once() -> None:
    """Whatever the neighbour does, and whenever."""
    states = reached(Rules())
    assert not any(map(both_write, states))
    for private in (False, True):
        assert any(each.at == "writes" and each.private is private for state in states for each in state.writers)


@pytest.mark.parametrize("omitted", Rules._fields)
def test_nothing_can_be_left_out(omitted: str) -> None:
    """Without any one of the rules two write at once."""
    assert any(map(both_write, reached(Rules()._replace(**{omitted: False}))))
