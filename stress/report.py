"""The verdict for people: tables, the histogram of the owner's kills, and a last line that says it all."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mplog.cli._audit import Audit, SlotAudit
from stress.balance import Balance
from stress.latency import quantile
from stress.longest import longest_of
from stress.mix import methods_of
from stress.peers import PEERS
from stress.phase import COMMITTING, NAMES, name_of, share_committing
from stress.run import Run, machine
from stress.scenarios import PLAY
from stress.settings import START_METHODS, STRANGERS, Settings
from stress.verdict import Round

_WIDTH_ELSEWHERE = 80
_WIDE = 110
"""From so many columns on, a summary is one table."""
_FAILURES_SHOWN = 3
_SLOTS_SHOWN = 24
_FINDINGS_SHOWN = 12
_BAR = 30
_FOUND = ("passed", "logged", "lost", "doubled", "torn", "out of order", "stuck")
_TIMES = ("p50", "p99", "longest")
KINDS = ("worker", "owner", "all")
"""What can be killed."""


def console() -> Console:
    """Standard output, with a width that tables fit in when it is no terminal."""
    return Console() if sys.stdout.isatty() else Console(width=_WIDTH_ELSEWHERE)


def as_json(run: Run) -> str:
    """The whole run as one JSON text."""
    phases = run.phases()
    return json.dumps(
        {
            "title": run.title,
            "began": run.began,
            "seconds": run.seconds,
            "machine": machine(),
            "passed": run.passed,
            "phases": {name_of(phase): count for phase, count in sorted(phases.items())},
            "share_committing": share_committing(phases) if phases else None,
            "balance": {library: asdict(balance) for library, balance in balances(run.rounds).items()},
            "left_out": [{"settings": asdict(settings), "because": reason} for settings, reason in run.left_out],
            "rounds": [{**round_.as_dict(), "command": run.command_for(round_)} for round_ in run.rounds],
        },
        indent=1,
    )


def show(console: Console, run: Run) -> None:
    """Print everything worth knowing about the run."""
    if len(run.rounds) == 1:
        show_round(console, run.rounds[0])
    else:
        show_summary(console, run)
        # A peer's losses are the table's matter: only what mplog has done wrong is worth pages.
        for round_ in [round_ for round_ in run.failures if not is_peer(round_)][:_FAILURES_SHOWN]:
            show_round(console, round_)
    for line in not_played(run):
        console.print(escape(line), highlight=False)
    show_phases(console, run)
    show_verdict(console, run)


def is_peer(round_: Round) -> bool:
    """Whether another library than mplog was tortured."""
    return round_.settings is not None and round_.settings.adapter in PEERS


def show_round(console: Console, round_: Round) -> None:
    """Print one round in full: a row per process, the files, what is wrong."""
    console.print(slot_table(round_))
    console.print(files_line(round_.audit))
    rate = round_.audit.logged / round_.seconds if round_.seconds else 0
    console.print(f"{round_.audit.logged:,} records in {round_.seconds:.2f} s, {rate:,.0f} a second")
    show_longest(console, [round_])
    if round_.balance is not None:
        console.print(balance_line(round_.balance), highlight=False)
    for notice in round_.audit.notices[:_FINDINGS_SHOWN]:
        console.print(f"the log says: {escape(notice)}", highlight=False)
    if round_.said.strip():
        console.print(f"the programs said:\n{escape(round_.said.strip())}", highlight=False)
    for finding in round_.findings[:_FINDINGS_SHOWN]:
        console.print(f"[red]wrong[/]: {escape(finding)}", highlight=False)
    if len(round_.findings) > _FINDINGS_SHOWN:
        console.print(f"[red]wrong[/]: and {len(round_.findings) - _FINDINGS_SHOWN} findings more (--json has all)")
    for note in round_.notes:
        console.print(escape(note), highlight=False)
    if round_.kept_in:
        console.print(f"kept for a look: {round_.kept_in}")


def title_of(round_: Round) -> str:
    """Which round this is."""
    what = f", {round_.settings.scenario} ({round_.settings.start_method})" if round_.settings else ""
    return f"round {round_.number}, seed {round_.seed}{what}"


def slot_table(round_: Round) -> Table:
    """One row per logging process or thread, the worst first when there are too many for a screen."""
    table = Table(box=box.SIMPLE_HEAD, title=title_of(round_), title_justify="left", padding=(0, 0))
    table.add_column("process")
    for name in ("logged", "undecided", "written", "lost", "doubled", "out of order", "longest"):
        table.add_column(name, justify="right")
    slots = round_.audit.slots
    shown = slots if len(slots) <= _SLOTS_SHOWN else sorted(slots, key=lambda slot: slot.balanced)[:_SLOTS_SHOWN]
    for slot in shown:
        table.add_row(*slot_cells(slot, round_.roles), style=None if slot.balanced else "red")
    if len(shown) < len(slots):
        table.add_row(f"... {len(slots) - len(shown)} more")
    return table


def slot_cells(slot: SlotAudit, roles: dict[int, str]) -> list[str]:
    """One process's figures as text."""
    counts = slot.counts
    expired = f" (+{slot.expired} expired)" if slot.expired else ""
    role = roles.get(counts.number, f"slot {counts.number}").removesuffix(", killed")
    return [
        role if slot.finished else f"{role}, killed",
        f"{counts.returned:,}",
        str(slot.undecided),
        f"{slot.written:,}{expired}",
        str(slot.missing),
        str(slot.doubled),
        str(slot.disordered),
        milliseconds(counts.worst_call_ns / 1e6),
    ]


def files_line(audit: Audit) -> str:
    """The files in one line."""
    stored = sum(facts.stored_bytes for facts in audit.files)
    plain = sum(facts.plain_bytes for facts in audit.files)
    return (
        f"{len(audit.files)} files, {plain:,} bytes ({stored:,} on disk), {audit.torn} torn lines, "
        f"{audit.foreign} lines that nobody logged"
    )


def balance_line(balance: Balance) -> str:
    """What the library itself has counted, in one line."""
    return f"balance: {balance} ({owners_of(balance)})"


def owners_of(balance: Balance) -> str:
    """By how many owners it was counted: those that came to their end."""
    return f"{balance.owners:,} {'owner' if balance.owners == 1 else 'owners'}"


def balances(rounds: Sequence[Round]) -> dict[str, Balance]:
    """The sums of what each library has counted, of those that count."""
    found: dict[str, Balance] = {}
    for round_ in rounds:
        if round_.balance is not None and round_.settings is not None:
            library = round_.settings.adapter
            found[library] = found.get(library, Balance()) + round_.balance
    return found


class Group(NamedTuple):
    """Rounds that are summed up together."""

    scenario: str
    method: str
    """How the processes were started."""
    library: str


def group_of(settings: Settings) -> Group:
    """Where a round with *settings* belongs."""
    return Group(settings.scenario, settings.start_method, settings.adapter)


def groups(rounds: Sequence[Round]) -> dict[Group, list[Round]]:
    """The rounds by scenario, start method and library, in the scenarios' order."""
    found: dict[Group, list[Round]] = {}
    for round_ in rounds:
        assert round_.settings is not None
        found.setdefault(group_of(round_.settings), []).append(round_)
    scenarios, methods = list(PLAY), [*START_METHODS, STRANGERS]
    return dict(
        sorted(found.items(), key=lambda item: (scenarios.index(item[0].scenario), methods.index(item[0].method)))
    )


def show_summary(console: Console, run: Run) -> None:
    """Print a row of totals for each scenario, start method and library."""
    by_group = groups(run.rounds)
    wide = console.width >= _WIDE
    for columns in [(*_FOUND, *_TIMES)] if wide else [_FOUND, _TIMES]:
        console.print(summary_table(by_group, columns, wide=wide))
    show_longest(console, run.judged)
    for library, balance in balances(run.rounds).items():
        console.print(f"{library}, {balance_line(balance)}", highlight=False)


def summary_table(by_group: dict[Group, list[Round]], columns: Sequence[str], *, wide: bool) -> Table:
    """The figures *columns*; a library has a line of its own below what was played, where there are several."""
    libraries = {group.library for group in by_group}
    table = Table(box=box.SIMPLE_HEAD, padding=(0, int(wide), 0, 0))
    table.add_column("", no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right")
    above = None
    for group, rounds in by_group.items():
        played = f"{group.scenario}, {group.method}"
        if len(libraries) > 1 and played != above:
            table.add_row(played, style="bold")
            above = played
        total = Totals(rounds)
        figures = total.as_text(len(rounds))
        table.add_row(
            f"  {group.library}" if len(libraries) > 1 else played,
            *(figures[name] for name in columns),
            style=None if total.passed == len(rounds) else "red",
        )
    return table


def show_longest(console: Console, rounds: Sequence[Round]) -> None:
    """Say which call was the longest, and what it waited for."""
    longest = longest_of(rounds)
    if longest is not None:
        console.print(f"longest call: {milliseconds(longest.ms)}: {escape(str(longest))}", highlight=False)


def not_played(run: Run) -> list[str]:
    """What somebody who reads *run* might take for played."""
    said = []
    if run.asked is not None and run.tried < run.asked:
        said.append(f"not played: {run.asked - run.tried:,} of {run.asked:,} rounds, for the time was up or one failed")
    played = {(group.scenario, group.method) for group in groups(run.rounds)}
    asked = {(settings.scenario, settings.start_method) for settings, _ in run.left_out}
    parts = []
    for name in PLAY:
        missing = [method for method in methods_of(name) if (name, method) not in played | asked]
        if missing:
            parts.append(name if len(missing) == len(methods_of(name)) else f"{name} ({', '.join(missing)})")
    if parts:
        said.append(f"not played: {', '.join(parts)}")
    said += [
        f"not asked: {settings.scenario}, {settings.start_method}: {settings.adapter} {reason}"
        for settings, reason in run.left_out
    ]
    return said


class Totals:
    """Sums over some rounds."""

    def __init__(self, rounds: Sequence[Round]) -> None:
        self.passed = sum(round_.passed for round_ in rounds)
        self.logged = sum(round_.audit.logged for round_ in rounds)
        self.lost, self.doubled, self.disordered = (
            sum(round_.audit.total(name) for round_ in rounds) for name in ("missing", "doubled", "disordered")
        )
        self.torn = sum(round_.audit.torn + round_.audit.foreign for round_ in rounds)
        self.stuck = sum(round_.stuck for round_ in rounds)
        self.longest_ms = max((round_.longest_call_ms for round_ in rounds), default=0.0)
        self.seconds = sum(round_.seconds for round_ in rounds)
        self.kills = sum(len(round_.kills) for round_ in rounds)
        self.latency: Counter[int] = Counter()
        for round_ in rounds:
            self.latency.update(round_.latency)

    def call_ms(self, share: float) -> float:
        """The time that *share* of the calls did not pass."""
        return min(quantile(self.latency, share), self.longest_ms)

    def as_text(self, rounds: int) -> dict[str, str]:
        """The figures by the names of their columns."""
        counted = (self.logged, self.lost, self.doubled, self.torn, self.disordered, self.stuck)
        timed = (self.call_ms(0.5), self.call_ms(0.99), self.longest_ms)
        texts = [f"{self.passed}/{rounds}", *(f"{figure:,}" for figure in counted), *map(milliseconds, timed)]
        return dict(zip((*_FOUND, *_TIMES), texts, strict=True))


def milliseconds(figure: float) -> str:
    """A time in the unit that suits it."""
    if figure < 1:
        return f"{figure * 1e3:.0f} us"
    return f"{figure:.1f} ms" if figure < 1000 else f"{figure / 1e3:.1f} s"


def show_phases(console: Console, run: Run) -> None:
    """Print what the writer was doing when somebody was killed."""
    phases = run.phases()
    if not phases:
        return
    by_kind = {what: run.phases(what) for what in KINDS}
    table = Table(box=box.SIMPLE_HEAD, title="what the writer was doing when somebody was killed", title_justify="left")
    table.add_column("phase")
    for what in KINDS:
        table.add_column(what, justify="right")
    table.add_column("")
    most = max(phases.values())
    for phase in sorted({*range(len(NAMES)), *phases}):
        style = "bold" if phase in COMMITTING else None
        cells = [str(by_kind[what][phase]) for what in KINDS]
        table.add_row(name_of(phase), *cells, "█" * round(_BAR * phases[phase] / most), style=style)
    console.print(table)
    console.print(f"between intent and the move of a head: {share_committing(phases):.0%}")
    inside = [kill.in_call for round_ in run.rounds for kill in round_.kills if kill.what == "worker"]
    if inside:
        console.print(f"workers killed inside of a log call: {sum(map(bool, inside))} of {len(inside)}")


def show_verdict(console: Console, run: Run) -> None:
    """Print the last lines: how to repeat what failed, and how many did."""
    for round_ in run.failures[:_FINDINGS_SHOWN]:
        if not is_peer(round_):
            console.print(f"again: {run.command_for(round_)}", highlight=False, soft_wrap=True)
    word = "[bold green]BALANCED[/]" if run.passed else "[bold red]FAILED[/]"
    console.print(f"{word}: {escape(verdict(run))}, {run.seconds:.0f} s", highlight=False)


def verdict(run: Run) -> str:
    """Of how many rounds how many were well: mplog's, and then those of the others beside it."""
    judged, others = run.judged, [round_ for round_ in run.rounds if is_peer(round_)]
    balanced = sum(round_.passed for round_ in judged)
    if len(judged) == len(run.rounds):
        return f"{run.title}: {balanced} of {len(judged)} rounds balanced"
    theirs = sum(round_.passed for round_ in others)
    return f"mplog: {balanced} of {len(judged)} rounds balanced; the other libraries: {theirs} of {len(others)}"
