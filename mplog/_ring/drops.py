"""The table of dropped records in a ring's header: per route and level, how many, and how many of them were said.

It outlives its process as the ring does. The producer counts; whoever drains the ring says what it finds.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from mplog._ring.layout import DROP_ENTRIES, DROP_TABLE, DROPPED, DROPS_SAID

MOST = 1 << 40
"""Records that no process drops in its life: a larger number is none that a producer of ours counts."""

_USED = 1 << 63
_ALL = (1 << 64) - 1
_OTHERS = (1 << 32) - 1
"""Stands for any route and any level, once the table is full."""


class Drop(NamedTuple):
    """Records of one route and level that were dropped; *level* is None where the table was too small to tell."""

    entry: int
    route: int
    level: int | None
    total: int
    said: int


def count(words: Any, route: int, level: int) -> None:
    """Count one drop. Called by the producing process only, one thread at a time."""
    key = _USED | (route & 0x7FFFFFFF) << 32 | max(0, min(level, _OTHERS - 1))
    for index in range(DROP_ENTRIES):
        at = DROP_TABLE + 3 * index
        found = words[at]
        if not found:
            if index == DROP_ENTRIES - 1:
                key = _USED | (route & 0x7FFFFFFF) << 32 | _OTHERS
            words[at] = found = key
        if found == key or index == DROP_ENTRIES - 1:
            words[at + 1] += 1
            break
    words[DROPPED] += 1


def believed(total: int) -> int:
    """*total* drops, as far as a process can have so many: what stands in a ring, any program may have stored there."""
    return min(total, MOST)


def read(words: Any) -> list[Drop]:
    """What the table of a ring says now."""
    found = []
    for index in range(DROP_ENTRIES):
        at = DROP_TABLE + 3 * index
        key = words[at]
        if not key:
            break
        level = key & _OTHERS
        found.append(
            Drop(index, key >> 32 & 0x7FFFFFFF, None if level == _OTHERS else level, words[at + 1], words[at + 2])
        )
    return found


def any_unsaid(words: Any) -> bool:
    """Whether something was dropped that no log tells yet."""
    return bool(words[DROPPED] != words[DROPS_SAID])


def mark_said(words: Any, drops: list[Drop]) -> None:
    """The log tells of *drops* now. Called by the drainer of the ring only."""
    for drop in drops:
        words[DROP_TABLE + 3 * drop.entry + 2] = drop.total
    words[DROPS_SAID] = sum(drop.said for drop in read(words)) & _ALL
