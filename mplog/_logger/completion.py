"""What `complete()` gives."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from mplog._ring.clock import monotonic
from mplog._sinks.message_sink import Unfinished


class Completion:
    """True when everything is in its sinks, and awaitable, for what goes on in event loops.

    Not to await it costs nothing and warns about nothing.
    """

    __slots__ = ("_done", "_timeout", "_unfinished")

    def __init__(self, done: bool, unfinished: list[Unfinished], timeout: float | None) -> None:
        """*timeout* is what is left of the caller's; None for no bound."""
        self._done = done
        self._unfinished = unfinished
        self._timeout = timeout

    def __bool__(self) -> bool:
        return self._done

    def __await__(self) -> Generator[Any, Any, bool]:
        if self._unfinished:
            yield from self._wait().__await__()
        return self._done

    async def _wait(self) -> None:
        unfinished, self._unfinished = self._unfinished, []
        deadline = None if self._timeout is None else monotonic() + self._timeout
        for item in unfinished:
            left = None if deadline is None else max(0.0, deadline - monotonic())
            if not await item.wait(left):
                self._done = False
