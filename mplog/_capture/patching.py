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
    if not isinstance(getattr(record.get("level"), "no", None), int):
        record["level"] = RecordLevel(name, number, icon)
        lost.append("a level with a number")
    if not isinstance(record.get("time"), datetime):
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


def mark(record: dict[str, Any], error: Exception) -> None:
    """Let the record say that a patcher failed. Whatever the patcher has left of it."""
    with contextlib.suppress(Exception):
        record["message"] = f"{record['message']} {MARK}"
        record["extra"]["mplog_error"] = repr(error)[:500]
