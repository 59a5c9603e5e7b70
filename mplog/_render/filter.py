"""Filters: which records pass one handler, by module or by the user's own function."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from mplog._render.nearest import nearest

Filter = Callable[[dict[str, Any]], object]

_REJECT = math.inf
"""What `False` in a filter dict means: a level that no record reaches."""


def is_below(found: str | None, name: str) -> bool:
    """Whether module *found* is *name* or inside it, by whole dotted parts."""
    return found is not None and (found == name or found.startswith(f"{name}."))


def _name_in(record: dict[str, Any]) -> str | None:
    """The name of the record's module, if a patcher has left it one."""
    name = record.get("name")
    return name if type(name) is str else None


class Named:
    """Passes the module *name* and everything below it; "" passes every named module."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, record: dict[str, Any]) -> bool:
        return self.passes(_name_in(record), 0)

    def passes(self, name: str | None, _number: float) -> bool:
        """Whether records of the module *name* pass."""
        return is_below(name, self.name) if self.name else name is not None


class ByModule:
    """Passes by least levels of modules: the first entry counts of the module, its parents, and ""."""

    __slots__ = ("least",)

    def __init__(self, least: Mapping[str | None, float]) -> None:
        self.least = dict(least)

    def __call__(self, record: dict[str, Any]) -> bool:
        return self.passes(_name_in(record), record["level"].no)

    def passes(self, name: str | None, number: float) -> bool:
        """Whether records of module *name* with level *number* pass. Without a name only the entry of None counts."""
        while True:
            least = self.least.get(name)
            if least is not None:
                return number >= least
            if not name:
                return True
            name = name.rpartition(".")[0]


def check_filter(given: Any, levels: Mapping[str, int]) -> Any:
    """The filter of `add()` as it is kept and sent to other processes: level names have become numbers.

    Raises:
        TypeError: no kind of filter, or a dict with other than names and levels in it.
        ValueError: an unknown level name, a negative level, or Python's own `filter`.
    """
    if given is filter:
        raise ValueError(
            "The built-in 'filter' was given as filter, which is most likely a mistake: a variable of that name is "
            "missing. Pass a module's name, a dict or your own function."
        )
    if isinstance(given, dict):
        return {module: _least(module, level, levels) for module, level in given.items()}
    if given is None or isinstance(given, str) or callable(given):
        return given
    raise TypeError(
        "Invalid filter, it should be None, a module's name, a dict of modules' least levels or a function of the "
        f"record, not: '{type(given).__name__}'"
    )


def _least(module: Any, level: Any, levels: Mapping[str, int]) -> float:
    if module is not None and not isinstance(module, str):
        raise TypeError(
            f"The filter dict contains an invalid module, it should be a string (or None), not: "
            f"'{type(module).__name__}'"
        )
    if isinstance(level, bool):
        return 0 if level else _REJECT
    start = f"The filter dict contains a module '{module}' associated to"
    if isinstance(level, str):
        if level not in levels:
            raise ValueError(
                f"{start} a level name which does not exist: '{level}'. Known are {', '.join(levels)}."
                f"{nearest(level, levels)}"
            )
        return levels[level]
    if not isinstance(level, int):
        raise TypeError(
            f"{start} an invalid level, it should be an integer, a string or a boolean, not: '{type(level).__name__}'"
        )
    if level < 0:
        raise ValueError(f"{start} an invalid level, it should be a positive integer, not: '{level}'")
    return level


def make_filter(checked: Any) -> Filter | None:
    """The function of the record that *checked*, as `check_filter` gives it, stands for; None when all pass."""
    if checked is None:
        return None
    if isinstance(checked, str):
        return Named(checked)
    if isinstance(checked, dict):
        return ByModule(checked)
    function: Filter = checked
    return function
