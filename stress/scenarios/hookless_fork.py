"""A program forks in C, so that none of Python's hooks runs, and its children rotate one file; some are killed."""

from __future__ import annotations

import dataclasses
import random
from functools import partial

from mplog.cli._ledger import READY, LedgerSlot
from stress.arena import Arena, play
from stress.job import HOOKLESS
from stress.settings import Settings
from stress.verdict import Round


def play_round(settings: Settings, number: int) -> Round:
    """Fork ``settings.forks`` children, each of which logs ``settings.records`` lines and ends by ``os._exit``."""
    return play(settings, settings.forks + 1, number, _act)


def _act(arena: Arena) -> None:
    settings = arena.settings
    chance = random.Random(settings.seed)
    for child in range(settings.forks):
        arena.expect(child, f"child {child}", settings.records)
    arena.start(dataclasses.replace(arena.job, role=HOOKLESS), "program")
    arena.go()
    for child in sorted(chance.sample(range(settings.forks), settings.kill)):
        at = chance.randrange(settings.records)
        slot = arena.slot(child)
        arena.wait_for(
            partial(_is_so_far, slot, at),
            f"child {child} to log {at} records",
        )
        if slot.counts().state == READY and arena.kill_process_of(child):
            arena.spare_not([child])
    arena.wait_for_end()
    if settings.kill:
        # What a killed one was compressing is finished by whoever opens the log next, and not before.
        arena.start_again(settings.forks)


def _is_so_far(slot: LedgerSlot, records: int) -> bool:
    """Whether the child of *slot* is there and has logged so many records."""
    return slot.returned >= records and slot.counts().pid != 0
