"""Compiled lines: a format string as one function per call site.

A compiled line is an f-string in which everything that is the same at each run of its call site stands already:
level, names, line number, and the literal parts of the message.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import Any

from mplog._capture.callsite import CallSite
from mplog._capture.record import RecordFile, RecordLevel
from mplog._render.escape import is_hostile
from mplog._render.markup import TEXT, step
from mplog._render.template import Field, Template, quoted
from mplog._render.times import format_time, local_time

Line = Callable[[str, int, str, Any], str]
"""(time before the fraction, fraction as an integer, time after it, message or tuple of arguments) -> whole line."""

# Specifications that mean the same inside an f-string: no braces, quotes or backslashes; and no `c`, which makes any
# character of a number.
_PLAIN_SPEC = re.compile(r"[A-Zabd-z0-9 <>=^+\-#_,.%]*\Z")

_NEVER = 1 << 62
"""A second that no clock shows: later than any, so that the first call finds its text out of date."""


class TimeText:
    """The text of the time field, kept for the second it is in. One per handler; any thread may refresh it."""

    __slots__ = ("_spec", "scale", "state")

    def __init__(self, spec: tuple[str, int, str]) -> None:
        self._spec = spec
        self.scale = 10 ** spec[1]
        # One tuple, stored at once: a thread never sees the text of one second with the number of another.
        self.state: tuple[int, str, str] = (_NEVER, "", "")

    def refresh(self, second: int) -> tuple[int, str, str]:
        """The texts around the fraction, for *second*."""
        moment = local_time(second)
        before, _, after = self._spec
        self.state = state = (
            second,
            format_time(moment, before) if before else "",
            format_time(moment, after) if after else "",
        )
        return state


def compile_line(
    template: Template,
    site: CallSite,
    level: RecordLevel,
    message: str | None,
    count: int,
    color: str | None = None,
) -> Line | None:
    """*template* as one function for the call site, or None where only its `format` will do.

    Args:
        message: its template, to be merged into the line; None when it has no arguments and arrives whole.
        count: number of positional arguments.
        color: the sequences of the level's colour; None takes all colours out.
    """
    if template.time_spec is None:
        return None
    constants: dict[str, Any] = {
        "name": site.name,
        "function": site.function,
        "line": site.line,
        "module": site.module,
        "file": RecordFile(site.file_name, site.file_path),
        "level": level,
    }
    body = ["{m}"] if message is None else merge_message(message, count)
    if body is None:
        return None
    pieces: list[str] = []
    in_force: list[str] = []
    for part in template.parts:
        if not isinstance(part, Field):
            kind, literal = part
            if kind != TEXT:
                literal = "" if color is None else step(kind, literal, color, in_force)
            pieces.append(quoted(literal))
            continue
        if part.name == "time":
            pieces.append(_time_pieces(template.time_spec[1]))
        elif part == ("message", "", ""):
            pieces += body
        elif part.key in constants and "{" not in part.spec:
            try:
                shown = part.source().format_map(constants)
            except Exception:  # noqa: BLE001 - no such attribute, no such specification: `format` says so
                return None
            if is_hostile(shown) or "\n" in shown:
                return None
            pieces.append(quoted(shown))
        else:
            return None
    try:
        "".join(pieces).encode()
    except UnicodeEncodeError:
        # A lone surrogate in a name or in the format: `format` and the handler's encoding deal with it.
        return None
    pieces.append("\n")
    source = f"lambda p, f, q, m: f{''.join(pieces)!r}"
    # The text consists of quoted constants and of placeholders made here: nothing of the user's is run.
    line: Line = eval(source, {"__builtins__": {}, "M": _THOUSAND})
    return line


_THOUSAND = [f"{value:03d}" for value in range(1000)]


def _time_pieces(digits: int) -> str:
    """The time in an f-string: the text before, the fraction, the text after. Thousands have a table, for speed."""
    if digits == 0:
        return "{p}{q}"
    if digits == 3:
        return "{p}{M[f]}{q}"
    return "{p}{M[f // 1000]}{M[f % 1000]}{q}" if digits == 6 else f"{{p}}{{f:0{digits}d}}{{q}}"


def merge_message(message: str, count: int) -> list[str] | None:
    """The pieces of *message* as parts of an f-string over m[0], m[1] ..., or None when only `str.format` will do.

    Only automatic fields, `{}`, with plain conversions and specifications qualify, one for each argument.
    """
    pieces: list[str] = []
    index = 0
    try:
        parsed = list(string.Formatter().parse(message))
    except ValueError:
        return None
    for literal, name, spec, conversion in parsed:
        if not literal.isprintable():
            return None
        pieces.append(quoted(literal))
        if name is None:
            continue
        if name or not _PLAIN_SPEC.match(spec or "") or (conversion and conversion not in "rsa"):
            return None
        pieces.append(f"{{m[{index}]{'!' + conversion if conversion else ''}{':' + spec if spec else ''}}}")
        index += 1
    return pieces if index == count else None
