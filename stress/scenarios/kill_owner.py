"""The process that configured logging is killed while its workers go on; then the program is started once more."""

from __future__ import annotations

import dataclasses
import random
import time

from stress.arena import Arena, play
from stress.job import STRANGER, TREE
from stress.phase import COMMITTING, TARGETS, PhaseWord
from stress.settings import Settings
from stress.verdict import Round
from stress.workshop import PHASE_VARIABLE

_SHORTEST_RUN_UP, _LONGEST_RUN_UP = 0.02, 0.4
_LATEST_OCCURRENCE = 40
_RECORDS_AFTERWARDS = 50
_AIM_PATIENCE = 5.0


def play_round(settings: Settings, number: int) -> Round:
    """Kill the owner, perhaps a worker or two after it, let the rest end, start again, judge."""
    phases: list[int] = []
    workers = settings.processes * settings.threads
    slots = workers + 2 + settings.strangers * settings.threads
    result = play(settings, slots, number, lambda arena: _act(arena, phases))
    result.phase = phases[0] if phases else None
    return result


def _act(arena: Arena, phases: list[int]) -> None:
    settings = arena.settings
    chance = random.Random(settings.seed)
    workers = range(settings.processes * settings.threads)
    owner_slot, restart_slot = len(workers), len(workers) + 1
    for slot in workers:
        arena.expect(slot, f"worker {slot // settings.threads}", 0)
    arena.roles |= {owner_slot: "owner, killed"}
    job = dataclasses.replace(arena.job, role=TREE, own_slot=owner_slot)
    exact = chance.random() < settings.exact
    if exact:
        occurrence = chance.randint(1, _LATEST_OCCURRENCE)
        job = dataclasses.replace(job, dies_at_step=chance.choice(COMMITTING), dies_at_occurrence=occurrence)
    with PhaseWord(arena.workshop.phase) as phase:
        tree = arena.start(job, "tree", {PHASE_VARIABLE: str(arena.workshop.phase)})
        arena.wait_ready([*workers, owner_slot])
        _start_strangers(arena, restart_slot + 1)
        arena.go()
        if exact:
            arena.wait_for(lambda: tree.exit_status is not None, "the owner to come to its step")
        else:
            arena.wait_for(lambda: all(arena.slot(slot).returned for slot in workers), "every worker's first record")
            _wait_for_the_moment(settings, chance, phase)
            tree.kill_owner()
        phases.append(phase.value)
    _kill_some_workers(arena, chance)
    _let_orphans_log(arena, chance)
    arena.stop()
    tree.wait_for_group(arena.deadline)
    arena.start_again(restart_slot)


def _start_strangers(arena: Arena, first_slot: int) -> None:
    """Start programs that name the same file and have no common parent with the tree."""
    for index in range(arena.settings.strangers):
        first = first_slot + index * arena.settings.threads
        slots = range(first, first + arena.settings.threads)
        for slot in slots:
            arena.expect(slot, f"stranger {index}", 0)
        arena.start(dataclasses.replace(arena.job, role=STRANGER, first_slot=first), f"stranger-{index}")
        arena.wait_ready(slots)


def _wait_for_the_moment(settings: Settings, chance: random.Random, phase: PhaseWord) -> None:
    """Let a random time pass; in the share of rounds that are aimed, go on until the owner is at a step of a commit."""
    aimed, target = chance.random() < settings.aim, chance.choice(TARGETS)
    time.sleep(chance.uniform(_SHORTEST_RUN_UP, _LONGEST_RUN_UP))
    if aimed:
        phase.wait_for(target, time.monotonic() + _AIM_PATIENCE)


def _kill_some_workers(arena: Arena, chance: random.Random) -> None:
    """Kill workers right behind their owner, so that there are rings of the dead as well as of the living."""
    threads = arena.settings.threads
    for victim in chance.sample(range(arena.settings.processes), arena.settings.kill):
        if arena.kill_process_of(victim * threads):
            arena.spare_not(range(victim * threads, (victim + 1) * threads))


def _let_orphans_log(arena: Arena, chance: random.Random) -> None:
    """Wait until each orphan has come back from some calls, and for a random while on top."""
    goals = {slot: arena.slot(slot).returned + _RECORDS_AFTERWARDS for slot in arena.expected}
    until = time.monotonic() + chance.uniform(0, arena.settings.afterwards)
    arena.wait_for(
        lambda: time.monotonic() > until and all(arena.slot(slot).returned >= goal for slot, goal in goals.items()),
        "the orphans to go on logging",
    )
