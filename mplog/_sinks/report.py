"""How mplog speaks of its own troubles: on standard error, briefly, and never by raising."""

from __future__ import annotations

import contextlib
import sys
import time
import traceback
from typing import Any, NamedTuple

from mplog._ring.clock import monotonic
from mplog._ring.wire import safe_repr
from mplog._sinks.readiness import PIECE, can_block, is_writable

EVERY = 60.0
"""Seconds between two reports of the same kind of trouble."""

_said: dict[str, float] = {}


class Trouble(NamedTuple):
    """Something that was, or would have been, said."""

    at: float
    """Seconds since the epoch."""
    text: str


last: Trouble | None = None
"""The last trouble of this process; a forked child begins with its parent's."""


def error_in_handler(handler: int, record: dict[str, Any] | None, error: BaseException | None = None) -> None:
    """Report *error*, or the exception being handled, as the error of *handler*, with the record that met it."""
    trouble = sys.exc_info()[1] if error is None else error
    _remember(f"handler {handler}: {safe_repr(trouble, 500)}")
    stream = sys.stderr
    if stream is None:
        return
    try:
        shown = str(record)
    except Exception:  # noqa: BLE001 - the user's objects are in it
        shown = "/!\\ Unprintable record /!\\"
    try:
        failure = traceback.format_exc() if error is None else "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001 - the exception is the user's, too
        failure = "/!\\ Unprintable error /!\\\n"
    lines = [
        f"--- Logging error in mplog Handler #{handler} ---\n",
        f"Record was: {shown}\n",
        failure,
        "--- End of logging error ---\n",
    ]
    _say(stream, "".join(lines))


def once(kind: str, text: str) -> None:
    """Say *text*, unless something of this *kind* was said in the last minute. Never waits for a lock."""
    _remember(text)
    now = monotonic()
    if now - _said.get(kind, -EVERY) < EVERY:
        return
    _said[kind] = now
    stream = sys.stderr
    if stream is None:
        return
    _say(stream, f"mplog: {text}\n")


def _remember(text: str) -> None:
    global last
    last = Trouble(time.time(), text)


def _say(stream: Any, text: str) -> None:
    """Write *text* in pieces, as long as nobody has to wait for a reader of standard error."""
    with contextlib.suppress(Exception):  # Whatever a user's own stream raises: the writer's thread comes here, too.
        if not can_block(stream):
            stream.write(text)
            return
        for start in range(0, len(text), PIECE):
            if not is_writable(stream, 0.0):
                return
            stream.write(text[start : start + PIECE])
