"""Runs the measurements: contenders take turns, each in a fresh process, and medians are kept."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.contenders import PACKAGES
from benchmarks.subject import Subject
from stress.workshop import Workshop

_PATIENCE = 300.0
_SAID_KEPT = 800


@dataclass(slots=True)
class Figures:
    """What one contender was measured at."""

    contender: str
    values: list[float] = field(default_factory=list)
    problem: str | None = None
    """Why there is no figure, or not from every round."""

    @property
    def median(self) -> float | None:
        """The figure that counts."""
        return statistics.median(self.values) if self.values else None


def run_subject(subject: Subject, rounds: int, *, quick: bool, step: Callable[[], object]) -> list[Figures]:
    """Measure all contenders of *subject*, in turns; *step* is called after each measurement."""
    records = subject.quick_records if quick else subject.records
    figures = {name: Figures(name) for name in subject.contenders}
    for number in range(rounds):
        for name in _turns(subject.contenders, number):
            _measure_once(subject, figures[name], records)
            step()
    return list(figures.values())


def _turns(contenders: tuple[str, ...], number: int) -> tuple[str, ...]:
    """Give everyone every place in the order."""
    first = number % len(contenders)
    return contenders[first:] + contenders[:first]


def _measure_once(subject: Subject, figures: Figures, records: int) -> None:
    package = PACKAGES.get(figures.contender)
    if package and importlib.util.find_spec(package.replace("-", "_")) is None:
        figures.problem = f'not installed: pip install "mplog[benchmarks]" brings {package}'
        return
    try:
        figures.values.append(_in_fresh_process(subject.name, figures.contender, records))
    except (subprocess.SubprocessError, ValueError) as error:
        said = error.stderr if isinstance(error, subprocess.CalledProcessError) else ""
        figures.problem = f"{error}\n{said}"[-_SAID_KEPT:]


def _in_fresh_process(subject: str, contender: str, records: int) -> float:
    """Run one measurement and return its figure. Nothing of it is left afterwards."""
    with Workshop() as workshop:
        command = [sys.executable, "-m", "benchmarks.measure", subject, contender, str(records), str(workshop.logs)]
        process = subprocess.Popen(
            command,
            env=workshop.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            answer, said = process.communicate(timeout=_PATIENCE)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command[2:6], answer, said)
        return float(json.loads(answer))
