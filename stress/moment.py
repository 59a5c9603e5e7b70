"""When to kill: at a random time, as soon as the writer is seen at some step, or exactly at a step."""

from __future__ import annotations

import dataclasses
import random
import time

from stress.arena import Arena
from stress.job import Job
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
