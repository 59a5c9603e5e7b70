"""Every process of a log ends by raising the signal that has stopped it, in any order; nothing is started again."""

from __future__ import annotations

import dataclasses
import random
import time

from stress.arena import Arena, play
from stress.job import STRANGER, TREE
from stress.settings import STRANGERS, Settings
from stress.verdict import Round

_LONGEST_RUN_UP = 0.6
"""Seconds that they log at most before they are stopped."""


def play_round(settings: Settings, number: int) -> Round:
    """Let a tree or strangers log for a random while, stop them all at once, judge what is there then."""
    return play(settings, settings.processes * settings.threads + 1, number, _act)


def _act(arena: Arena) -> None:
    settings = arena.settings
    threads = settings.threads
    workers = range(settings.processes * threads)
    for slot in workers:
        arena.expect(slot, f"process {slot // threads}", 0)
    job = dataclasses.replace(arena.job, raises=True)
    if settings.start_method == STRANGERS:
        for index in range(settings.processes):
            arena.start(dataclasses.replace(job, role=STRANGER, first_slot=index * threads), f"stranger-{index}")
    else:
        arena.expect(len(workers), "owner", 0)
        arena.start(dataclasses.replace(job, role=TREE, own_slot=len(workers)), "tree")
    arena.wait_ready(arena.expected)
    arena.go()
    arena.wait_for(lambda: all(arena.slot(slot).returned for slot in workers), "everybody's first record")
    time.sleep(random.Random(settings.seed).uniform(0, _LONGEST_RUN_UP))  # the random moment itself
    arena.stop()
    arena.wait_for_end()
