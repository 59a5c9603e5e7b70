"""``mplog demo``: the main job on real input, in under 20 seconds.

Four worker processes tokenise the standard library and log what they find into one rotating, compressed log. One of
them is killed on the way. At the end the log is read back and compared with a ledger that was kept outside mplog.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from mplog.cli.demo import report, sources
from mplog.cli.demo.crew import CrewExhausted
from mplog.cli.demo.run import Options, run_demo

__all__ = ["add_parser"]

_WIDTH_ELSEWHERE = 110


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command's options."""
    parser = commands.add_parser("demo", help="log the standard library's figures from four processes, killing one")
    parser.add_argument("--workers", type=int, default=4, metavar="N", help="worker processes (default: %(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=8.0, metavar="S", help="hand out work for so long (default: %(default)s)"
    )
    parser.add_argument(
        "--start-method",
        choices=multiprocessing.get_all_start_methods(),
        help="how workers are started (default: the interpreter's)",
    )
    parser.add_argument(
        "--directory", type=Path, metavar="DIR", help="write the log here and leave it (default: a temporary directory)"
    )
    parser.add_argument("--no-kill", action="store_true", help="let every worker live")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    """Run the demo, print the ledger, and return 1 when it does not balance."""
    console = Console() if sys.stdout.isatty() else Console(width=_WIDTH_ELSEWHERE)
    if arguments.workers < 1:
        console.print(f"--workers {arguments.workers}: at least one process has to do the work.")
        return 2
    files = sources.standard_library()
    if not files:
        console.print(
            f"No source files in {sources.library_directory()}: run the demo with an interpreter that has them."
        )
        return 1
    with ExitStack() as stack:
        directory = arguments.directory or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mplog-demo-")))
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
            console.print(f"[bold red]{error}[/]")
            return 1
        report.show_end(console, options, outcome, keeps=arguments.directory is not None)
    return 0 if outcome.balanced else 1
