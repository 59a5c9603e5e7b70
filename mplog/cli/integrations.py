"""``mplog integrations``: what an integration needs in a file, printed."""

from __future__ import annotations

import argparse
import json

from mplog.cli.output import say_json

__all__ = ["add_parser"]


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command's options."""
    parser = commands.add_parser(
        "integrations",
        help="print the configuration file that a framework wants",
        description="Print a configuration file for a framework: mplog integrations uvicorn >log.json, and then "
        "uvicorn --log-config log.json.",
    )
    parser.add_argument("framework", choices=("uvicorn",), help="which one")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from mplog.integrations.uvicorn import LOG_CONFIG  # Late: it brings `logging` along.

    say_json(json.dumps(LOG_CONFIG, indent=2))
    return 0
