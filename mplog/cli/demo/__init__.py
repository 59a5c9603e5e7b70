"""``mplog demo``: the main job on real input, in under 20 seconds.

Four worker processes tokenise the standard library and log what they find into one rotating, compressed log. One of
them is killed on the way. At the end the log is read back and compared with a ledger that was kept outside mplog.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
from pathlib import Path

from mplog.cli.output import say

__all__ = ["add_parser"]


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command's options."""
    parser = commands.add_parser(
        "demo",
        help="log the standard library's figures from four processes, killing one",
        description="Log what is in the source files of the standard library from several processes into one rotating "
        "log, kill one of them on the way, and compare the log with a ledger kept outside of it. The log stays where "
        "it is, to be looked at.",
        epilog="The exit status is 0 when the ledger balances, 1 when it does not, and 2 for wrong usage.",
    )
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
        "--directory", type=Path, metavar="DIR", help="write the log here (default: a new temporary directory)"
    )
    parser.add_argument("--no-kill", action="store_true", help="let every worker live")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    """Run the demo when what it needs is there; return the exit status."""
    if arguments.workers < 1:
        return _refuse(f"--workers {arguments.workers}: at least one process has to do the work.")
    if arguments.directory is not None and any(arguments.directory.glob("demo*.log*")):
        return _refuse(f"{arguments.directory} holds the log of a demo already: name another directory, or remove it.")
    if importlib.util.find_spec("rich") is None:
        return _refuse('The demo prints tables with rich, which is not here: pip install "mplog[demo]" brings it.')
    from mplog.cli.demo.show import show_demo

    return show_demo(arguments)


def _refuse(why: str) -> int:
    say(why, error=True)
    return 2
