"""A worker runs amok in its session, or what a killed program left is damaged; its siblings' records are all there."""

from __future__ import annotations

import dataclasses
import os
import random
import subprocess
import sys
from pathlib import Path

from stress.arena import Arena, play
from stress.job import TREE, WRECKED
from stress.moment import kill_at_a_moment
from stress.settings import Settings
from stress.usage import Growth, Usage
from stress.verdict import Round
from stress.wrecker import wreck_left

LIMITS = Growth(processor=0.3, memory=64 << 20, descriptors=16)
"""What the owner may take more while a worker runs amok beside some that log a little."""

_WRECKS = 3
_CANARY = b"nobody has anything to do with this file"
_ABOUT_OTHERS = ("torn lines", "lines that nobody logged", "beside the log: ")
"""What the wrecker's own records are found to be."""


def play_round(settings: Settings, number: int) -> Round:
    """Let one of the workers run amok beside a living owner, or damage a dead session before the next start."""
    chance = random.Random(settings.seed)
    act = _Beside(chance) if chance.random() < 0.6 else _Left(chance)
    result = play(settings, settings.processes + 2, number, act)
    result.audit = dataclasses.replace(result.audit, torn=0, foreign=0)
    result.findings = [text for text in result.findings if not act.excuses(text, result)]
    return result


class _Act:
    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def __call__(self, arena: Arena) -> None:
        arena.counts = False
        canary = arena.workshop.root / "canary"
        canary.write_bytes(_CANARY)
        for slot in range(arena.settings.processes):
            arena.expect(slot, f"worker {slot}", 0)
        self.play(arena)
        if canary.read_bytes() != _CANARY:
            arena.findings.append("a file that has nothing to do with the log was changed")

    def play(self, arena: Arena) -> None:
        """What happens."""
        raise NotImplementedError

    def excuses(self, finding: str, result: Round) -> bool:
        """Whether *finding* is no fault: nobody promises anything for the records of a wrecker."""
        return any(text in finding for text in _ABOUT_OTHERS)


class _Beside(_Act):
    """A worker of a living owner runs amok."""

    def play(self, arena: Arena) -> None:
        workers = range(arena.settings.processes)
        arena.expect(len(workers), "owner", 0)
        tree = arena.start(dataclasses.replace(arena.job, role=TREE, own_slot=len(workers), wrecks=_WRECKS), "tree")
        arena.wait_ready(arena.expected)
        arena.go()
        arena.wait_for(lambda: all(arena.slot(slot).returned for slot in workers), "every worker's first record")
        before = Usage.of(tree.pid)
        wrecked = Path(arena.job.ledger).with_name(WRECKED)
        arena.wait_for(wrecked.exists, "the end of those who run amok")
        after = Usage.of(tree.pid)
        arena.findings += [f"the owner {text}" for text in after.excess(before, LIMITS)]
        arena.stop()
        arena.wait_for_end()


class _Left(_Act):
    """What was left when everybody was killed is damaged before the next start."""

    damaged = ""
    is_kept = False

    def play(self, arena: Arena) -> None:
        workers = range(arena.settings.processes)
        arena.spare_not(workers)
        kill_at_a_moment(arena, self.chance, with_all=True)
        sessions = list(arena.workshop.runtime.glob("mplog-*/sessions/[!.]*"))
        victim = arena.slot(0).counts().pid
        if sessions:
            self.damaged = wreck_left(sessions[0], victim, self.chance.getrandbits(32))
        arena.notes.append(f"damaged: {self.damaged}")
        arena.start_again(len(workers) + 1)
        rings = list(arena.workshop.runtime.glob("mplog-*/sessions/*/rings/*.ring"))
        command = [sys.executable, "-m", "mplog", "recover"]
        environment = {**os.environ, **arena.workshop.environment()}
        said = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        self.is_kept = bool(rings) and said.returncode == 1

    def excuses(self, finding: str, result: Round) -> bool:
        """Also what is kept and said to be, and what was written twice because nobody could know."""
        if super().excuses(finding, result):
            return True
        if "worker 0:" in finding and self.damaged.startswith((".ring", "ring")):
            return True
        if finding.endswith("missing"):
            return self.is_kept
        lost_slot = self.damaged.startswith((".slot", "slot", "registry", "control"))
        return lost_slot and finding.endswith(("doubled", "out of order"))
