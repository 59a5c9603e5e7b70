"""Workers log at full speed and some are killed: the others must not even notice."""

from __future__ import annotations

import dataclasses
import random
import time

from stress.arena import Arena, play
from stress.job import TREE
from stress.phase import TARGETS
from stress.processes import DeadlinePassed
from stress.settings import Settings
from stress.verdict import Round

NEXT_CALL_LIMIT = 1.0
"""Seconds within which a survivor's next call has to return."""

_GIVE_UP = 10.0
_LONGEST_RUN_UP = 0.25
_AIM_PATIENCE = 0.25
_RECORDS_AFTERWARDS = 200
_LATEST_DOOM = 200
"""The latest record in whose call a worker dies."""
_LONGEST_CALL = 60e-6
"""Seconds after the begin of a call within which it dies: calls take from a few to some dozen microseconds."""


def play_round(settings: Settings, number: int) -> Round:
    """Kill ``settings.kill`` of the workers at random moments and let the others go on for a while."""
    waits: list[float] = []
    result = play(settings, settings.processes * settings.threads + 1, number, lambda arena: _act(arena, waits))
    result.next_call_ms = max([result.longest_call_ms, *(wait * 1e3 for wait in waits)])
    if result.next_call_ms > NEXT_CALL_LIMIT * 1e3:
        result.findings.append(f"a call took {result.next_call_ms:.0f} ms, over {NEXT_CALL_LIMIT * 1e3:.0f} ms")
    return result


def _act(arena: Arena, waits: list[float]) -> None:
    settings = arena.settings
    owner_slot = settings.processes * settings.threads
    for slot in range(owner_slot):
        arena.expect(slot, f"worker {slot // settings.threads}", 0)
    arena.expect(owner_slot, "owner", 0)
    chance = random.Random(settings.seed)
    victims = chance.sample(range(settings.processes), settings.kill)
    dooms = {
        victim * settings.threads: (chance.randint(1, _LATEST_DOOM), chance.uniform(0, _LONGEST_CALL))
        for victim in victims
        if chance.random() < settings.exact
    }
    job = dataclasses.replace(arena.job, role=TREE, own_slot=owner_slot)
    arena.start(dataclasses.replace(job, dooms={str(slot): list(doom) for slot, doom in dooms.items()}), "tree")
    arena.wait_ready(arena.expected)
    arena.go()
    survivors = {index for index in range(settings.processes) if index * settings.threads not in dooms}
    for victim in victims:
        survivors.discard(victim)
        first = victim * settings.threads
        arena.spare_not(range(first, first + settings.threads))
        if first in dooms:
            arena.wait_for_death(first)
        else:
            _kill(arena, first, chance)
        waits.append(_next_calls(arena, [index * settings.threads for index in survivors], 1))
    _next_calls(arena, [index * settings.threads for index in survivors], _RECORDS_AFTERWARDS)
    arena.stop()
    arena.wait_for_end()


def _kill(arena: Arena, slot: int, chance: random.Random) -> None:
    """Kill one worker at a random moment, or from there on as soon as the writer is at some step."""
    step, aimed = chance.choice(TARGETS), chance.random() < arena.settings.aim
    time.sleep(chance.uniform(0, _LONGEST_RUN_UP))  # the random moment itself, nothing is waited for
    if aimed:
        arena.phase.wait_for(step, time.monotonic() + _AIM_PATIENCE)
    arena.kill_process_of(slot)


def _next_calls(arena: Arena, slots: list[int], calls: int) -> float:
    """Wait until each of *slots* has returned from *calls* more calls; return the seconds that took."""
    begun = time.monotonic()
    wanted = {number: arena.slot(number).returned + calls for number in slots}
    while any(arena.slot(number).returned < goal for number, goal in wanted.items()):
        if time.monotonic() > begun + _GIVE_UP:
            stacks = "\n".join(program.stacks() for program in arena.programs)
            raise DeadlinePassed(f"survivors stood still for {_GIVE_UP:.0f} s after a kill.\n{stacks}")
        time.sleep(0.0002)
    return time.monotonic() - begun
