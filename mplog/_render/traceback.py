"""An exception's data as text."""

from __future__ import annotations

from mplog._capture.exception import Trace
from mplog._render.escape import escape
from mplog._render.look import Look


def traceback_text(trace: Trace | None, look: Look) -> str:
    """The text for `{exception}` with a final newline, or "" without an exception. Never raises.

    Control characters in it are escaped as *look* says.
    """
    if trace is None:
        return ""
    return escape(trace.text) if look.sanitize else trace.text
