"""Every process of a program is killed at one instant; the next start of the program writes what they left."""

from __future__ import annotations

import dataclasses
import random

from stress.arena import Arena, play
from stress.job import TREE
from stress.moment import Moment
from stress.settings import Settings
from stress.verdict import Round


def play_round(settings: Settings, number: int) -> Round:
    """Kill the whole process group, start again, judge."""
    return play(settings, settings.processes * settings.threads + 2, number, _act)


def _act(arena: Arena) -> None:
    settings = arena.settings
    workers = range(settings.processes * settings.threads)
    owner_slot, restart_slot = len(workers), len(workers) + 1
    arena.roles |= {slot: f"worker {slot // settings.threads}, killed" for slot in workers}
    arena.roles |= {owner_slot: "owner, killed"}
    moment = Moment(arena, random.Random(settings.seed))
    job = dataclasses.replace(arena.job, role=TREE, own_slot=owner_slot)
    tree = arena.start(moment.written_into(job, with_all=True), "tree")
    arena.wait_ready([*workers, owner_slot])
    arena.go()
    if moment.exact:
        moment.wait_for_death(tree)
    else:
        arena.wait_for(lambda: all(arena.slot(slot).returned for slot in workers), "every worker's first record")
        moment.wait()
        tree.kill_all()
    arena.note_kill("all", owner_slot)
    tree.wait_for_group(arena.deadline)
    arena.start_again(restart_slot)
