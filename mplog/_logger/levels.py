"""The levels: names, numbers, colours, icons."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from mplog._logger import environment
from mplog._render.markup import level_color
from mplog._render.nearest import nearest
from mplog._ring.wire import class_name
from mplog._ring.wire import exact as exact


class Level(NamedTuple):
    """A level. Identified by its name alone; several may share a number."""

    name: str
    no: int
    color: str
    icon: str


_BUILT_IN = (
    Level("TRACE", 5, "<cyan><bold>", "\u270f\ufe0f"),
    Level("DEBUG", 10, "<blue><bold>", "\U0001f41e"),
    Level("INFO", 20, "<bold>", "\u2139\ufe0f"),
    Level("SUCCESS", 25, "<green><bold>", "\u2705"),
    Level("WARNING", 30, "<yellow><bold>", "\u26a0\ufe0f"),
    Level("ERROR", 40, "<red><bold>", "\u274c"),
    Level("CRITICAL", 50, "<RED><bold>", "\u2620\ufe0f"),
)


ALIASES = {"warn": "WARNING", "fatal": "CRITICAL", "err": "ERROR", "crit": "CRITICAL", "information": "INFO"}
"""Names that other libraries have for them."""


def built_in() -> dict[str, Level]:
    """The seven levels, as the environment changes them (`MPLOG_INFO_NO`, `MPLOG_INFO_COLOR`, `MPLOG_INFO_ICON`)."""
    return {
        level.name: Level(
            level.name,
            _number(level),
            _color(level),
            os.environ.get(f"MPLOG_{level.name}_ICON", level.icon),
        )
        for level in _BUILT_IN
    }


def _number(level: Level) -> int:
    variable = f"MPLOG_{level.name}_NO"
    found = environment.integer(os.environ.get(variable), variable)
    if found is not None and found < 0:
        raise ValueError(
            f"Invalid environment variable '{variable}' (expected an integer that is not negative): '{found}'. "
            "Correct it or unset it."
        )
    return level.no if found is None else found


def _color(level: Level) -> str:
    variable = f"MPLOG_{level.name}_COLOR"
    found = os.environ.get(variable)
    if found is None:
        return level.color
    try:
        level_color(found)
    except ValueError as error:
        raise ValueError(
            f"Invalid environment variable '{variable}' (expected tags of colors): '{found}'. {error}"
        ) from error
    return found


AT_IMPORT = built_in()
"""The levels that every core starts with."""


def anonymous(number: int) -> Level:
    """The level of a message logged with a bare number."""
    return Level(f"Level {number}", number, "", " ")


def resolve(levels: dict[str, Level], given: Any) -> Level:
    """The level that a call means by a name or a number.

    Raises:
        ValueError: unknown name or negative number.
        TypeError: neither name nor number.
    """
    given = exact(given)
    if type(given) is str:
        found = levels.get(given)
        if found is None:
            raise ValueError(
                f"Level '{given}' does not exist. Known are {', '.join(levels)}; make it with logger.level(...)."
                f"{nearest(given, levels, ALIASES)}"
            )
        return found
    if type(given) is not int:
        raise TypeError(f"Invalid level, it should be a name or a number, not: '{class_name(given)}'")
    if given < 0:
        raise ValueError(f"Invalid level value, it should not be negative: {given}")
    return anonymous(given)


def get_or_change(levels: dict[str, Level], name: Any, no: Any, color: Any, icon: Any) -> Level:
    """The level that `level(name, ...)` is to give: the known one, a changed one, or a new one.

    Raises:
        ValueError: unknown name without number, known name with one, a negative number.
        TypeError: a name, a colour or an icon that is no string, or a number that is no integer.
    """
    name, no, color, icon = map(exact, (name, no, color, icon))
    if not isinstance(name, str):
        raise TypeError(f"Invalid level name, it should be a string, not: '{type(name).__name__}'")
    if color is not None and not isinstance(color, str):
        raise TypeError(f"Invalid level color, it should be a string of tags, not: '{type(color).__name__}'")
    if icon is not None and not isinstance(icon, str):
        raise TypeError(f"Invalid level icon, it should be a string, not: '{type(icon).__name__}'")
    known = levels.get(name)
    if known is None:
        if no is None:
            raise ValueError(
                f"Level '{name}' does not exist. Create it by giving its number: level('{name}', no=25)"
                f"{nearest(name, levels, ALIASES).replace(' Did', '. Did', 1)}"
            )
        if isinstance(no, bool) or not isinstance(no, int):
            raise TypeError(f"Invalid level no, it should be an integer, not: '{type(no).__name__}'")
        if no < 0:
            raise ValueError(f"Invalid level no, it should not be negative: {no}")
        return Level(name, no, color or "", icon if icon is not None else " ")
    if no is not None:
        raise ValueError(f"Level '{name}' already exists with number {known.no}, which cannot be changed (to {no}).")
    return Level(name, known.no, known.color if color is None else color, known.icon if icon is None else icon)
