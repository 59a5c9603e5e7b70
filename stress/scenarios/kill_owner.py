"""The process that configured logging is killed while its workers go on; then the program is started once more."""

from __future__ import annotations

import dataclasses
import random
import time

from stress.adapters import STRANGERS
from stress.arena import Arena, play
from stress.job import STRANGER
from stress.libraries import ADAPTERS
from stress.moment import kill_at_a_moment
from stress.settings import Settings
from stress.verdict import Round

_RECORDS_AFTERWARDS = 50


def play_round(settings: Settings, number: int) -> Round:
    """Kill the owner, perhaps a worker or two after it, let the rest end, start again, judge."""
    workers = settings.processes * settings.threads
    return play(settings, workers + 2 + settings.strangers * settings.threads, number, _act)


def _act(arena: Arena) -> None:
    settings = arena.settings
    chance = random.Random(settings.seed)
    workers = range(settings.processes * settings.threads)
    restart_slot = len(workers) + 1
    for slot in workers:
        arena.expect(slot, f"worker {slot // settings.threads}", 0)
    tree = kill_at_a_moment(arena, chance, with_all=False, before_go=lambda: _start_strangers(arena, restart_slot + 1))
    _kill_some_workers(arena, chance)
    _let_orphans_log(arena, chance)
    arena.stop()
    tree.wait_for_group(arena.deadline)
    arena.start_again(restart_slot)


def _start_strangers(arena: Arena, first_slot: int) -> None:
    """Start programs that name the same file and have no common parent with the tree."""
    if STRANGERS not in ADAPTERS[arena.settings.adapter].abilities:
        return
    for index in range(arena.settings.strangers):
        first = first_slot + index * arena.settings.threads
        slots = range(first, first + arena.settings.threads)
        for slot in slots:
            arena.expect(slot, f"stranger {index}", 0)
        arena.start(dataclasses.replace(arena.job, role=STRANGER, first_slot=first), f"stranger-{index}")
        arena.wait_ready(slots)


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
