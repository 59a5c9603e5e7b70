"""Files so small that they are rotated all the time, by a program and by strangers beside it."""

from __future__ import annotations

import dataclasses

from stress.adapters import STRANGERS
from stress.arena import Arena, play
from stress.job import STRANGER, TREE
from stress.libraries import ADAPTERS
from stress.moment import kill_while_they_log
from stress.settings import Settings
from stress.sizes import size_limit
from stress.verdict import Round, early_rotations


def play_round(settings: Settings, number: int) -> Round:
    """Let everybody write through many rotations; each has to come when it is due, and once."""
    threads = settings.threads
    slots = (settings.processes + settings.strangers) * threads + 2
    result = play(settings, slots, number, _act)
    limit = size_limit(settings.rotation)
    rotated = max(0, len(result.audit.files) - 1)
    result.notes.append(f"{rotated} files rotated")
    if limit is not None and not settings.kill:
        # Nobody was killed, so nothing was taken back: every file but the last two starts' is full.
        early = early_rotations(result.audit.files, limit)
        result.findings += early[:5]
        result.findings += [f"... and {len(early) - 5} more"] if len(early) > 5 else []
    if limit is not None and not rotated:
        result.findings.append("nothing was ever rotated")
    return result


def _act(arena: Arena) -> None:
    settings = arena.settings
    threads = settings.threads
    workers = range(settings.processes * threads)
    first_stranger = len(workers)
    makes_strangers = STRANGERS in ADAPTERS[settings.adapter].abilities
    others = range(first_stranger, first_stranger + makes_strangers * settings.strangers * threads)
    owner_slot = (settings.processes + settings.strangers) * threads
    for slot in workers:
        arena.expect(slot, f"worker {slot // threads}", settings.records)
    for slot in others:
        arena.expect(slot, f"stranger {(slot - first_stranger) // threads}", settings.records)
    arena.expect(owner_slot, "owner", 0)
    arena.start(dataclasses.replace(arena.job, role=TREE, own_slot=owner_slot), "tree")
    for first in others[::threads]:
        arena.start(dataclasses.replace(arena.job, role=STRANGER, first_slot=first), f"stranger-{first}")
    arena.wait_ready(arena.expected)
    arena.go()
    kill_while_they_log(arena, lambda chance: chance.randrange(arena.settings.records))
    arena.wait_for_end()
    if settings.kill or settings.compression:
        # What the last one was compressing is finished by whoever opens the log next, and not before.
        arena.start_again(owner_slot + 1)
