"""What a benchmark is: its figure, its contenders, its targets, and what one measurement does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Measure = Callable[[str, int, Path], float]
"""Measure one contender with so many records in a directory of its own, in a process of its own."""


@dataclass(frozen=True, slots=True)
class Target:
    """What mplog's figure should be, as a share of a peer's or as a number."""

    peer: str | None
    """None: the limit is a figure, not a ratio."""
    sense: Literal["at most", "at least"]
    limit: float
    text: str

    def met_by(self, value: float) -> bool:
        """Whether *value* is on the right side of the limit."""
        return value <= self.limit if self.sense == "at most" else value >= self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One table of the report."""

    name: str
    title: str
    unit: str
    contenders: tuple[str, ...]
    targets: tuple[Target, ...]
    records: int
    quick_records: int
    measure: Measure

    @property
    def less_is_better(self) -> bool:
        """Whether the figure is a cost; else it is a rate."""
        return self.unit.endswith("per call")
