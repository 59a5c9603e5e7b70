"""Whether a stream takes something now: how nobody comes to sit in a `write` that nobody reads."""

from __future__ import annotations

import io
import os
import select
import stat
from typing import Any

PIECE = 1000
"""Characters that a pipe which is ready takes without blocking, in any encoding: at most PIPE_BUF bytes."""


def can_block(stream: Any) -> bool:
    """Whether *stream* is a text stream over a pipe, socket or terminal, whose readiness can be asked for."""
    if not isinstance(stream, io.TextIOWrapper):
        return False
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)


def is_writable(stream: Any, timeout: float) -> bool:
    """Whether *stream* takes something within *timeout* seconds; True where that cannot be known."""
    try:
        poll = select.poll()
        poll.register(stream.fileno(), select.POLLOUT)
        return bool(poll.poll(timeout * 1000))
    except (OSError, ValueError, AttributeError):
        return True
