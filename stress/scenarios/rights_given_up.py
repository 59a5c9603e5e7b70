"""Workers of root become another user before their first record; in some rounds their owner is killed."""

from __future__ import annotations

import dataclasses
import os
import random

from stress.arena import Arena, play
from stress.job import TREE
from stress.moment import kill_at_a_moment
from stress.settings import Settings
from stress.verdict import Round

_RECORDS_AFTERWARDS = 20


def play_round(settings: Settings, number: int) -> Round:
    """Let the workers come to their end below their owner, or without it; then the program is started once more."""
    return play(settings, settings.processes + 2, number, _act)


def _act(arena: Arena) -> None:
    settings = arena.settings
    workers = range(settings.processes)
    # A place that others may write to, as the usual one is: no record may go where they make their own.
    os.chmod(arena.workshop.runtime, 0o1777)
    arena.job = dataclasses.replace(arena.job, gives_up_rights=True)
    for slot in workers:
        arena.expect(slot, f"worker {slot}", 0)
    if not settings.kill:
        arena.expect(len(workers), "owner", 0)
        arena.start(dataclasses.replace(arena.job, role=TREE, own_slot=len(workers)), "tree")
        arena.wait_ready(arena.expected)
        arena.go()
        _let_log(arena)
        arena.stop()
        arena.wait_for_end()
        return
    tree = kill_at_a_moment(arena, random.Random(settings.seed), with_all=False)
    _let_log(arena)
    arena.stop()
    tree.wait_for_group(arena.deadline)
    arena.job = dataclasses.replace(arena.job, gives_up_rights=False)
    arena.start_again(len(workers) + 1)


def _let_log(arena: Arena) -> None:
    workers = range(arena.settings.processes)
    goals = {slot: arena.slot(slot).returned + _RECORDS_AFTERWARDS for slot in workers}
    arena.wait_for(
        lambda: all(arena.slot(slot).returned >= goal for slot, goal in goals.items()), "the workers to go on logging"
    )
