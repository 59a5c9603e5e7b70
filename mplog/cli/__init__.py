"""The ``mplog`` command: ``mplog demo``, ``mplog recover`` and ``mplog integrations``.

A command is a module with ``add_parser(commands)``, which describes its options and names its function; the function
takes the parsed arguments and returns the exit status. Without one there is help.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from mplog._version import __version__
from mplog.cli.output import Parser

__all__ = ["main"]

_COMMANDS = ("mplog.cli.demo", "mplog.cli.recover", "mplog.cli.integrations")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 well, 1 not, 2 wrong usage."""
    parser = Parser(
        prog="mplog",
        description="Logging for Python programs that use many processes: a call that has returned is in its files "
        "exactly once, whichever process is killed.",
        epilog="To begin with: mplog demo. What a command can be told: mplog demo --help.",
    )
    parser.add_argument("-V", "--version", action="version", version=f"mplog {__version__}")
    commands = parser.add_subparsers(dest="command", title="commands", metavar="command [options]")
    for command in _COMMANDS:
        # Only now: whoever needs the ledger beside this file must not pay for tables and progress bars.
        import_module(command).add_parser(commands)
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help()
        return 0
    status: int = arguments.run(arguments)
    return status
