"""What the commands print: the one place from which their words reach a terminal.

Much of it is made of what others have written: names of files and programs, texts of errors, bytes of the log. None of
that may drive the terminal or look like a line of the command's own.
"""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn, TextIO

from mplog._render.escape import one_line

__all__ = ["Parser", "one_line", "say", "say_json"]


def say(line: str, *, error: bool = False) -> None:
    """Print one line, to standard error if it is an *error*."""
    _write(sys.stderr if error else sys.stdout, one_line(line))


def say_json(text: str) -> None:
    """Print *text*, which is JSON with ASCII alone in it, on as many lines as it has."""
    _write(sys.stdout, text.replace("\x7f", "\\u007f"))


def _write(stream: TextIO, text: str) -> None:
    # There may be characters for which it has no bytes.
    encoding = stream.encoding or "utf8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


class Parser(argparse.ArgumentParser):
    """Repeats what it was given when that is wrong."""

    def error(self, message: str) -> NoReturn:
        """End with status 2 and *message*."""
        super().error(one_line(message))
