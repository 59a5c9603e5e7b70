"""The values of the task that a thread runs, for frameworks that say when one begins and when it ends."""

from __future__ import annotations

import threading
from typing import Any

from mplog import logger


class Entered(threading.local):
    """What this thread has entered: a task may run another one in its own thread, and goes on afterwards."""

    def __init__(self) -> None:
        self._contexts: list[tuple[str, Any]] = []

    def enter(self, task_id: str, /, **values: Any) -> None:
        """Have *values* on every record of this thread from now on, until `leave`."""
        context = logger.contextualize(**values)
        context.__enter__()
        self._contexts.append((task_id, context))

    def leave(self, task_id: str) -> None:
        """Have them no more, nor those of tasks in it that were never left. Without any there is nothing to do."""
        while any(entered == task_id for entered, _ in self._contexts):
            self._contexts.pop()[1].__exit__(None, None, None)
