"""Plays rounds until there are enough of them or the time is up, and keeps what the reports need."""

from __future__ import annotations

import os
import platform
import shlex
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from stress.mix import why_not
from stress.peers import PEERS
from stress.scenarios import PLAY
from stress.settings import Settings
from stress.timeline import Course
from stress.verdict import Round

_WITHOUT_SEED = ("--seed", "--rounds", "--minutes", "--repeat", "--json", "--html")
_KEPT_OF_EACH_KIND = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """When to stop; None: never for that reason."""

    rounds: int | None = None
    minutes: float | None = None
    stop_early: bool = False


@dataclass(slots=True)
class Run:
    """A whole run, for the reports."""

    title: str
    argv: list[str]
    began: str = ""
    seconds: float = 0.0
    rounds: list[Round] = field(default_factory=list)
    left_out: list[tuple[Settings, str]] = field(default_factory=list)
    """Kinds of rounds that were not played, because the library does not claim to do what they ask, and why."""

    asked: int | None = None
    """How many rounds there were to be, those left out included; None: as many as there is time for."""
    tried: int = 0
    """How many of them it came to."""

    @property
    def judged(self) -> list[Round]:
        """The rounds that decide: those of mplog where it stands beside other libraries, else all."""
        own = [round_ for round_ in self.rounds if round_.settings is None or round_.settings.adapter not in PEERS]
        return own or self.rounds

    @property
    def passed(self) -> bool:
        """Whether there was a round and all that decide were well."""
        return bool(self.rounds) and all(round_.passed for round_ in self.judged)

    @property
    def failures(self) -> list[Round]:
        """The rounds that were not well."""
        return [round_ for round_ in self.rounds if not round_.passed]

    def phases(self, what: str | None = None) -> Counter[int]:
        """Count what writers were doing at a death, for all deaths or one kind; empty when no library said it."""
        kills = [kill for round_ in self.rounds for kill in round_.kills if what in (None, kill.what)]
        phases = Counter(kill.phase for kill in kills if kill.phase is not None)
        return phases if any(phases[phase] for phase in phases if phase) else Counter()

    def command_for(self, round_: Round) -> str:
        """The command that plays *round_* again."""
        words, skip = [], False
        for index, word in enumerate(self.argv):
            name = word.partition("=")[0]
            if skip:
                skip = False
            elif name in _WITHOUT_SEED and not (name == "--minutes" and self.argv[0] == "soak"):
                follows = self.argv[index + 1 : index + 2]
                skip = "=" not in word and bool(follows) and not follows[0].startswith("--")
            else:
                words.append(word)
        return shlex.join(["python", "-m", "stress", *words, "--seed", str(round_.seed), *self._one(round_)])

    def _one(self, round_: Round) -> list[str]:
        if self.argv[0] != "compare" or round_.settings is None:
            return ["--rounds", "1"]
        chosen = round_.settings
        return ["--adapters", chosen.adapter, "--scenarios", chosen.scenario, "--start-methods", chosen.start_method]


def machine() -> str:
    """Where this runs, in a line."""
    return f"Python {platform.python_version()}, {platform.system()} {platform.release()}, {os.cpu_count()} processors"


def play_all(
    plan: Iterator[Settings], bounds: Bounds, argv: Sequence[str], title: str, tick: Callable[[Run], None]
) -> Run:
    """Play the rounds of *plan*; *tick* is called after each one."""
    run = Run(title, list(argv), time.strftime("%Y-%m-%d %H:%M:%S"), asked=bounds.rounds)
    begun = time.monotonic()
    kinds: Counter[tuple[str, str, str]] = Counter()
    told = set()
    for number, settings in enumerate(plan):
        if bounds.rounds is not None and number >= bounds.rounds:
            break
        if bounds.minutes is not None and number and time.monotonic() - begun > bounds.minutes * 60:
            break
        run.tried = number + 1
        reason = why_not(settings)
        if reason is not None:
            what = (settings.scenario, settings.adapter, settings.start_method, reason)
            if what not in told:
                told.add(what)
                run.left_out.append((settings, reason))
            continue
        round_ = PLAY[settings.scenario](settings, len(run.rounds))
        run.rounds.append(round_)
        kind = (settings.scenario, settings.adapter, settings.start_method)
        kinds[kind] += 1
        if round_.passed and kinds[kind] > _KEPT_OF_EACH_KIND:
            # Thousands of pictures of the same thing would fill memory and say nothing.
            round_.course, round_.said = Course(marks=round_.course.marks), ""
        run.seconds = time.monotonic() - begun
        tick(run)
        if bounds.stop_early and not round_.passed:
            break
    return run
