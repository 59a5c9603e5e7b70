"""Every process of a program is killed at one instant; the next start of the program writes what they left."""

from __future__ import annotations

import random

from stress.arena import Arena, play
from stress.moment import kill_at_a_moment
from stress.settings import Settings
from stress.verdict import Round


def play_round(settings: Settings, number: int) -> Round:
    """Kill the whole process group, start again, judge."""
    return play(settings, settings.processes * settings.threads + 2, number, _act)


def _act(arena: Arena) -> None:
    settings = arena.settings
    workers = range(settings.processes * settings.threads)
    arena.roles |= {slot: f"worker {slot // settings.threads}, killed" for slot in workers}
    tree = kill_at_a_moment(arena, random.Random(settings.seed), with_all=True)
    tree.wait_for_group(arena.deadline)
    arena.start_again(len(workers) + 1)
