"""An exception's data as text."""

from __future__ import annotations

from mplog._capture.exception import Trace
from mplog._render.look import Look


def traceback_text(trace: Trace | None, look: Look) -> str:
    """The text for `{exception}` with a final newline, or "" without an exception. Never raises."""
    return "" if trace is None else trace.text
