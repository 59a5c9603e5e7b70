"""Threads log in a loop while the main thread of the same process forks and forks."""

from __future__ import annotations

import dataclasses

from stress.arena import Arena, play
from stress.job import STORM
from stress.settings import Settings
from stress.verdict import Round

CHILD_CALL_LIMIT = 2.0
"""Seconds that a forked child's one call may take."""


def play_round(settings: Settings, number: int) -> Round:
    """Fork ``settings.forks`` children, each of which logs one line and ends by ``os._exit``."""
    result = play(settings, settings.threads + settings.forks, number, _act)
    children = [slot.counts for slot in result.audit.slots if slot.counts.number >= settings.threads]
    result.next_call_ms = max((counts.worst_call_ns for counts in children), default=0) / 1e6
    if result.next_call_ms > CHILD_CALL_LIMIT * 1e3:
        result.findings.append(f"a child's call took {result.next_call_ms:.0f} ms, over {CHILD_CALL_LIMIT:.0f} s")
    return result


def _act(arena: Arena) -> None:
    settings = arena.settings
    for thread in range(settings.threads):
        arena.expect(thread, f"thread {thread}", 0)
    threads_only = list(arena.expected)
    for child in range(settings.forks):
        arena.expect(settings.threads + child, f"child {child}", 1)
    arena.start(dataclasses.replace(arena.job, role=STORM), "storm")
    arena.wait_ready(threads_only)
    arena.go()
    arena.wait_for_end()
