"""A model of a ring's life: made, registered, drained, closed, reclaimed, taken over, recovered; nothing is lost.

It stands for `Link.push` and `attend`, for `Membership.begin`, `close` and `_adopt`, for `Intake.find`, `keep` and
`_reclaim`, for `Host.finish`, `Orphan._take_over`, and for `recovery.recover_slot` and `sweeping.delete`. One worker
logs two records and may end; its owner drains, reclaims and may end; the next program recovers once the owner is gone,
any number of times. Each may be killed between any two steps, and the worker may notice late that its owner is gone.
What happens inside of one commit is in test_commit.py: here a batch is in the file, and said so in the slot, at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import pytest

RECORDS: Final = 2


class Rules(NamedTuple):
    """Which parts of the protocol are there."""

    look_after_link: bool = True
    proof_before_look: bool = True
    ring_lock: bool = True
    commit_before_head: bool = True
    proof_of_death: bool = True
    rings_before_removal: bool = True
    slot_before_late_ring: bool = True


class State(NamedTuple):
    """The ring file, the session, the log file and three processes."""

    # What is on disk.
    session: bool = True
    ring: bool = False
    """Whether the ring has its name in the session's directory."""

    tail: int = 0
    head: int = 0
    closed: bool = False
    slot: int = 0
    """How far the slot says that the ring has come; -1 when there is no slot."""

    stopped: bool = False
    lock: str = ""
    """Who has the ring's kernel lock."""

    written: tuple[int, ...] = (0,) * RECORDS
    """How often each record is in the file."""

    # The worker.
    worker: str = "begin"
    logged: int = 0
    """Records whose call has begun."""

    returned: int = 0
    orphan: bool = False
    adopting: int = 0
    """Where the takeover read the tail."""

    # The owner.
    owner: str = "drain"
    known: bool = False
    read: int = 0
    sure: bool = False

    # The next program.
    successor: str = "wait"
    all_taken: bool = False
    later: bool = False
    """Whether it began when the worker, too, was gone."""


def write(state: State, first: int, last: int) -> tuple[int, ...]:
    """The file with records *first* to *last* once more."""
    return tuple(count + (first <= number < last) for number, count in enumerate(state.written))


def owner_gone(state: State) -> bool:
    """Whether the owner is dead, or has ended its session and given its locks back."""
    return state.owner in ("dead", "end")


def worker_gone(state: State) -> bool:
    """Whether the worker is dead, however it came to it."""
    return state.worker == "dead"


def worker(state: State, rules: Rules) -> Iterator[State]:
    """Make a ring, publish and look, close; or take the ring over and write directly."""
    served = not state.stopped and not owner_gone(state)
    at = state.worker
    if at == "begin":
        yield state._replace(worker="link" if served else "adopt")
    elif at == "link":
        # In a directory that is gone no ring can be made: the worker goes on alone.
        if state.session:
            yield state._replace(worker="linked", ring=True)
        else:
            yield state._replace(worker="adopt")
    elif at == "linked":
        yield state._replace(worker="idle" if served or not rules.look_after_link else "adopt")
    elif at == "idle":
        if state.logged < RECORDS:
            yield state._replace(worker="publish", logged=state.logged + 1)
        else:
            yield state._replace(worker="close")
    elif at == "publish":
        if state.orphan:
            number = state.logged
            yield state._replace(
                worker="idle", written=write(state, number - 1, number), returned=number, tail=max(state.tail, number)
            )
        else:
            yield state._replace(worker="look", tail=state.logged)
    elif at == "look":
        if state.stopped:
            yield state._replace(worker="adopt")
        else:
            yield state._replace(worker="idle", returned=state.logged)
            if owner_gone(state):  # It may notice, if silence has lasted.
                yield state._replace(worker="adopt")
    elif at == "adopt":
        if not state.lock or not rules.ring_lock:
            yield state._replace(worker="take", lock="worker", adopting=state.tail)
    elif at == "take":
        start = max(state.head, state.slot, 0)
        yield state._replace(
            worker="taken", written=write(state, start, state.adopting), slot=max(state.slot, state.adopting)
        )
    elif at == "taken":
        yield state._replace(worker="unlink", head=state.adopting)
    elif at == "unlink":
        yield state._replace(
            worker="idle",
            ring=False,
            lock="",
            orphan=True,
            returned=min(state.logged, state.tail),
        )
    elif at == "close" and not state.orphan:
        yield state._replace(worker="closed", closed=True)
    elif at == "closed":
        yield state._replace(worker="end" if served else "adopt", logged=state.logged)


def owner(state: State, rules: Rules) -> Iterator[State]:
    """Find, drain, commit, move the head, reclaim; or stop and end."""
    at = state.owner
    if at == "drain":
        if state.ring and not state.known and not state.lock:
            yield state._replace(known=True, lock="owner", read=state.head)
        if state.known and state.tail > state.read:
            yield from drained(state, rules, "drain")
        if state.known:
            yield state._replace(owner="prove")
        yield state._replace(owner="stop")
    elif at in ("commit", "last commit"):
        back = "drain" if at == "commit" else "again"
        if rules.commit_before_head:
            yield state._replace(
                owner=f"head, {back}", written=write(state, state.head, state.read), slot=max(state.slot, state.read)
            )
        else:
            yield state._replace(owner=f"file, {back}", head=state.read)
    elif at.startswith("head, "):
        yield state._replace(owner=at[6:], head=state.read)
    elif at.startswith("file, "):
        start = max(state.slot, 0)
        yield state._replace(owner=at[6:], written=write(state, start, state.read), slot=max(state.slot, state.read))
    elif at == "prove":
        # The proof, then the last look at the tail; or the other way round.
        if rules.proof_before_look:
            yield state._replace(owner="sure" if state.closed or worker_gone(state) else "drain")
        else:
            yield state._replace(owner="sure" if state.tail == state.read else "drain")
    elif at == "sure":
        gone = state.closed or worker_gone(state)
        fine = state.tail == state.read if rules.proof_before_look else gone
        if fine:
            yield state._replace(owner="drain", ring=False, lock="", known=False)
        else:
            yield state._replace(owner="drain")
    elif at == "stop":
        # Everything is drained, then the word is stored, then everything is drained again.
        yield state._replace(owner="again", stopped=True)
    elif at == "again":
        # A ring that is new now may be one that its worker has taken over, and died before it moved the head.
        if state.ring and not state.known and not state.lock and (state.slot == 0 or not rules.slot_before_late_ring):
            yield state._replace(known=True, lock="owner", read=state.head)
        elif state.known and state.tail > state.read:
            yield from drained(state, rules, "again")
        else:
            yield state._replace(owner="give up")
    elif at == "give up":
        done = state.known and (state.closed or worker_gone(state)) and state.tail == state.read
        lock = "" if state.lock == "owner" else state.lock
        yield state._replace(owner="leave", known=False, ring=state.ring and not done, lock=lock)
    elif at == "leave":
        if not state.ring or not rules.rings_before_removal:
            yield state._replace(owner="end", session=False, ring=False, slot=-1)
        else:
            yield state._replace(owner="end")


def drained(state: State, rules: Rules, back: str) -> Iterator[State]:
    """The owner reads up to the tail; the commit comes next."""
    yield state._replace(owner="commit" if back == "drain" else "last commit", read=state.tail)


def successor(state: State, rules: Rules) -> Iterator[State]:
    """List and take rings of the dead, write the rest, remove the slot, then the session."""
    at = state.successor
    if at == "wait":
        if owner_gone(state) and state.session:
            yield state._replace(successor="list", later=worker_gone(state))
    elif at == "list":
        if state.slot < 0:
            yield state._replace(successor="sweep")
        elif not state.ring:
            yield state._replace(successor="unslot", all_taken=True)
        elif (worker_gone(state) or not rules.proof_of_death) and not state.lock:
            yield state._replace(successor="write", lock="successor", all_taken=True)
        else:
            yield state._replace(successor="done", all_taken=False)
    elif at == "write":
        start = max(state.head, state.slot)
        yield state._replace(
            successor="unslot", written=write(state, start, state.tail), slot=max(state.slot, state.tail), lock=""
        )
    elif at == "unslot":
        yield state._replace(successor="sweep", slot=-1)
    elif at == "sweep":
        # The session goes when no slot waits for it and no ring has a living producer.
        if state.ring and not worker_gone(state):
            yield state._replace(successor="done")
        else:
            yield state._replace(successor="remove")
    elif at == "remove":
        yield state._replace(successor="done", session=False, ring=False)
    elif at == "done" and not state.later:
        yield state._replace(successor="wait")


def killed(state: State) -> Iterator[State]:
    """A process dies; the kernel gives its lock back."""
    if state.worker != "dead":
        yield state._replace(worker="dead", lock="" if state.lock == "worker" else state.lock)
    if not owner_gone(state):
        yield state._replace(owner="dead", known=False, lock="" if state.lock == "owner" else state.lock)
    if state.successor not in ("wait", "done"):
        yield state._replace(successor="wait", lock="" if state.lock == "successor" else state.lock)


def following(state: State, rules: Rules) -> Iterator[State]:
    """Every state that is one step further."""
    yield from worker(state, rules)
    yield from owner(state, rules)
    yield from successor(state, rules)
    yield from killed(state)


def is_over(state: State) -> bool:
    """Whether nobody will write any more: the worker is gone, and so is what could recover its ring."""
    if state.orphan and state.worker == "close":
        return True
    recovered = not state.session or (state.successor == "done" and state.later)
    return worker_gone(state) and owner_gone(state) and recovered


def faults(state: State) -> set[str]:
    """What is wrong in *state*."""
    found = set()
    if any(count > 1 for count in state.written):
        found.add("doubled")
    if is_over(state) and any(not count for count in state.written[: state.returned]):
        found.add("lost")
    return found


def explore(rules: Rules) -> tuple[int, set[str]]:
    """How many states some interleaving reaches, and what is wrong in any."""
    seen = {State()}
    todo = [State()]
    wrong: set[str] = set()
    while todo:
        for after in following(todo.pop(), rules):
            if after not in seen:
                seen.add(after)
                bad = faults(after)
                wrong |= bad
                if not bad:
                    todo.append(after)
    return len(seen), wrong


def test_nothing_is_lost_or_doubled() -> None:
    """Whoever is killed where, and however late the worker notices that its owner is gone."""
    count, wrong = explore(Rules())

    assert count > 5000
    assert not wrong


@pytest.mark.parametrize(
    ("rules", "fault"),
    [
        (Rules(look_after_link=False), "lost"),
        (Rules(proof_before_look=False), "lost"),
        (Rules(ring_lock=False), "doubled"),
        (Rules(commit_before_head=False), "lost"),
        (Rules(proof_of_death=False), "doubled"),
        (Rules(rings_before_removal=False), "lost"),
        (Rules(slot_before_late_ring=False), "doubled"),
    ],
    ids=[
        "no second look at the owner after the ring has its name",
        "reclaimed before it was proven that nothing follows",
        "takeover without the ring's lock",
        "head moved before the commit",
        "takeover without proof of death",
        "session removed without a look for rings",
        "ring found late drained without a look at the slot",
    ],
)
def test_each_omission_is_seen(rules: Rules, fault: str) -> None:
    """The model sees the difference: without any one of these parts a record is lost or doubled."""
    assert fault in explore(rules)[1]
