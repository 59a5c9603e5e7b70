"""A long quiet run: workers come, log, end or are killed, and are replaced, while nothing may pile up in the owner."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import time
from pathlib import Path

from mplog.cli._ledger import READY
from stress.arena import Arena, play
from stress.job import SOAK
from stress.settings import Settings
from stress.verdict import Round

CALL_LIMIT = 1.0
"""Seconds that the longest call may take."""

DESCRIPTORS_MORE, BYTES_MORE = 16, 64 * 1024 * 1024
"""What the owner may have more at the end than after a quarter of the time."""

_LOOKS = 40
_KILLED_IN_A_ROW = 0.3
"""Share of the workers that is killed rather than coming to its end."""


def play_round(settings: Settings, number: int) -> Round:
    """Log for ``settings.minutes``, with ``settings.lives`` workers in each row."""
    slots = settings.processes * settings.threads * settings.lives
    result = play(settings, slots, number, _act)
    if result.longest_call_ms > CALL_LIMIT * 1e3:
        result.findings.append(f"a call took {result.longest_call_ms:.0f} ms, over {CALL_LIMIT * 1e3:.0f} ms")
    return result


def _act(arena: Arena) -> None:
    settings = arena.settings
    chance = random.Random(settings.seed)
    life = settings.minutes * 60 / settings.lives
    records = max(1, int(life * settings.rate))
    for slot in range(settings.processes * settings.threads * settings.lives):
        row, turn = slot // settings.threads % settings.processes, slot // settings.threads // settings.processes
        arena.expect(slot, f"row {row}, worker {turn}", records)
    tree = arena.start(dataclasses.replace(arena.job, role=SOAK, records=records), "soak")
    arena.wait_ready(range(settings.processes * settings.threads))
    arena.go()
    begun = time.monotonic()
    looks: list[tuple[int, int] | None] = []
    doomed = _choose_doomed(settings, chance, records)
    while tree.exit_status is None and time.monotonic() < arena.deadline:
        _kill_due(arena, doomed)
        if time.monotonic() - begun >= len(looks) * settings.minutes * 60 / _LOOKS:
            looks.append(_owner_has(tree.pid))
        time.sleep(0.01)
    arena.wait_for_end()
    _judge_growth(arena, [look for look in looks if look is not None])


def _choose_doomed(settings: Settings, chance: random.Random, records: int) -> dict[int, int]:
    """Which workers are killed, by their first slots, and at which of their records."""
    firsts = range(0, settings.processes * settings.threads * settings.lives, settings.threads)
    return {first: chance.randrange(records) for first in firsts if chance.random() < _KILLED_IN_A_ROW}


def _kill_due(arena: Arena, doomed: dict[int, int]) -> None:
    for first, at in list(doomed.items()):
        counts = arena.slot(first).counts()
        if counts.state == READY and counts.returned >= at:
            del doomed[first]
            if arena.kill_process_of(first):
                arena.spare_not(range(first, first + arena.settings.threads))


def _owner_has(pid: int) -> tuple[int, int] | None:
    """The descriptors and resident bytes of a process; None when it is gone, or where nobody can tell."""
    with contextlib.suppress(OSError, IndexError):
        descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return descriptors, pages * os.sysconf("SC_PAGE_SIZE")
    return None


def _judge_growth(arena: Arena, looks: list[tuple[int, int]]) -> None:
    """Compare the owner's highest marks of the last three quarters with those of the first."""
    if len(looks) < 8:
        arena.notes.append("too short to say whether the owner grows")
        return
    early, late = looks[: len(looks) // 4], looks[len(looks) // 4 :]
    for index, limit, what in ((0, DESCRIPTORS_MORE, "descriptors"), (1, BYTES_MORE, "bytes of memory")):
        before, after = max(look[index] for look in early), max(look[index] for look in late)
        arena.notes.append(f"owner: at most {before:,} {what} early, {after:,} later")
        if after > before + limit:
            arena.findings.append(f"the owner grew from {before:,} to {after:,} {what}")
