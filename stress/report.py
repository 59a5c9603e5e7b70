"""The verdict for people: tables, the histogram of the owner's kills, and a last line that says it all."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mplog.cli._audit import Audit, SlotAudit
from stress.phase import COMMITTING, NAMES, name_of, share_committing
from stress.settings import Settings
from stress.verdict import Round

_WIDTH_ELSEWHERE = 120
_FAILURES_SHOWN = 3
_SLOTS_SHOWN = 24
_FINDINGS_SHOWN = 12
_BAR = 40
_TOTALS = ("missing", "doubled", "disordered")


def console() -> Console:
    """Standard output, with a width that tables fit in when it is no terminal."""
    return Console() if sys.stdout.isatty() else Console(width=_WIDTH_ELSEWHERE)


def as_json(settings: Settings, rounds: Sequence[Round]) -> str:
    """The whole run as one JSON text."""
    phases = phase_counts(rounds)
    return json.dumps(
        {
            "settings": asdict(settings),
            "passed": all(round_.passed for round_ in rounds),
            "phases": {name_of(phase): count for phase, count in sorted(phases.items())},
            "share_committing": share_committing(phases) if phases else None,
            "rounds": [round_.as_dict() for round_ in rounds],
        },
        indent=1,
    )


def phase_counts(rounds: Sequence[Round]) -> Counter[int]:
    """Count where owners were when they were killed; empty when the library does not say."""
    phases = Counter(round_.phase for round_ in rounds if round_.phase is not None)
    return phases if any(phases[phase] for phase in phases if phase) else Counter()


def show(console: Console, settings: Settings, rounds: Sequence[Round]) -> None:
    """Print everything worth knowing about the run."""
    if len(rounds) == 1:
        show_round(console, rounds[0])
    else:
        show_summary(console, rounds)
        for round_ in [round_ for round_ in rounds if not round_.passed][:_FAILURES_SHOWN]:
            show_round(console, round_)
    show_phases(console, phase_counts(rounds))
    show_verdict(console, settings, rounds)


def show_round(console: Console, round_: Round) -> None:
    """Print one round in full: a row per process, the files, what is wrong."""
    console.print(slot_table(round_))
    console.print(files_line(round_.audit))
    rate = round_.audit.logged / round_.seconds if round_.seconds else 0
    console.print(f"{round_.audit.logged:,} records in {round_.seconds:.2f} s, {rate:,.0f} a second")
    for notice in round_.audit.notices[:_FINDINGS_SHOWN]:
        console.print(f"the log says: {escape(notice)}", highlight=False)
    if round_.said.strip():
        console.print(f"the programs said:\n{escape(round_.said.strip())}", highlight=False)
    for finding in round_.findings[:_FINDINGS_SHOWN]:
        console.print(f"[red]wrong[/]: {escape(finding)}", highlight=False)
    if len(round_.findings) > _FINDINGS_SHOWN:
        console.print(f"[red]wrong[/]: and {len(round_.findings) - _FINDINGS_SHOWN} findings more (--json has all)")
    if round_.kept_in:
        console.print(f"kept for a look: {round_.kept_in}")


def slot_table(round_: Round) -> Table:
    """One row per logging process or thread, the worst first when there are too many for a screen."""
    table = Table(box=box.SIMPLE_HEAD, title=f"round {round_.number}, seed {round_.seed}", title_justify="left")
    table.add_column("process")
    table.add_column("end")
    for name in ("logged", "undecided", "written", "missing", "doubled", "out of order", "worst call"):
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
    return [
        roles.get(counts.number, f"slot {counts.number}"),
        "finished" if slot.finished else "killed",
        f"{counts.returned:,}",
        str(slot.undecided),
        f"{slot.written:,}{expired}",
        str(slot.missing),
        str(slot.doubled),
        str(slot.disordered),
        f"{counts.worst_call_ns / 1e6:.1f} ms",
    ]


def files_line(audit: Audit) -> str:
    """The files in one line."""
    stored = sum(facts.stored_bytes for facts in audit.files)
    plain = sum(facts.plain_bytes for facts in audit.files)
    return (
        f"{len(audit.files)} files, {plain:,} bytes ({stored:,} on disk), {audit.torn} torn lines, "
        f"{audit.foreign} lines that nobody logged"
    )


def show_summary(console: Console, rounds: Sequence[Round]) -> None:
    """Print one row of totals over all rounds."""
    table = Table(box=box.SIMPLE_HEAD)
    cells = {
        "rounds": len(rounds),
        "passed": sum(round_.passed for round_ in rounds),
        "logged": sum(round_.audit.logged for round_ in rounds),
        **{name: sum(round_.audit.total(name) for round_ in rounds) for name in _TOTALS},
        "torn": sum(round_.audit.torn for round_ in rounds),
        "undecided": sum(round_.audit.total("undecided") for round_ in rounds),
    }
    for name in cells:
        table.add_column("out of order" if name == "disordered" else name, justify="right")
    table.add_row(*(f"{cell:,}" for cell in cells.values()))
    console.print(table)
    waits = sorted(round_.next_call_ms for round_ in rounds if round_.next_call_ms is not None)
    if waits:
        console.print(f"longest call beside a kill or fork: {waits[-1]:.1f} ms, median {waits[len(waits) // 2]:.1f} ms")


def show_phases(console: Console, phases: Counter[int]) -> None:
    """Print where the owners were when they were killed."""
    if not phases:
        return
    table = Table(box=box.SIMPLE_HEAD, title="where the owner was when it was killed", title_justify="left")
    table.add_column("phase")
    table.add_column("kills", justify="right")
    table.add_column("")
    most = max(phases.values())
    for phase in sorted({*range(len(NAMES)), *phases}):
        count = phases[phase]
        style = "bold" if phase in COMMITTING else None
        table.add_row(name_of(phase), str(count), "█" * round(_BAR * count / most), style=style)
    console.print(table)
    console.print(f"between intent and the move of a head: {share_committing(phases):.0%}")


def show_verdict(console: Console, settings: Settings, rounds: Sequence[Round]) -> None:
    """Print the last line."""
    failed = sum(not round_.passed for round_ in rounds)
    what = f"{settings.scenario}, {settings.adapter}"
    if failed:
        console.print(f"[bold red]FAILED[/]: {what}: {failed} of {len(rounds)} rounds", highlight=False)
    else:
        console.print(f"[bold green]BALANCED[/]: {what}: {len(rounds)} of {len(rounds)} rounds", highlight=False)
