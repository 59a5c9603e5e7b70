"""Many processes write one log, with or without a common parent; some may be killed on the way."""

from __future__ import annotations

import dataclasses

from stress.arena import Arena, play
from stress.job import STRANGER, TREE
from stress.moment import kill_while_they_log
from stress.settings import STRANGERS, Settings
from stress.verdict import Round

_EARLIEST, _LATEST = 0.02, 0.9
"""Between which parts of its records a process is killed."""


def play_round(settings: Settings, number: int) -> Round:
    """Let all writers log their records and come to an end."""
    workers = settings.processes * settings.threads
    return play(settings, workers + 2, number, _act)


def _act(arena: Arena) -> None:
    settings = arena.settings
    workers = range(settings.processes * settings.threads)
    for slot in workers:
        arena.expect(slot, f"worker {slot // settings.threads}", settings.records)
    start = _start_strangers if settings.start_method == STRANGERS else _start_tree
    start(arena)
    arena.wait_ready(arena.expected)
    arena.go()
    kill_while_they_log(arena, lambda chance: int(arena.settings.records * chance.uniform(_EARLIEST, _LATEST)))
    arena.wait_for_end()
    if settings.kill and settings.start_method == STRANGERS:
        # What a killed program was compressing is finished by whoever opens the log next, and not before.
        arena.start_again(len(workers) + 1)


def _start_tree(arena: Arena) -> None:
    owner_slot = arena.settings.processes * arena.settings.threads
    arena.expect(owner_slot, "owner", 0)
    arena.start(dataclasses.replace(arena.job, role=TREE, own_slot=owner_slot), "tree")


def _start_strangers(arena: Arena) -> None:
    for index in range(arena.settings.processes):
        job = dataclasses.replace(arena.job, role=STRANGER, first_slot=index * arena.settings.threads)
        arena.start(job, f"stranger-{index}")
