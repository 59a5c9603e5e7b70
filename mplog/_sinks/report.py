"""How mplog speaks of its own troubles: on standard error, briefly, and never by raising."""

from __future__ import annotations

import contextlib
import sys
import time
import traceback
from typing import Any

EVERY = 60.0
"""Seconds between two reports of the same kind of trouble."""

_said: dict[str, float] = {}


def error_in_handler(handler: int, record: dict[str, Any] | None) -> None:
    """Report the exception being handled as the error of *handler*, with the record that met it."""
    stream = sys.stderr
    if stream is None:
        return
    try:
        shown = str(record)
    except Exception:  # noqa: BLE001 - the user's objects are in it
        shown = "/!\\ Unprintable record /!\\"
    lines = [
        f"--- Logging error in mplog Handler #{handler} ---\n",
        f"Record was: {shown}\n",
        traceback.format_exc(),
        "--- End of logging error ---\n",
    ]
    with contextlib.suppress(OSError, ValueError):
        stream.write("".join(lines))


def once(kind: str, text: str) -> None:
    """Say *text*, unless something of this *kind* was said in the last minute. Never waits for a lock."""
    now = time.monotonic()
    if now - _said.get(kind, -EVERY) < EVERY:
        return
    _said[kind] = now
    stream = sys.stderr
    if stream is None:
        return
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        stream.write(f"mplog: {text}\n")
