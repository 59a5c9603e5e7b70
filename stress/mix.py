"""Which rounds a run consists of: one scenario over and over, all of them mixed, or each with each library.

A round is decided by its seed alone, so that the seed of a round that failed repeats it.
"""

from __future__ import annotations

import dataclasses
import os
import random
from collections.abc import Iterator

from stress.adapters import COMPRESSION, RETENTION, ROTATION, SLOW_SINK, STRANGERS, Adapter
from stress.libraries import ADAPTERS
from stress.settings import START_METHODS, Settings

CYCLE = (
    "hookless-fork", "kill-owner", "kill-all", "rotation-storm", "kill-owner",
    "kill-workers", "rights-given-up", "writers", "kill-owner", "kill-all",
    "kill-workers", "fork-storm", "raised-signal", "kill-all", "slow-sink",
    "kill-workers", "kill-owner", "kill-all", "disk-full", "kill-workers",
)  # fmt: skip
"""Seven of ten rounds are deaths of some kind. Its length and the number of start methods have no common divisor, so
that any sixty seeds in a row hold each of these scenarios with every start method that it has."""

FORKS_ONLY = frozenset({"fork-storm", "hookless-fork", "rights-given-up"})
"""Scenarios that are about forks alone."""

STRANGERS_TOO = ("writers", "raised-signal")
"""Scenarios that programs without a common parent play, too."""

WHOLE_CYCLE = len(CYCLE) * len(START_METHODS)

_LONG = 60.0
_PEER_PATIENCE = 12.0

SHORT: dict[str, Settings] = {
    "writers": Settings(
        scenario="writers", processes=3, records=1500, kill=1, rotation="100 KB", compression="gz", timeout=_LONG
    ),
    "kill-workers": Settings(scenario="kill-workers", processes=4, kill=2, aim=0.5, exact=0.5, timeout=_LONG),
    "kill-owner": Settings(
        scenario="kill-owner", processes=3, kill=1, aim=0.5, exact=0.5, afterwards=0.6, timeout=_LONG
    ),
    "kill-all": Settings(scenario="kill-all", processes=3, aim=0.5, exact=0.5, timeout=_LONG),
    "raised-signal": Settings(scenario="raised-signal", processes=3, rate=2000.0, timeout=_LONG),
    "rotation-storm": Settings(
        scenario="rotation-storm",
        processes=3,
        strangers=2,
        records=300,
        rotation="3 KB",
        compression="gz",
        timeout=_LONG,
    ),
    "rights-given-up": Settings(
        scenario="rights-given-up", processes=3, rate=500.0, kill=1, aim=0.5, exact=0.5, timeout=_LONG
    ),
    "hookless-fork": Settings(scenario="hookless-fork", forks=24, records=60, rotation="5 KB", kill=1, timeout=_LONG),
    "fork-storm": Settings(scenario="fork-storm", threads=4, forks=60, rate=1000, timeout=_LONG),
    "slow-sink": Settings(scenario="slow-sink", processes=3, records=60, rate=500, slow=0.02, timeout=_LONG),
    "disk-full": Settings(scenario="disk-full", processes=3, rate=400, full=0.6, shortest=100, timeout=_LONG),
    "fuzz": Settings(scenario="fuzz", processes=3, rate=300.0, aim=0.5, exact=0.25, timeout=_LONG),
    "soak": Settings(scenario="soak", processes=3, lives=4, rate=200, minutes=0.05, rotation="50 KB", timeout=_LONG),
}
"""Each scenario in a form that takes a second or two. What comes while the disk is full fits into the rings."""


def methods_of(scenario: str) -> tuple[str, ...]:
    """The ways to start processes that a scenario is played with."""
    if scenario in FORKS_ONLY:
        return ("fork",)
    return (*START_METHODS, STRANGERS) if scenario in STRANGERS_TOO else START_METHODS


def same(settings: Settings, seed: int) -> Iterator[Settings]:
    """Repeat one scenario without an end, each round with the next seed."""
    while True:
        yield settings.with_seed(seed)
        seed += 1


def mixed(adapter: str, seed: int, *, keep: bool) -> Iterator[Settings]:
    """Mix the scenarios without an end, each round with the next seed."""
    while True:
        yield dataclasses.replace(chosen(adapter, seed), keep=keep)
        seed += 1


def chosen(adapter: str, seed: int) -> Settings:
    """The round of the mix that *seed* stands for."""
    chance = random.Random(seed)
    scenario = CYCLE[seed % len(CYCLE)]
    method = START_METHODS[seed % len(START_METHODS)]
    if scenario == "rights-given-up" and os.geteuid():
        scenario = "kill-all"
    if scenario in FORKS_ONLY:
        method = "fork"
    if scenario in STRANGERS_TOO and chance.random() < 0.5:
        method = STRANGERS
    settings = dataclasses.replace(SHORT[scenario], seed=seed, start_method=method, adapter=adapter)
    if scenario.startswith("kill-"):
        settings = dataclasses.replace(
            settings,
            rotation=chance.choice((None, "10 KB", "100 KB")),
            rate=chance.choice((0.0, 500.0, 3000.0)),
            threads=chance.choice((1, 1, 2)),
        )
        if settings.rotation:
            # At full speed tiny files would be thousands, and the reading of them the whole round.
            settings = dataclasses.replace(
                settings, compression=chance.choice((None, "gz")), rate=settings.rate or 3000
            )
    if scenario == "raised-signal":
        settings = dataclasses.replace(
            settings, rotation=chance.choice((None, "10 KB")), threads=chance.choice((1, 1, 2))
        )
    if scenario in ("rights-given-up", "hookless-fork"):
        settings = dataclasses.replace(settings, kill=chance.choice((0, 1)), rotation=chance.choice((None, "5 KB")))
    if scenario == "hookless-fork":
        settings = dataclasses.replace(settings, compression=chance.choice((None, "gz")))
    if scenario == "kill-owner":
        settings = dataclasses.replace(settings, strangers=chance.choice((0, 0, 1)), kill=chance.choice((0, 1, 2)))
    if scenario == "rotation-storm":
        settings = dataclasses.replace(settings, kill=chance.choice((0, 1)), retention=chance.choice((None, 5)))
    return fitted(settings, ADAPTERS[adapter])


def fitted(settings: Settings, adapter: type[Adapter]) -> Settings:
    """The same round without the file options that a library does not have."""
    lacking = {name: None for name in (ROTATION, RETENTION, COMPRESSION) if name not in adapter.abilities}
    return dataclasses.replace(settings, **lacking)  # type: ignore[arg-type]  # None for options that have it


def why_not(settings: Settings) -> str | None:
    """Say what a library does not claim to do and a round asks of it; None when it claims everything."""
    abilities = ADAPTERS[settings.adapter].abilities
    if settings.scenario == "rights-given-up" and os.geteuid():
        return "cannot have workers that give up rights, because only root has any to give up"
    if settings.scenario == "fuzz" and settings.adapter != "mplog":
        return "has no session in which anybody could run amok"
    if settings.scenario == "slow-sink" and SLOW_SINK not in abilities:
        return f"cannot have a {SLOW_SINK} beside the file"
    if settings.start_method not in abilities:
        return f"does not work with {settings.start_method!r}"
    for name, value in (
        (ROTATION, settings.rotation), (RETENTION, settings.retention), (COMPRESSION, settings.compression)
    ):  # fmt: skip
        if value is not None and name not in abilities:
            return f"has no {name} of files"
    if settings.scenario == "rotation-storm" and ROTATION not in abilities:
        return f"has no {ROTATION} of files"
    return None


def compared(adapters: list[str], scenarios: list[str], methods: list[str], seed: int) -> Iterator[Settings]:
    """Each scenario with each library and start method, once per seed, without an end."""
    while True:
        for scenario in scenarios:
            for method in methods if scenario not in FORKS_ONLY else ["fork"]:
                for adapter in adapters:
                    patience = _LONG if adapter == "mplog" else _PEER_PATIENCE
                    short = dataclasses.replace(
                        SHORT[scenario], seed=seed, adapter=adapter, start_method=method, timeout=patience
                    )
                    yield fitted(short, ADAPTERS[adapter])
        seed += 1


def length_of_comparison(adapters: list[str], scenarios: list[str], methods: list[str]) -> int:
    """Rounds that one pass of `compared` has."""
    return sum(len(adapters) * (1 if name in FORKS_ONLY else len(methods)) for name in scenarios)
