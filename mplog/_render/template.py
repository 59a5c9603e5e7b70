"""Format strings: checked once by `add()`, applied to records, compiled to one function per call site.

A compiled line is an f-string in which everything that is the same at each run of its call site stands already:
level, names, line number, and the literal parts of the message.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import Any, NamedTuple

from mplog._capture.callsite import CallSite
from mplog._capture.record import RecordFile, RecordLevel
from mplog._render.escape import Escaped, escape, is_hostile
from mplog._render.guard import guarded
from mplog._render.times import format_time, local_time, split_fraction

DEFAULT = "{time:YYYY-MM-DD HH:mm:ss.SSS Z} | {level: <8} | {name}:{function}:{line} - {message}"

Line = Callable[..., str]
"""(time before the fraction, fraction as an integer, time after it, message or the arguments) -> the whole line."""

# Specifications that mean the same inside an f-string: no braces, quotes or backslashes.
_PLAIN_SPEC = re.compile(r"[A-Za-z0-9 <>=^+\-#_,.%]*\Z")


class _Field(NamedTuple):
    name: str
    spec: str
    conversion: str


class TimeText:
    """The text of the time field, kept for the second it is in. One per handler; any thread may refresh it."""

    __slots__ = ("_spec", "scale", "state")

    def __init__(self, spec: tuple[str, int, str]) -> None:
        self._spec = spec
        self.scale = 10 ** spec[1]
        # One tuple, stored at once: a thread never sees the text of one second with the number of another.
        self.state: tuple[int, str, str] = (-1, "", "")

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


class Template:
    """One format string. Immutable; safe from any thread."""

    __slots__ = ("_fields", "_parts", "source", "time_spec", "uses_process")

    def __init__(self, source: str) -> None:
        """Check *source*.

        Raises:
            ValueError: it is no format string.
        """
        self.source = source
        self._parts: list[tuple[str, _Field | None]] = []
        try:
            parsed = list(string.Formatter().parse(source))
        except ValueError as error:
            raise ValueError(
                f"Invalid format {source!r}: {error}. Double the braces that are meant literally: {{{{ and }}}}."
            ) from error
        for literal, name, spec, conversion in parsed:
            field = None if name is None else _Field(name, spec or "", conversion or "")
            self._parts.append((literal, field))
            if field is not None and any(
                nested
                for _, nested, deep, _ in string.Formatter().parse(field.spec)
                if nested is not None and "{" in (deep or "")
            ):
                raise ValueError(
                    f"Invalid format {source!r}: Max string recursion exceeded. A field inside a specification "
                    "cannot have a specification with fields itself; compute it in a format function."
                )
        self._fields = [field for _, field in self._parts if field is not None]
        times = [field for field in self._fields if field.name == "time"]
        self.time_spec: tuple[str, int, str] | None = None
        if not times:
            self.time_spec = ("", 0, "")
        elif len(times) == 1 and not times[0].conversion and "{" not in times[0].spec:
            self.time_spec = split_fraction(times[0].spec)
        self.uses_process = any(field.name.startswith(("process", "thread")) for field in self._fields)

    def format(self, record: dict[str, Any], exception_text: str, *, sanitize: bool) -> str:
        """The line for *record*, terminator and exception included.

        Raises:
            ValueError: the record lacks a key that the format names; the text says which.
        """
        text = self._apply(record, exception_text)
        if sanitize and is_hostile(text):
            clean = dict(record)
            clean["message"] = escape(record["message"])
            clean["extra"] = Escaped(record["extra"])
            text = self._apply(clean, escape(exception_text))
        return text

    def _apply(self, record: dict[str, Any], exception_text: str) -> str:
        values = dict(record)
        values["exception"] = exception_text
        try:
            text = self.source.format_map(values)
        except KeyError as error:
            raise ValueError(
                f"Failed to format log record: the format {self.source!r} names {error}, which this record does not "
                "have. Bind it (logger.bind(...)), give it as keyword argument, or take it out of the format."
            ) from error
        except Exception:  # noqa: BLE001 - a value that cannot be shown; what else is wrong raises again
            text = self.source.format_map(guarded(values))
        return f"{text}\n{exception_text}"

    def compile_line(self, site: CallSite, level: RecordLevel, message: str | None, count: int) -> Line | None:
        """One function for the call site, or None where only `format` will do.

        Args:
            message: its template, to be merged into the line; None when it has no arguments and arrives whole.
            count: number of positional arguments.
        """
        if self.time_spec is None:
            return None
        constants: dict[str, Any] = {
            "name": site.name,
            "function": site.function,
            "line": site.line,
            "module": site.module,
            "file": RecordFile(site.file_name, site.file_path),
            "level": level,
        }
        body = ["m"] if message is None else merge_message(message, count)
        if body is None:
            return None
        pieces: list[str] = []
        for literal, field in self._parts:
            pieces.append(_quoted(literal))
            if field is None:
                continue
            root = re.split(r"[.\[]", field.name, maxsplit=1)[0]
            if root == "time" and field.name == "time":
                pieces.append(_time_pieces(self.time_spec[1]))
            elif field == ("message", "", ""):
                pieces.append("{m}" if message is None else "".join(body))
            elif root in constants and "{" not in field.spec:
                shown = f"{{{field.name}{'!' + field.conversion if field.conversion else ''}:{field.spec}}}"
                pieces.append(_quoted(shown.format_map(constants)))
            else:
                return None
        try:
            "".join(pieces).encode()
        except UnicodeEncodeError:
            # A lone surrogate in a name or in the format: `format` and the handler's encoding deal with it.
            return None
        arguments = ["p", "f", "q", *(["m"] if message is None else [f"a{index}" for index in range(count)])]
        pieces.append("\n")
        source = f"lambda {', '.join(arguments)}: f{''.join(pieces)!r}"
        # The text consists of quoted constants and of placeholders made here: nothing of the user's is run.
        line: Line = eval(source, {"__builtins__": {}, "M": _MILLISECONDS})
        return line


_MILLISECONDS = [f"{value:03d}" for value in range(1000)]


def _time_pieces(digits: int) -> str:
    """The time in an f-string: the text before, the fraction, the text after. Milliseconds have a table, for speed."""
    if digits == 0:
        return "{p}{q}"
    return "{p}{M[f]}{q}" if digits == 3 else f"{{p}}{{f:0{digits}d}}{{q}}"


def _quoted(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def merge_message(message: str, count: int) -> list[str] | None:
    """The pieces of *message* as parts of an f-string over a0, a1 ..., or None when only `str.format` will do.

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
        pieces.append(_quoted(literal))
        if name is None:
            continue
        if name or not _PLAIN_SPEC.match(spec or "") or (conversion and conversion not in "rsa"):
            return None
        pieces.append(f"{{a{index}{'!' + conversion if conversion else ''}{':' + spec if spec else ''}}}")
        index += 1
    return pieces if index == count else None
