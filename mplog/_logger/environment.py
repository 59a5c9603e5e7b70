"""What the environment says about mplog. Read once, when mplog is imported."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mplog._capture.variables import PREFIX
from mplog._render.nearest import nearest_word
from mplog._render.template import DEFAULT

_TRUE = ("1", "true", "yes", "y", "ok", "on")
_FALSE = ("0", "false", "no", "n", "nok", "off")


def boolean(text: str | None, variable: str) -> bool | None:
    """The value of a boolean variable; None when it is not set.

    Raises:
        ValueError: it is set to something else than a boolean.
    """
    if text is None:
        return None
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(
        f"Invalid environment variable '{variable}' (expected a boolean): '{text}'. "
        f"Use one of {', '.join(_TRUE + _FALSE)}, or unset it."
    )


def integer(text: str | None, variable: str) -> int | None:
    """The value of an integer variable; None when it is not set.

    Raises:
        ValueError: it is set to something else than an integer.
    """
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        raise ValueError(
            f"Invalid environment variable '{variable}' (expected an integer): '{text}'. Correct it or unset it."
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """The defaults of every `add()`, and whether there is one from the start."""

    autoinit: bool
    level: str
    format: str
    filter: str | None
    colorize: bool | None
    """None: the sink decides."""
    serialize: bool
    backtrace: bool
    diagnose: bool | None
    """None: on for a sink that is a terminal, off for all else."""
    enqueue: bool
    context: str | None
    catch: bool


LEVELS = ("TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL")
"""The names of the built-in levels."""


def _level(text: str) -> str:
    """The level that *text* names, in any case; what names none is left to who knows the levels."""
    return text.strip().upper() if text.strip().upper() in LEVELS else text


def unknown(environment: Mapping[str, str], known: Iterable[str]) -> dict[str, str]:
    """Variables that nothing reads, with the one that each of them is a misspelling of.

    Others of the same prefix are the program's own.
    """
    known = set(known)
    found = {}
    for name in environment:
        if name.startswith(PREFIX) and name not in known:
            right = nearest_word(name.removeprefix(PREFIX), [each.removeprefix(PREFIX) for each in known])
            if right is not None:
                found[name] = PREFIX + right
    return found


def read(environment: Mapping[str, str]) -> Defaults:
    """The defaults that *environment* asks for.

    Raises:
        ValueError: a variable that cannot be read; the text names it.
    """

    def flag(variable: str, default: bool) -> bool:
        found = boolean(environment.get(variable), variable)
        return default if found is None else found

    for variable in ("MPLOG_STRICT", "MPLOG_GUARD"):  # What they say is looked at later.
        flag(variable, False)
    return Defaults(
        autoinit=flag("MPLOG_AUTOINIT", True),
        level=_level(environment.get("MPLOG_LEVEL", "DEBUG")),
        format=environment.get("MPLOG_FORMAT", DEFAULT),
        filter=environment.get("MPLOG_FILTER"),
        colorize=boolean(environment.get("MPLOG_COLORIZE"), "MPLOG_COLORIZE"),
        serialize=flag("MPLOG_SERIALIZE", False),
        backtrace=flag("MPLOG_BACKTRACE", True),
        diagnose=boolean(environment.get("MPLOG_DIAGNOSE"), "MPLOG_DIAGNOSE"),
        enqueue=flag("MPLOG_ENQUEUE", False),
        context=environment.get("MPLOG_CONTEXT"),
        catch=flag("MPLOG_CATCH", True),
    )


def strict(environment: Mapping[str, str]) -> bool:
    """Whether errors in messages are raised to the caller. Looked at when there is one."""
    return environment.get("MPLOG_STRICT", "").lower() in _TRUE


DEFAULTS = read(os.environ)
