"""The demo from its first line of output to its last."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from mplog.cli.demo import report, sources
from mplog.cli.demo.crew import CrewExhausted
from mplog.cli.demo.run import Options, run_demo
from mplog.cli.output import one_line

_WIDTH_ELSEWHERE = 80


def show_demo(arguments: argparse.Namespace) -> int:
    """Run the demo, print the ledger, and return 1 when it does not balance."""
    console = Console() if sys.stdout.isatty() else Console(width=_WIDTH_ELSEWHERE)
    files = sources.standard_library()
    if not files:
        directory = sources.library_directory()
        console.print(
            f"No source files in {escape(one_line(str(directory)))}: run the demo with an interpreter that has them."
        )
        return 1
    directory = arguments.directory or Path(tempfile.mkdtemp(prefix="mplog-demo-"))
    directory.mkdir(parents=True, exist_ok=True)
    options = Options(
        directory=directory,
        workers=arguments.workers,
        seconds=arguments.seconds,
        start_method=arguments.start_method,
        kill=not arguments.no_kill,
    )
    report.show_beginning(console, options, len(files))
    try:
        outcome = run_demo(options, files)
    except CrewExhausted as error:
        console.print(f"[bold red]{escape(one_line(str(error)))}[/]")
        return 1
    report.show_end(console, options, outcome, is_new=arguments.directory is None)
    return 0 if outcome.balanced else 1
