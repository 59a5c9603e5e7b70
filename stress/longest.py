"""The longest call of some rounds, and what it waited for: the processor, or something of the library's.

A call that takes a tenth of a second on a machine with fewer processors than processes has mostly not run at all. The
kernel counts for each thread how long it was ready to run and something else ran (see processor.py); that is
told beside a figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stress.adapters import STRANGERS
from stress.peers import PEERS
from stress.verdict import Round

LONG_MS = 10.0
"""From here on a call is worth a word."""

_ORPHANS = "a call that finds its owner gone writes what its ring holds, in turn with the others that do"
_FULL = "a call whose ring is full waits for room, up to a second"
_ALONE = "processes that write by themselves take turns at the file, and one of them rotates it"
_WHY = {
    "kill-owner": _ORPHANS,
    "rights-given-up": _ORPHANS,
    "raised-signal": _ORPHANS,
    "rotation-storm": _ALONE,
    "hookless-fork": _ALONE,
    "fork-storm": "a fork holds up the threads of its process",
    "disk-full": "a call that writes by itself waits for the disk",
}
"""What a call of mplog may wait for in a scenario; in the others it is `_FULL`."""


@dataclass(frozen=True, slots=True)
class Longest:
    """One call, the longest of some rounds."""

    round: Round
    slot: int
    ms: float

    @property
    def idle_ms(self) -> float | None:
        """For how long of it at least its thread was ready and something else ran; None: not known."""
        return self.round.missed_ms.get(self.slot)

    def __str__(self) -> str:
        settings = self.round.settings
        assert settings is not None
        who = self.round.roles.get(self.slot, f"slot {self.slot}").removesuffix(", killed")
        where = f"{who} in {settings.scenario} ({settings.start_method}), seed {settings.seed}"
        if self.ms < LONG_MS:
            return where
        idle = self.idle_ms
        why = _ALONE if settings.start_method == STRANGERS else _WHY.get(settings.scenario, _FULL)
        if settings.adapter in PEERS:
            why = "only its library knows"
        if idle is None:
            return f"{where}; perhaps the machine ran something else, which is not counted here, or {why}"
        counted = f"{where}; for {idle:.0f} ms of it the machine ran something else"
        return counted if self.ms - idle < LONG_MS else f"{counted}; for the rest, perhaps: {why}"


def longest_of(rounds: Sequence[Round]) -> Longest | None:
    """The longest call of all processes of *rounds*; None without a call."""
    calls = [
        (slot.counts.worst_call_ns, number, slot.counts.number)
        for number, round_ in enumerate(rounds)
        for slot in round_.audit.slots
    ]
    worst, number, slot_number = max(calls, default=(0, 0, 0))
    return Longest(rounds[number], slot_number, worst / 1e6) if worst else None
