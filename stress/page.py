"""The run as one self-contained page: no script, no font and no picture from anywhere else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from mplog.cli._audit import SlotAudit
from stress import pictures
from stress.longest import LONG_MS, longest_of
from stress.phase import share_committing
from stress.report import (
    KINDS,
    Group,
    Totals,
    balance_line,
    balances,
    group_of,
    groups,
    milliseconds,
    not_played,
    verdict,
)
from stress.run import Run, machine
from stress.scenarios import STORIES
from stress.settings import Settings
from stress.verdict import Round

_SHOWN_FAILURES = 12
_SHOWN_SLOTS = 14
_SHOWN_FINDINGS = 8
_FINDING_LETTERS = 1500


@dataclass(frozen=True, slots=True)
class Cell:
    """One library in one scenario."""

    verdict: str
    """``pass``, ``fail`` or ``none``."""
    head: str
    lines: list[str]


@dataclass(frozen=True, slots=True)
class Bar:
    """One process's row in the ledger."""

    role: str
    end: str
    slot: SlotAudit
    written_share: float
    missing_share: float
    worst: str


@dataclass(frozen=True, slots=True)
class Detail:
    """One round, shown in full."""

    round: Round
    settings: Settings
    course: Markup
    bars: list[Bar]
    more_bars: int
    findings: list[str]
    command: str
    options: str


def page(run: Run) -> str:
    """Render the whole page."""
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    by_group = groups(run.rounds)
    left_out = [settings.adapter for settings, _ in run.left_out]
    libraries = list(dict.fromkeys([*(group.library for group in by_group), *left_out]))
    totals = {key: Totals(rounds) for key, rounds in by_group.items()}
    phases = run.phases()
    return environment.get_template("page.html.j2").render(
        run=run,
        total=Totals(run.rounds),
        machine=machine(),
        libraries=libraries,
        rows=list(dict.fromkeys((group.scenario, group.method) for group in by_group)),
        stories=STORIES,
        groups=by_group,
        totals=totals,
        cells=cells(run, by_group),
        by_library={library: Totals(of_library(run, library)) for library in libraries},
        balanced={library: balanced(by_group, library) for library in libraries},
        histograms=histograms(run, libraries),
        ranges=Markup(pictures.ranges([range_of(run, library) for library in libraries])),
        phases=Markup(pictures.phases({kind: run.phases(kind) for kind in KINDS})) if phases else "",
        share_committing=share_committing(phases),
        in_call=Counter(kill.in_call for round_ in run.rounds for kill in round_.kills if kill.what == "worker"),
        kinds=KINDS,
        details=[detail(run, round_) for round_ in shown(run)],
        hidden_failures=max(0, len(run.failures) - _SHOWN_FAILURES),
        milliseconds=milliseconds,
        balances=balances(run.rounds),
        verdict=verdict(run),
        not_played=[line for line in not_played(run) if len(libraries) == 1 or not line.startswith("not asked")],
        longest=longest_of(run.judged),
        long_calls=long_calls(by_group),
        balance_line=balance_line,
    )


def of_library(run: Run, library: str) -> list[Round]:
    """The rounds that one library was tortured in."""
    return [round_ for round_ in run.rounds if round_.settings and round_.settings.adapter == library]


def histograms(run: Run, libraries: Sequence[str]) -> list[tuple[str, Markup]]:
    """Each library's call times over all rounds, on one axis."""
    totals = {library: Totals(of_library(run, library)) for library in libraries}
    axis = pictures.span((total.latency, total.longest_ms) for total in totals.values())
    width = pictures.WIDTH if len(libraries) == 1 else pictures.HALF
    return [
        (library, Markup(pictures.histogram(total.latency, total.longest_ms, width, axis)))
        for library, total in totals.items()
    ]


def long_calls(by_group: dict[Group, list[Round]]) -> dict[Group, str]:
    """What is to be said of the longest call of each row, where it is long."""
    found = {key: longest_of(rounds) for key, rounds in by_group.items()}
    return {key: str(longest) for key, longest in found.items() if longest is not None and longest.ms >= LONG_MS}


def balanced(by_group: dict[Group, list[Round]], library: str) -> str:
    """In how many of its scenarios and ways to start processes a library balanced."""
    found = [all(round_.passed for round_ in rounds) for group, rounds in by_group.items() if group.library == library]
    return f"{sum(found)} of {len(found)}"


def range_of(run: Run, library: str) -> tuple[str, Counter[int], float]:
    """One library's row in the picture of all."""
    total = Totals(of_library(run, library))
    return library, total.latency, total.longest_ms


def cells(run: Run, by_group: dict[Group, list[Round]]) -> dict[Group, Cell]:
    """What stands in the table of scenarios and libraries."""
    found = {group_of(settings): Cell("none", "not asked", [reason]) for settings, reason in run.left_out}
    return found | {key: cell(rounds) for key, rounds in by_group.items()}


def cell(rounds: Sequence[Round]) -> Cell:
    """One library in one scenario, in a few words."""
    total = Totals(rounds)
    lines = []
    if total.lost:
        lines.append(f"{total.lost:,} of {total.logged:,} lost ({total.lost / total.logged:.1%})")
    for count, what in (
        (total.doubled, "doubled"), (total.torn, "torn"), (total.disordered, "out of order"), (total.stuck, "stuck"),
    ):  # fmt: skip
        if count:
            lines.append(f"{count:,} {what}")
    passed = total.passed == len(rounds)
    if not passed and not lines:
        lines.append(next(finding for round_ in rounds for finding in round_.findings).splitlines()[0])
    if passed:
        lines.append(f"{total.logged:,} records")
    lines.append(f"longest {milliseconds(total.longest_ms)}")
    head = "balanced" if passed else "failed"
    return Cell("pass" if passed else "fail", head if len(rounds) == 1 else f"{total.passed} of {len(rounds)}", lines)


def shown(run: Run) -> list[Round]:
    """The rounds that are shown in full: those that failed, then the first one of each kind."""
    failures = run.failures[:_SHOWN_FAILURES]
    firsts: dict[tuple[str, str], Round] = {}
    for group, rounds in groups(run.rounds).items():
        firsts.setdefault((group.scenario, group.library), rounds[0])
    return failures + [round_ for round_ in firsts.values() if all(round_ is not failure for failure in failures)]


def detail(run: Run, round_: Round) -> Detail:
    """Everything about one round."""
    assert round_.settings is not None
    slots = sorted(round_.audit.slots, key=lambda slot: slot.balanced)[:_SHOWN_SLOTS]
    slots.sort(key=lambda slot: slot.counts.number)
    most = max((slot.counts.returned for slot in slots), default=1) or 1
    return Detail(
        round=round_,
        settings=round_.settings,
        course=Markup(pictures.course(round_)),
        bars=[bar(round_, slot, most) for slot in slots],
        more_bars=len(round_.audit.slots) - len(slots),
        findings=[finding[:_FINDING_LETTERS].strip() for finding in round_.findings[:_SHOWN_FINDINGS]],
        command=run.command_for(round_),
        options=options_of(round_.settings),
    )


def bar(round_: Round, slot: SlotAudit, most: int) -> Bar:
    """One process's row."""
    return Bar(
        role=round_.roles.get(slot.counts.number, f"slot {slot.counts.number}").removesuffix(", killed"),
        end="finished" if slot.finished else "killed",
        slot=slot,
        written_share=100 * min(slot.written / most, 1),
        missing_share=100 * slot.missing / most,
        worst=milliseconds(slot.counts.worst_call_ns / 1e6),
    )


def options_of(settings: Settings) -> str:
    """What was chosen for a round, in a line."""
    chosen = [f"{settings.processes} processes", settings.start_method]
    if settings.threads > 1:
        chosen.append(f"{settings.threads} threads each")
    if settings.rate:
        chosen.append(f"{settings.rate:g} records a second and thread")
    files = {name: getattr(settings, name) for name in ("rotation", "retention", "compression")}
    chosen += [f"{name} {value}" for name, value in files.items() if value is not None]
    return ", ".join(chosen)
