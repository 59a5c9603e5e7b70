"""The line of a record whose format is of no use: what stands in the log instead of nothing.

A format names what a record does not have, or asks a field for what is not for it; or it is a function, and raises.
"""

from __future__ import annotations

from typing import Any

from mplog._render.escape import escape
from mplog._render.times import format_time
from mplog._ring.wire import safe_repr, unprintable

MARK = "not formatted"
"""What the line says of itself, with the reason."""

MISSING = "<missing>"
"""What stands for a field that a patcher has taken away."""


def plain_line(record: dict[str, Any], error: Exception, *, sanitize: bool) -> str:
    """The fields of the default format and the *error* of the one that is of no use. Never raises."""
    name, function, line = (_field(record, key) for key in ("name", "function", "line"))
    try:
        moment = format_time(record["time"], "YYYY-MM-DD HH:mm:ss.SSS Z")
    except Exception:  # noqa: BLE001 - whatever a patcher has put there
        moment = _field(record, "time")
    text = (
        f"{moment} | {_field(record, 'level')} | {name}:{function}:{line} - {_field(record, 'message')} "
        f"<{MARK}: {safe_repr(error.__cause__ or error, 300)}>"
    )
    return escape(text) if sanitize else text


def _field(record: dict[str, Any], key: str) -> str:
    if key not in record:
        return MISSING
    try:
        return str.__str__(f"{record[key]}")
    except Exception as error:  # noqa: BLE001 - the user's code
        return unprintable(record[key], error)
