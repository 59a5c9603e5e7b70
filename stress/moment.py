"""When to kill: at a random time or record, as soon as the writer is seen at some step, or exactly at a step."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable
from functools import partial

from mplog.cli._ledger import READY, LedgerSlot
from stress.arena import Arena
from stress.job import TREE, Job
from stress.libraries import ADAPTERS
from stress.phase import TARGETS
from stress.processes import Program

_SHORTEST_RUN_UP, _LONGEST_RUN_UP = 0.02, 0.4
_LATEST_OCCURRENCE = 40
_AIM_PATIENCE = 5.0


class Moment:
    """One choice, made from the round's seed, so that the same seed chooses the same again."""

    def __init__(self, arena: Arena, chance: random.Random) -> None:
        settings = arena.settings
        self._arena = arena
        says = ADAPTERS[settings.adapter].says_phases
        self._step = chance.choice(TARGETS)
        self._occurrence = chance.randint(1, _LATEST_OCCURRENCE)
        self._run_up = chance.uniform(_SHORTEST_RUN_UP, _LONGEST_RUN_UP)
        self.exact = says and chance.random() < settings.exact
        """Whether the owner kills itself."""
        self._aimed = says and chance.random() < settings.aim

    def written_into(self, job: Job, *, with_all: bool) -> Job:
        """The owner's job, with its death in it if that is to be exact."""
        if not self.exact:
            return job
        return dataclasses.replace(
            job, dies_at_step=self._step, dies_at_occurrence=self._occurrence, dies_with_all=with_all
        )

    def wait_for_death(self, tree: Program) -> None:
        """Return when the owner has killed itself."""
        self._arena.wait_for(lambda: tree.exit_status is not None, "the owner to come to its step")

    def wait(self) -> None:
        """Return when the time has come for the harness to kill."""
        time.sleep(self._run_up)  # the random moment itself, nothing is waited for
        if self._aimed:
            self._arena.phase.wait_for(self._step, time.monotonic() + _AIM_PATIENCE)


def kill_at_a_moment(
    arena: Arena, chance: random.Random, *, with_all: bool, before_go: Callable[[], None] = lambda: None
) -> Program:
    """Start a tree whose owner logs, too, let it log, and kill its owner, or all of it, at a moment of *chance*.

    The workers' slots come first, the owner's stands behind them.

    Args:
        before_go: is called when the tree stands ready.
    """
    workers = range(arena.settings.processes * arena.settings.threads)
    owner_slot = len(workers)
    arena.roles[owner_slot] = "owner, killed"
    moment = Moment(arena, chance)
    job = dataclasses.replace(arena.job, role=TREE, own_slot=owner_slot)
    tree = arena.start(moment.written_into(job, with_all=with_all), "tree")
    arena.wait_ready([*workers, owner_slot])
    before_go()
    arena.go()
    if moment.exact:
        moment.wait_for_death(tree)
    else:
        arena.wait_for(lambda: all(arena.slot(slot).returned for slot in workers), "every worker's first record")
        moment.wait()
        if with_all:
            tree.kill_all()
        else:
            tree.kill_owner()
    arena.note_kill("all" if with_all else "owner", owner_slot)
    return tree


def kill_while_they_log(arena: Arena, records: Callable[[random.Random], int]) -> None:
    """Kill as many workers as asked for, each when it has logged as many records as *records* chooses for it."""
    settings = arena.settings
    chance = random.Random(settings.seed)
    for index in chance.sample(range(settings.processes), settings.kill):
        first, count = index * settings.threads, records(chance)
        arena.wait_for(partial(_is_so_far, arena.slot(first), count), f"worker {index} to log {count} records")
        if arena.kill_process_of(first):
            arena.spare_not(range(first, first + settings.threads))


def _is_so_far(slot: LedgerSlot, records: int) -> bool:
    return slot.returned >= records or slot.counts().state != READY
