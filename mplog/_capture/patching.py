"""Patchers: users' functions that change a record before any handler sees it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

Patcher = Callable[[dict[str, Any]], object]

MARK = "<not patched>"
"""Follows the message of a record whose patcher raised."""


def patch(record: dict[str, Any], patcher: Patcher) -> Exception | None:
    """Run *patcher*; what it raises is returned, for the caller to report or to raise."""
    try:
        patcher(record)
    except Exception as error:  # noqa: BLE001 - a user's function
        return error
    return None


def mark(record: dict[str, Any], error: Exception) -> None:
    """Let the record say that a patcher failed. Whatever the patcher has left of it."""
    with contextlib.suppress(Exception):
        record["message"] = f"{record['message']} {MARK}"
        record["extra"]["mplog_error"] = repr(error)[:500]
