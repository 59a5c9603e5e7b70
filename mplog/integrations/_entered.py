"""The values of the task that a thread runs, for frameworks that say when one begins and when it ends."""

from __future__ import annotations

import threading
from typing import Any

from mplog import logger


class Entered(threading.local):
    """What this thread has entered."""

    _context: Any = None

    def enter(self, **values: Any) -> None:
        """Have *values* on every record of this thread from now on, in the place of those of the task before."""
        self.leave()
        context = logger.contextualize(**values)
        context.__enter__()
        self._context = context

    def leave(self) -> None:
        """Have them no more. Without any there is nothing to do."""
        context, self._context = self._context, None
        if context is not None:
            context.__exit__(None, None, None)
