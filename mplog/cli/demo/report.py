"""What the demo prints: what is about to happen, and at the end the ledger."""

from __future__ import annotations

import multiprocessing
import platform
import shlex
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mplog.cli._audit import Audit, FileFacts, SlotAudit
from mplog.cli.demo.run import LOG_NAME, Options, Outcome
from mplog.cli.output import one_line

ADD_LINE = 'logger.add(log, rotation="500 KB", compression="gz")'
INFO_LINE = "logger.info(line)"
"""The two lines that did it. A test finds them in the demo's own code."""

_FILES_SHOWN = 12


def show_beginning(console: Console, options: Options, files: int) -> None:
    """Say what is about to happen."""
    method = options.start_method or multiprocessing.get_start_method()
    console.print(
        f"{options.workers} worker processes ({method}) tokenise {files:,} source files of Python "
        f"{platform.python_version()} and log what they find into one file, {LOG_NAME}."
    )
    if options.kill:
        console.print("One of them will be killed on the way.")


def show_end(console: Console, options: Options, outcome: Outcome, *, is_new: bool) -> None:
    """Print the ledger, the files, where they are, and the code; *is_new*: the directory holds nothing else."""
    result = outcome.audit
    console.print(_ledger_table(outcome))
    _show_heirs(console, outcome)
    console.print(
        f"{result.logged:,} records from {outcome.files_done:,} of {outcome.files_offered:,} source files in "
        f"{outcome.seconds:.1f} s."
    )
    _show_files(console, options.directory, result.files, is_new=is_new)
    console.print("\nThe two lines of code that did it:")
    console.print(f"    {ADD_LINE}\n    {INFO_LINE}", markup=False)
    _show_verdict(console, outcome)


def _ledger_table(outcome: Outcome) -> Table:
    """One row per worker process, and the sum."""
    table = Table(box=box.SIMPLE_HEAD, title="what each process knows it logged, and what the files hold")
    table.add_column("process")
    table.add_column("end")
    for name in ("logged", "written", "missing", "doubled", "torn"):
        table.add_column(name, justify="right")
    for slot in outcome.audit.slots:
        end = "killed" if slot.counts.number in outcome.fallen else "finished"
        table.add_row(f"worker {slot.counts.number + 1}, pid {slot.counts.pid}", end, *_cells(slot))
    table.add_section()
    table.add_row("all", "", *_total_cells(outcome.audit), style="bold")
    return table


def _cells(slot: SlotAudit) -> list[str]:
    """One process's row. A killed one may have one record more in the files than calls that returned."""
    return [
        f"{slot.counts.returned:,}",
        f"{slot.written:,}",
        str(slot.missing),
        str(slot.doubled),
        str(slot.torn),
    ]


def _total_cells(result: Audit) -> list[str]:
    return [
        f"{result.logged:,}",
        f"{result.total('written'):,}",
        str(result.total("missing")),
        str(result.total("doubled")),
        str(result.torn),
    ]


def _show_heirs(console: Console, outcome: Outcome) -> None:
    """Say what became of the work of those that died."""
    for slot, heir in outcome.heirs.items():
        console.print(
            f"Worker {slot + 1} was killed in the middle of its work: worker {heir + 1} took its place, and the files "
            "that it had not finished."
        )


def _show_files(console: Console, directory: Path, files: list[FileFacts], *, is_new: bool) -> None:
    """List the files made, the oldest first, and say how to look at them and how to be rid of them."""
    where = one_line(str(directory))
    console.print(f"\nThe log, in {escape(where)}:", soft_wrap=True, highlight=False)
    hidden = len(files) - _FILES_SHOWN
    for facts in files[-_FILES_SHOWN:]:
        stored = f" in {_kib(facts.stored_bytes)}" if facts.stored_bytes != facts.plain_bytes else ""
        console.print(
            f"    {escape(one_line(facts.name))}  {facts.lines:,} lines, {_kib(facts.plain_bytes)}{stored}",
            highlight=False,
        )
    if hidden > 0:
        console.print(f"    and {hidden} older ones")
    path = shlex.quote(where)
    console.print("It stays there, to be looked at and removed:")
    for command in (f"zcat -f {path}/demo*.log* | less", f"rm -r {path}" if is_new else f"rm {path}/demo*.log*"):
        console.print(f"    {escape(command)}", soft_wrap=True, highlight=False)


def _kib(count: int) -> str:
    return f"{count / 1024:,.0f} KiB"


def _show_verdict(console: Console, outcome: Outcome) -> None:
    """Print the last line: whether the ledger balances, and if not, in which way."""
    for sample in outcome.audit.torn_samples:
        console.print(f"torn: {one_line(sample)}", markup=False)
    for notice in outcome.audit.notices:
        console.print(f"the log says: {one_line(notice)}", markup=False)
    if len(outcome.fallen) > outcome.victims:
        console.print(f"[red]{len(outcome.fallen)} workers died, of which the demo killed {outcome.victims}.[/]")
    if outcome.abandoned:
        console.print(f"[red]{outcome.abandoned} files were given to workers that never answered for them.[/]")
    if outcome.balanced:
        console.print("\n[bold green]The ledger balances[/]: every record is there, once, whole, in order.")
    else:
        console.print("\n[bold red]The ledger does not balance.[/]")
