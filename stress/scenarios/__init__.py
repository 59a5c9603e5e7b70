"""What can happen to a program's processes while they log: one scenario a file, each playing one round."""

from __future__ import annotations

from collections.abc import Callable

from stress.scenarios import (
    disk_full,
    fork_storm,
    fuzz,
    hookless_fork,
    kill_all,
    kill_owner,
    kill_workers,
    raised_signal,
    rights_given_up,
    rotation_storm,
    slow_sink,
    soak,
    writers,
)
from stress.settings import Settings
from stress.verdict import Round

_MODULES = {
    "writers": writers,
    "kill-workers": kill_workers,
    "kill-owner": kill_owner,
    "kill-all": kill_all,
    "raised-signal": raised_signal,
    "rights-given-up": rights_given_up,
    "rotation-storm": rotation_storm,
    "fork-storm": fork_storm,
    "hookless-fork": hookless_fork,
    "slow-sink": slow_sink,
    "disk-full": disk_full,
    "fuzz": fuzz,
    "soak": soak,
}

PLAY: dict[str, Callable[[Settings, int], Round]] = {name: module.play_round for name, module in _MODULES.items()}
"""The scenarios, in the order in which they are shown."""

STORIES: dict[str, str] = {name: str(module.__doc__).splitlines()[0] for name, module in _MODULES.items()}
"""What happens in each, in a sentence."""
