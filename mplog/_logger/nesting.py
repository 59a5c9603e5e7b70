"""Calls inside of calls: what a record is made of is the user's code, and may log itself.

A `__repr__` that logs is fine. One that logs its own object calls itself for ever, and where several places show the
object, or an exception is shown each time, the calls inside of calls become so many that the outermost never ends.
What sinks log is another matter: it is put off until the message in progress is written.
"""

from __future__ import annotations

import threading
from typing import Final

DEEPEST: Final = 100
"""Calls inside of one another, made while the one around makes its record; signal handlers may be among them."""

MOST: Final = 200
"""Calls at the third level and below, for one at the second."""

WITH_EXCEPTIONS: Final = 3
"""Levels at which exceptions are shown; below, there is only their type."""


class _Making(threading.local):
    depth = 0
    """Calls of this thread that are making their records, one inside of the other."""

    inner = 0
    """Those at the third level and below since the last one at the second."""

    def may(self) -> bool:
        """Whether another call may make its record inside of those there are; it counts."""
        if self.depth < 2:
            self.inner = 0
            return True
        self.inner += 1
        return self.depth < DEEPEST and self.inner <= MOST


making = _Making()
