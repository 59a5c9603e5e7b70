"""A model of the file commit: each record is in the files once, whoever is killed at whichever step.

It stands for `FileSink.commit`, `Slot`, `take_back`, the lock of `renewal.rotate`, and for `write_rest` and
`settle_intent` of recovery. An owner drains the rings of two workers in one batch and dies; each worker that lives
takes its own ring over, and the next program recovers the rings of those that do not. All of them use the slot of the
dead session. Any of them may be killed between any two steps, and a stranger that knows no locks appends once, at any
time. The order of records in the batch is the order of their stamps: a0, b0, a1.

A file holds symbols: a record, the first half of one, or the stranger's line. With rotation it holds one record, and
its lock changes from file to file: between the two somebody else may have it. Left out: writers that take part in the
lock and append text equal to what a dead session promised, which nobody can tell apart from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import pytest

BATCH: Final = ((0, 1, "a0"), (1, 1, "b0"), (0, 2, "a1"))
"""All records by stamp: ring, end position, symbol."""

TAILS: Final = (2, 1)
FOREIGN: Final = "foreign"


class Rules(NamedTuple):
    """Which parts of the commit are there."""

    rotates: bool = False
    foreign: bool = False
    stops: bool = False
    """The owner ends while it lives, and has not found the ring b, whose worker takes it over meanwhile."""

    mark_done: bool = True
    promise_first: bool = True
    two_banks: bool = True
    heads_last: bool = True
    settle: bool = True
    settle_after_gap: bool = True
    ask_others: bool = True
    start_from_slot: bool = True
    proof: bool = True
    keep_whole: bool = True
    lock: bool = True


class Promise(NamedTuple):
    """One bank of the slot."""

    number: int
    file: int
    offset: int
    records: tuple[tuple[int, int, str], ...]
    ends: tuple[int, int]


class Slot(NamedTuple):
    """The slot of the session for this file."""

    intent: int = 0
    done: int = 0
    banks: tuple[Promise | None, Promise | None] = (None, None)

    def bank(self, number: int) -> Promise | None:
        """The promise with this number, if its bank still has it."""
        found = self.banks[number % 2]
        return found if found is not None and found.number == number else None

    def ends(self) -> tuple[int, int]:
        """How far the last promise that was kept says that each ring has come."""
        kept = self.bank(self.done) if self.done else None
        return kept.ends if kept is not None else (0, 0)


class Actor(NamedTuple):
    """One process, and how far it is."""

    name: str
    rings: tuple[int, ...] = ()
    at: str = "wait"
    todo: tuple[tuple[int, int, str], ...] = ()
    part: tuple[tuple[int, int, str], ...] = ()
    ends: tuple[int, int] = (0, 0)
    """What it remembers of all rings."""

    everything: bool = False


class State(NamedTuple):
    """All that survives a process, and the processes."""

    files: tuple[tuple[str, ...], ...] = ((),)
    named: bool = True
    """Whether the path names the last file; not so between a rename and the next open."""

    lock: str = ""
    slot: Slot | None = Slot()
    heads: tuple[int, int] = (0, 0)
    ring_locks: tuple[str, str] = ("", "")
    stranger: bool = False
    """Whether the stranger has still to append."""

    actors: tuple[Actor, ...] = (Actor("owner"), Actor("a"), Actor("b"), Actor("next"))


OWNER, NEXT = 0, 3


def moved(state: State, index: int, actor: Actor, **changes: object) -> State:
    """*state* with one actor further."""
    actors = (*state.actors[:index], actor, *state.actors[index + 1 :])
    return state._replace(actors=actors, **changes)  # type: ignore[arg-type]  # fields of State


def put(pair: tuple[int, int], ring: int, value: int) -> tuple[int, int]:
    """*pair* with another number for *ring*."""
    return (value, pair[1]) if ring == 0 else (pair[0], value)


def is_alive(actor: Actor) -> bool:
    """Whether a process is there: it may be through with its work."""
    return actor.at != "dead"


def rings_of(state: State, index: int, rules: Rules) -> tuple[int, ...] | None:
    """The rings that an actor takes when it begins; None while it does not begin."""
    owner_dead = not is_alive(state.actors[OWNER])
    free = [ring for ring in (0, 1) if not state.ring_locks[ring]]
    if index == OWNER:
        return (0,) if rules.stops else (0, 1)
    if not owner_dead and not (rules.stops and index == 2):
        return None
    if index != NEXT:
        # It waits for the lock of its own ring.
        return (index - 1,) if index - 1 in free else None
    if state.slot is None:
        return None
    return tuple(ring for ring in free if not rules.proof or not is_alive(state.actors[1 + ring]))


def steps(state: State, index: int, rules: Rules) -> Iterator[State]:
    """What one actor may do next."""
    actor = state.actors[index]
    slot = state.slot if state.slot is not None else Slot()
    if actor.at == "wait":
        rings = rings_of(state, index, rules)
        if rings is not None:
            locks = tuple(actor.name if ring in rings else state.ring_locks[ring] for ring in (0, 1))
            everything = len(rings) == 2
            yield moved(
                state, index, actor._replace(at="lock", rings=rings, everything=everything), ring_locks=locks, slot=slot
            )
    elif actor.at in ("lock", "relock"):
        if not state.lock or not rules.lock:
            files = state.files if state.named else (*state.files, ())
            after = "settle" if actor.at == "lock" or rules.settle_after_gap else "room"
            yield moved(state, index, actor._replace(at=after), files=files, named=True, lock=actor.name)
    elif actor.at == "settle":
        yield from settle(state, index, rules, slot)
    elif actor.at == "take back":
        following = "room" if actor.todo else "read"
        yield moved(state, index, actor._replace(at=following), slot=slot._replace(intent=slot.done))
    elif actor.at == "shrunk":
        following = "room" if actor.todo else "read"
        yield moved(state, index, actor._replace(at=following), slot=slot._replace(done=slot.intent))
    elif actor.at == "read":
        ends = slot.ends() if rules.start_from_slot else (0, 0)
        starts = tuple(max(state.heads[ring], ends[ring]) for ring in (0, 1))
        todo = tuple(record for record in BATCH if record[0] in actor.rings and record[1] > starts[record[0]])
        heads = state.heads
        if index == OWNER and not rules.heads_last:
            heads = TAILS
        known = (max(ends[0], starts[0]), max(ends[1], starts[1]))
        yield moved(state, index, actor._replace(at="room" if todo else "release", todo=todo, ends=known), heads=heads)
    elif actor.at == "room":
        if rules.rotates and state.files[-1]:
            yield moved(state, index, actor._replace(at="open"), named=False, lock="")
        else:
            part = actor.todo[:1] if rules.rotates else actor.todo
            yield moved(state, index, actor._replace(at="promise" if rules.promise_first else "write", part=part))
    elif actor.at == "open":
        files = state.files if state.named else (*state.files, ())
        yield moved(state, index, actor._replace(at="relock"), files=files, named=True)
    elif actor.at == "promise":
        ends = actor.ends
        if rules.ask_others:
            ends = tuple(actor.ends[ring] if ring in actor.rings else slot.ends()[ring] for ring in (0, 1))  # type: ignore[assignment]  # it is a pair
        for ring, end, _ in actor.part:
            ends = put(ends, ring, end)
        number = slot.intent + 1
        offset = len(state.files[-1])
        if not rules.promise_first:
            offset -= len(actor.part)
        promise = Promise(number, len(state.files) - 1, offset, actor.part, ends)
        banks = (slot.banks[0], promise) if number % 2 and rules.two_banks else (promise, slot.banks[1])
        if not rules.two_banks:
            banks = (promise, promise)
        yield moved(state, index, actor._replace(at="say", ends=ends), slot=slot._replace(banks=banks))
    elif actor.at == "say":
        following = "write" if rules.promise_first else "done"
        yield moved(state, index, actor._replace(at=following), slot=slot._replace(intent=slot.intent + 1))
    elif actor.at in ("write", "half"):
        symbols = [symbol for _, _, symbol in actor.part]
        if actor.at == "write":
            # What a killed write leaves: some records, and perhaps a half of the next.
            for count in range(len(symbols)):
                for half in ([], [f"{symbols[count]}~"]):
                    if count or half:
                        yield appended(state, index, actor._replace(at="dying"), [*symbols[:count], *half])
        following = "done" if rules.promise_first else "promise"
        yield appended(state, index, actor._replace(at=following), symbols)
    elif actor.at == "done":
        todo = actor.todo[len(actor.part) :]
        done = slot._replace(done=slot.intent) if rules.mark_done else slot
        yield moved(state, index, actor._replace(at="room" if todo else "release", todo=todo, part=()), slot=done)
    elif actor.at == "release":
        yield moved(state, index, actor._replace(at="heads"), lock="")
    elif actor.at == "heads":
        yield from finish(state, index, actor)
    elif actor.at == "forget":
        yield moved(state, index, actor._replace(at="end"), heads=TAILS)


def appended(state: State, index: int, actor: Actor, symbols: list[str]) -> State:
    """One write to the current file."""
    content = (*state.files[-1], *symbols)
    return moved(state, index, actor, files=(*state.files[:-1], content))


def finish(state: State, index: int, actor: Actor) -> Iterator[State]:
    """The batch is in the file: heads move one by one, or the next program removes slot and session."""
    if index == NEXT:
        if actor.everything:
            yield moved(state, index, actor._replace(at="forget"), slot=None)
        else:
            locks = tuple("" if holder == actor.name else holder for holder in state.ring_locks)
            yield moved(state, index, actor._replace(at="wait"), ring_locks=locks)
        return
    left = [ring for ring in actor.rings if state.heads[ring] < TAILS[ring]]
    if left:
        yield moved(state, index, actor, heads=put(state.heads, left[0], TAILS[left[0]]))
    else:
        yield moved(state, index, actor._replace(at="end"))


def settle(state: State, index: int, rules: Rules, slot: Slot) -> Iterator[State]:
    """Keep or take back the promise of a dead process."""
    actor = state.actors[index]
    following = actor._replace(at="room" if actor.todo else "read")
    if slot.intent <= slot.done:
        yield moved(state, index, following)
        return
    promise = slot.bank(slot.intent)
    if (
        promise is None
        or promise.file != len(state.files) - 1
        or any(end <= state.heads[ring] for ring, end, _ in promise.records)
        or not rules.settle
    ):
        yield moved(state, index, actor._replace(at="take back"))
        return
    content = state.files[-1]
    there = content[promise.offset :]
    symbols = tuple(symbol for _, _, symbol in promise.records)
    if any(there[at : at + len(symbols)] == symbols for at in range(len(there) + 1)):
        yield moved(state, index, actor._replace(at="shrunk"))
        return
    for at in range(len(there)):
        rest = there[at:]
        if rest == partial(symbols, len(rest), rest[-1]):
            files = (*state.files[:-1], content[: promise.offset + at])
            yield moved(state, index, actor._replace(at="take back"), files=files)
            return
    kept = 0
    while kept < min(len(there), len(symbols)) and there[kept] == symbols[kept]:
        kept += 1
    if kept and rules.keep_whole:
        # Somebody has written behind a part of it: what is whole there stays, and is what was promised.
        starts = slot.ends()
        ends = starts
        for ring, end, _ in promise.records[:kept]:
            ends = put(ends, ring, end)
        small = promise._replace(records=promise.records[:kept], ends=ends)
        banks = (slot.banks[0], small) if promise.number % 2 else (small, slot.banks[1])
        yield moved(state, index, actor._replace(at="shrunk"), slot=slot._replace(banks=banks))
    else:
        yield moved(state, index, actor._replace(at="take back"))


def partial(symbols: tuple[str, ...], count: int, last: str) -> tuple[str, ...]:
    """The first *count* symbols of a batch, with a half at the end when *last* is one."""
    if count > len(symbols):
        return ()
    return (*symbols[: count - 1], f"{symbols[count - 1]}~") if last.endswith("~") else symbols[:count]


def killed(state: State, index: int) -> State:
    """A process dies, and the kernel gives its locks back."""
    name = state.actors[index].name
    locks = tuple("" if holder == name else holder for holder in state.ring_locks)
    lock = "" if state.lock == name else state.lock
    # The next program is started again.
    at = "wait" if index == NEXT else "dead"
    return moved(state, index, Actor(name, at=at), ring_locks=locks, lock=lock)


def following(state: State, rules: Rules) -> Iterator[State]:
    """Every state that is one step further."""
    for index, actor in enumerate(state.actors):
        if actor.at != "dead":
            yield from steps(state, index, rules)
            if actor.at != "wait" or index != NEXT:
                yield killed(state, index)
    if state.stranger and state.named:
        yield state._replace(stranger=False, files=(*state.files[:-1], (*state.files[-1], FOREIGN)))


def is_over(state: State) -> bool:
    """Whether all that can be written has been: every worker is through or dead, and the next program has recovered."""
    owner, a, b, successor = state.actors
    recovered = successor.at == "end" or state.slot is None
    if owner.at == "end":
        return {a.at, b.at} <= {"wait", "end"} and state.heads == TAILS
    return owner.at == "dead" and all(actor.at == "end" or (actor.at == "dead" and recovered) for actor in (a, b))


def faults(state: State) -> list[str]:
    """What is wrong in *state*: a record twice, or one that is missing or torn when all is over."""
    symbols = [symbol for content in state.files for symbol in content]
    found = [f"{symbol} is doubled" for _, _, symbol in BATCH if symbols.count(symbol) > 1]
    if is_over(state):
        found += [f"{symbol} is lost" for _, _, symbol in BATCH if symbol not in symbols]
        for content in state.files:
            torn = [at for at, symbol in enumerate(content) if symbol.endswith("~")]
            found += [f"{content[at]} stays" for at in torn if content[at + 1 : at + 2] != (FOREIGN,)]
    return found


def explore(rules: Rules, *, stop: bool = False) -> tuple[int, set[str]]:
    """How many states some interleaving reaches, and what is wrong in any; *stop* at the first that is wrong."""
    begin = State(stranger=rules.foreign)
    seen = {begin}
    todo = [begin]
    wrong: set[str] = set()
    while todo:
        state = todo.pop()
        for after in following(state, rules):
            if after in seen:
                continue
            seen.add(after)
            bad = faults(after)
            wrong.update(bad)
            if bad and stop:
                return len(seen), wrong
            if not bad:
                todo.append(after)
    return len(seen), wrong


@pytest.mark.parametrize(
    "rules",
    [Rules(), Rules(rotates=True), Rules(foreign=True), Rules(stops=True), Rules(stops=True, rotates=True)],
    ids=["plain", "rotated", "foreign", "stopping", "stopping and rotated"],
)
def test_each_record_is_there_once(rules: Rules) -> None:
    """Whoever dies where, with rotations between the records and with a stranger in the file."""
    count, wrong = explore(rules)

    assert count > 1000
    assert not wrong


@pytest.mark.parametrize(
    ("rules", "fault"),
    [
        (Rules(mark_done=False), "is doubled"),
        (Rules(promise_first=False), "is doubled"),
        (Rules(heads_last=False), "is lost"),
        (Rules(settle=False), "is doubled"),
        (Rules(start_from_slot=False), "is doubled"),
        (Rules(two_banks=False, rotates=True), "is doubled"),
        (Rules(proof=False), "is doubled"),
        (Rules(lock=False), "is doubled"),
        (Rules(ask_others=False, rotates=True), "is doubled"),
        (Rules(ask_others=False, stops=True, rotates=True), "is doubled"),
        (Rules(settle_after_gap=False, rotates=True), "is doubled"),
        (Rules(keep_whole=False, foreign=True), "is doubled"),
    ],
    ids=[
        "done mark left out",
        "promised after writing",
        "heads moved before done",
        "promises of the dead ignored",
        "slots of the dead ignored",
        "one bank",
        "takeover without proof of death",
        "no lock of the file",
        "others remembered and not asked again",
        "an owner that stops forgets who has taken over",
        "not settled again after the lock has changed",
        "whole records before a torn one repeated",
    ],
)
def test_each_omission_is_seen(rules: Rules, fault: str) -> None:
    """The model sees the difference: without any one of these parts a record is lost or doubled."""
    _, wrong = explore(rules, stop=True)

    assert any(text.endswith(fault) for text in wrong), wrong
