"""Patchers: users' functions that change a record before any handler sees it.

They may do anything to it but one thing: every handler asks for the level's number, the time and the message. What a
patcher takes away of these is put back, as an error of the patcher; otherwise it would cost the record.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from mplog._capture.record import RecordLevel
from mplog._ring.wire import safe_repr

Patcher = Callable[[dict[str, Any]], object]

MARK = "<not patched>"
"""Follows the message of a record whose patcher raised."""


def patch(record: dict[str, Any], patcher: Patcher) -> Exception | None:
    """Run *patcher*; what it raises is returned, for the caller to report or to raise.

    A record that it leaves unfit for any handler is made fit again, which is an error, too.
    """
    level, moment, message = record["level"], record["time"], record["message"]
    name, number, icon = level.name, level.no, level.icon  # Its attributes are writable.
    failed: Exception | None = None
    try:
        patcher(record)
    except Exception as error:  # noqa: BLE001 - a user's function
        failed = error
    lost = []
    if not _have_number(record):
        record["level"] = RecordLevel(name, number, icon)
        lost.append("a level with a number")
    if not _has_time(record):
        record["time"] = moment
        lost.append("a datetime as time")
    if "message" not in record:
        record["message"] = message
        lost.append("a message")
    if lost and failed is None:
        failed = TypeError(
            f"it left a record without {' and '.join(lost)}, which every handler needs. Replace them by others of "
            "their kind, or leave them as they are"
        )
    return failed


def _have_number(record: dict[str, Any]) -> bool:
    """Let the level have a plain number; False where it has none at all."""
    try:
        level = record["level"]
        if type(level.no) is not int:
            level.no = int.__index__(level.no)
        return True
    except Exception:  # noqa: BLE001 - whatever a patcher has put there
        return False


def _has_time(record: dict[str, Any]) -> bool:
    try:
        return isinstance(record["time"], datetime) and isinstance(record["time"].timestamp(), float)
    except Exception:  # noqa: BLE001 - as above; and the first and the last day of the calendar have no time stamp
        return False


def mark(record: dict[str, Any], error: Exception) -> None:
    """Let the record say that a patcher failed. Whatever the patcher has left of it."""
    message = record.get("message")
    record["message"] = f"{message if type(message) is str else safe_repr(message)} {MARK}"
    with contextlib.suppress(Exception):
        record["extra"]["mplog_error"] = safe_repr(error, 500)
