"""Options that are on or off, as `add()`, `opt()`, `catch()` and `configure()` take them.

A text such as "no", read from some configuration, is true in Python; so are most objects. What is no boolean is
refused, but for 0 and 1, which cannot be mistaken.
"""

from __future__ import annotations

from typing import Any

from mplog._ring.wire import safe_repr


def switch(name: str, value: Any) -> bool:
    """*value* as a boolean.

    Raises:
        TypeError: it is none, nor 0 or 1.
    """
    if value is True or value is False:
        return value
    return bool(_checked(name, value, "True or False"))


def switch_or_none(name: str, value: Any) -> bool | None:
    """*value* as a boolean, or None, which leaves it to mplog.

    Raises:
        TypeError: it is none of these, nor 0 or 1.
    """
    if value is None or value is True or value is False:
        return value
    return bool(_checked(name, value, "True or False, or None for the default"))


def _checked(name: str, value: Any, wanted: str) -> int:
    if isinstance(value, int) and value in (0, 1):
        return value
    hint = " A text is true, whatever it says: convert it first." if isinstance(value, str) else ""
    raise TypeError(f"Invalid {name}, it should be {wanted}, not: {safe_repr(value, 200)}.{hint}")
