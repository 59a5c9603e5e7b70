"""A second sink beside the file takes its time for each line: neither callers nor the file may have to wait for it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from mplog.cli._audit import audit
from mplog.cli._ledger import Ledger
from stress.arena import Arena, play
from stress.job import TREE
from stress.libraries import ADAPTERS
from stress.settings import Settings
from stress.verdict import Round

CALL_LIMIT = 1.0
"""Seconds that the longest call may take."""

_SHARE_OF_A_LINE = 0.5
"""A median call that takes this share of the slow sink's time for a line waits for that sink."""


def play_round(settings: Settings, number: int) -> Round:
    """Let the workers log; judge the file as ever, and the slow sink by its own promise: once at most, in order."""
    beside: list[str] = []
    result = play(settings, settings.processes * settings.threads, number, lambda arena: _act(arena, beside))
    result.findings += beside
    if result.longest_call_ms > CALL_LIMIT * 1e3:
        result.findings.append(f"a call took {result.longest_call_ms:.0f} ms, over {CALL_LIMIT * 1e3:.0f} ms")
    median = result.call_ms(0.5)
    if median > settings.slow * 1e3 * _SHARE_OF_A_LINE:
        result.findings.append(
            f"the median call took {median:.1f} ms: callers wait for the sink that takes {settings.slow * 1e3:.0f} ms"
        )
    return result


def _act(arena: Arena, beside: list[str]) -> None:
    settings = arena.settings
    workers = range(settings.processes * settings.threads)
    for slot in workers:
        arena.expect(slot, f"worker {slot // settings.threads}", settings.records)
    slow_log = arena.workshop.slow_log
    slow_log.touch()
    arena.start(dataclasses.replace(arena.job, role=TREE, slow=settings.slow, slow_log=str(slow_log)), "tree")
    arena.wait_ready(workers)
    arena.go()
    arena.wait_for(lambda: all(arena.slot(slot).returned >= settings.records for slot in workers), "all calls")
    arena.recorder.mark("all calls back")
    arena.wait_for_end()
    _judge_slow_log(arena, slow_log, beside)


def _judge_slow_log(arena: Arena, slow_log: Path, beside: list[str]) -> None:
    adapter = ADAPTERS[arena.settings.adapter]
    with Ledger(arena.workshop.ledger) as ledger:
        counts = ledger.counts()
    # To a function mplog says what it has to say as it is, without the handler's format.
    notice = None if adapter.notice is None else rb"(?:%s|mplog: [^\n]*)" % adapter.notice
    found = audit(slow_log, counts, prefix=adapter.prefix, notice=notice, files=[slow_log])
    arena.beside.append(found)
    written = found.total("written")
    arena.notes.append(f"the slow sink took {written} of {found.logged} records")
    for name, what in (("doubled", "doubled"), ("disordered", "out of order")):
        if found.total(name):
            beside.append(f"slow sink: {found.total(name)} records {what}")
    if not written:
        beside.append("the slow sink got nothing at all")
