"""The figures as tables and as JSON."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.contenders import PACKAGES
from benchmarks.run import Figures
from benchmarks.subject import Subject, Target

Result = tuple[Subject, list[Figures]]
_WIDTH_ELSEWHERE = 120


def console() -> Console:
    """Standard output, with a width that tables fit in when it is no terminal."""
    return Console() if sys.stdout.isatty() else Console(width=_WIDTH_ELSEWHERE)


def surroundings() -> dict[str, str]:
    """What the figures depend on."""
    versions = {package: version_of(package) for package in ("mplog", *sorted(set(PACKAGES.values())))}
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return {
        "python": python,
        "processors": str(os.cpu_count()),
        "system": platform.system(),
        "machine": platform.machine(),
        **versions,
    }


def version_of(package: str) -> str:
    """The version of an installed distribution, or why there is none."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "from the source tree" if package == "mplog" else "not installed"


def show(screen: Console, results: Sequence[Result], rounds: int) -> None:
    """Print one table per subject."""
    screen.print(", ".join(f"{name} {value}" for name, value in surroundings().items()), highlight=False)
    screen.print(f"medians of {rounds} rounds, contenders in turns; in brackets the lowest and the highest")
    for subject, figures in results:
        screen.print(subject_table(subject, figures))
        for contender in figures:
            if contender.problem:
                screen.print(f"{contender.contender}: {escape(contender.problem.strip())}", highlight=False)


def subject_table(subject: Subject, figures: list[Figures]) -> Table:
    """One row per contender, with mplog's ratio to it and the target beside."""
    table = Table(box=box.SIMPLE_HEAD, title=subject.title, title_justify="left")
    table.add_column("")
    table.add_column(subject.unit, justify="right")
    table.add_column("mplog : it", justify="right")
    table.add_column("target", justify="right")
    table.add_column("")
    for contender in figures:
        ratio = ratio_to(contender, figures)
        target = target_of(subject, contender.contender)
        value = contender.median if target and target.peer is None else ratio
        table.add_row(
            contender.contender,
            spread(contender),
            "" if ratio is None or contender.contender == "mplog" else f"{ratio:.3f}" if ratio < 1 else f"{ratio:.1f}",
            target.text if target else "",
            "" if target is None or value is None else "met" if target.met_by(value) else "missed",
        )
    return table


def spread(figures: Figures) -> str:
    """The median with the lowest and the highest value."""
    if figures.median is None:
        return "-"
    return f"{figures.median:,.0f}  ({min(figures.values):,.0f} - {max(figures.values):,.0f})"


def ratio_to(peer: Figures, figures: list[Figures]) -> float | None:
    """mplog's median divided by the peer's."""
    own = next(contender.median for contender in figures if contender.contender == "mplog")
    return own / peer.median if own and peer.median else None


def target_of(subject: Subject, contender: str) -> Target | None:
    """The target that stands beside *contender*; one without a peer stands beside mplog itself."""
    return next((target for target in subject.targets if (target.peer or "mplog") == contender), None)


def as_data(results: Sequence[Result], rounds: int, *, quick: bool, load: str) -> dict[str, Any]:
    """Everything as data. *load* is that of the machine before the first measurement."""
    subjects = {
        subject.name: {
            "unit": subject.unit,
            "contenders": {
                contender.contender: {
                    "median": contender.median,
                    "values": contender.values,
                    "ratio": ratio_to(contender, figures),
                    "problem": contender.problem,
                }
                for contender in figures
            },
            "targets": [{"peer": t.peer, "sense": t.sense, "limit": t.limit} for t in subject.targets],
        }
        for subject, figures in results
    }
    return {"surroundings": {**surroundings(), "load": load}, "quick": quick, "rounds": rounds, "subjects": subjects}
