"""Habits of standard `logging`, which a call here takes for something else: said once per call site.

Nothing else changes: keywords are for the message and for extra, and only braces are fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from mplog._capture.callsite import CallSite
from mplog._logger.environment import LEVELS
from mplog._sinks import report

KEYWORDS: Final = frozenset(("exc_info", "stack_info", "stacklevel", "extra"))

_FIELD: Final = re.compile(
    r"%(?:\((?P<name>\w+)\))?(?P<flags>[-#0+]*)(?P<size>(?:[1-9]\d*)?(?:\.\d+)?)(?P<kind>[sradiufFeEgGxXoc%])"
)
_LONGEST: Final = 200

MOST: Final = 200
"""Call sites of which it is said. A program that was moved here from standard `logging` may have thousands."""

_said: Final[set[tuple[str, int]]] = set()
"""The call sites of which it was said. Once is enough, also when a minute has passed."""


def look(
    site: CallSite, level: str, message: Any, args: tuple[Any, ...], kwargs: dict[str, Any], *, has_exception: bool
) -> None:
    """Say so if the call is written as one of standard `logging`. Runs none of the user's code."""
    if type(message) is not str or len(_said) >= MOST or (site.file_path, site.line) in _said:
        return
    found = list(_found(message, args, kwargs, has_exception))
    if not found:
        return
    _said.add((site.file_path, site.line))
    report.notice(
        f"{site.file_path}:{site.line}: {' and '.join(found)} of standard logging: to mplog keywords are values for "
        f"the message, and fields are in braces. Write {_instead(level, message, args, kwargs, has_exception)}."
        f"{' No more such calls are said by this process.' if len(_said) >= MOST else ''}",
    )


def _found(message: str, args: tuple[Any, ...], kwargs: dict[str, Any], has_exception: bool) -> Iterator[str]:
    if args and "{" not in message and any(field["kind"] != "%" for field in _FIELD.finditer(message)):
        yield f"the fields with % in {message[:_LONGEST]!r} are"
    names = [name for name in ("exc_info", "stack_info", "stacklevel", "extra") if _means(name, kwargs, message)]
    if has_exception and "exc_info" in names:
        names.remove("exc_info")
    if names:
        yield f"{', '.join(f'{name}=' for name in names)} {'are options' if len(names) > 1 else 'is an option'}"


def _means(name: str, kwargs: dict[str, Any], message: str) -> bool:
    """Whether the keyword *name* is there, is no value for a field, and would do something in standard `logging`."""
    if name not in kwargs or f"{{{name}" in message:
        return False
    value = kwargs[name]
    if name == "extra":
        return type(value) is dict and bool(value)
    if name == "stacklevel":
        return type(value) is int and value > 1
    return value is not None and value is not False


def _instead(level: str, message: str, args: tuple[Any, ...], kwargs: dict[str, Any], has_exception: bool) -> str:
    """The line to write."""
    view, text, more = "logger", message, ["..."] if args else []
    if args and "{" not in message:
        text = _FIELD.sub(_braces, message)
    if _means("extra", kwargs, message):
        extra = kwargs["extra"]
        names = [key for key in extra if type(key) is str and key.isidentifier()]
        view += f".bind({', '.join(f'{name}=...' for name in names[:5])})" if len(names) == len(extra) else ".bind(...)"
    options = []
    if _means("exc_info", kwargs, message) and not has_exception:
        options.append("exception=True")
    if _means("stacklevel", kwargs, message):
        options.append(f"depth={kwargs['stacklevel'] - 1}")
    if options:
        view += f".opt({', '.join(options)})"
    if _means("stack_info", kwargs, message):
        text += "\n{}"
        more.append('"".join(traceback.format_stack())')
    more += [f"{name}=..." for name in kwargs if name not in KEYWORDS][:5]
    method = f".{level.lower()}(" if level in LEVELS else f".log({level!r}, "
    return f"{view}{method}{', '.join([repr(text[:_LONGEST]), *more])})"


def _braces(field: re.Match[str]) -> str:
    name, kind, flags, size = field["name"] or "", field["kind"], field["flags"], field["size"]
    if kind == "%":
        return "%"
    # Text is aligned to the right there, as numbers are, and to the left here.
    aligned = "<" if "-" in flags else ">" if size and kind in "sra" else ""
    conversion = f"!{kind}" if kind in "ra" else ""
    shown = aligned + flags.replace("-", "") + size + (kind if kind in "fFeEgGxXoc" else "")
    return f"{{{name}{conversion}{':' if shown else ''}{shown}}}"
