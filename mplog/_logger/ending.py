"""Waiting until everything is in its sinks, and the end of one core's part."""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from mplog._ring.clock import monotonic
from mplog._session import interpreters
from mplog._sinks import report
from mplog._sinks.file.sink import ENDING_BOUND, FileSink
from mplog._sinks.limit import STALLED, Limit
from mplog._sinks.message_sink import MessageSink, Unfinished

if TYPE_CHECKING:
    from mplog._logger.core import Core
    from mplog._logger.handler import Handler

WRITING = "mplog-"
"""How the names of the threads begin that bring records to sinks: the writer's and the outlets'."""


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


def complete(core: Core, timeout: float | None) -> Completion:
    """Wait until everything that this process logged is in its sinks; not done when time was up.

    In the owner, what workers have published by now is handed over, too: those that it has joined are through.
    """
    core.notice_child()
    began = monotonic()
    done = not _is_called_by_a_sink() and _flush(core, Limit(STALLED) if timeout is None else Limit(timeout, firm=True))
    left = None if timeout is None else max(0.0, timeout - (monotonic() - began))
    return Completion(done, core.unfinished(), left)


def _is_called_by_a_sink() -> bool:
    """Whether this thread brings records to sinks, so that one of these would wait for itself."""
    return threading.current_thread().name.startswith(WRITING)


def _flush(core: Core, limit: Limit) -> bool:
    done = True
    for link in core.sessions.all_links():
        done = link.flush(limit) and done
    host = core.sessions.host
    if host is not None:
        done = host.hand_over(limit) and done
    return done


def shutdown(core: Core, timeout: float | None) -> bool:
    """One `shutdown()`; whether everything is in its sinks."""
    core.notice_child()
    if _is_called_by_a_sink():
        return False
    return stop(core, None if timeout is None else Limit(timeout, firm=True), final=False)


def end_limit(core: Core) -> Limit:
    """What the end of this process may take."""
    return Limit(core.queue_options().shutdown_timeout)


def stop(core: Core, limit: Limit | None = None, *, final: bool = True) -> bool:
    """End this process's part: its session is finished, its handlers are stopped; whether everything is written.

    Args:
        limit: for all of it, but for archives in progress unless it is firm; None: as the queue options say.
        final: the process ends. Else it goes on, and is served again as it was at first.
    """
    core.notice_child()  # Whoever ends here ends nobody else's session.
    sessions = core.sessions
    host = sessions.host
    if host is not None and host.is_busy_here:
        return False  # Called from inside of what it would do, by a signal handler or a user's function.
    limit, done = limit or end_limit(core), True
    archives = limit.at if limit.is_firm else monotonic() + ENDING_BOUND
    with core.locked(limit):
        done = sessions.company.leave_all(limit) and done
    if final:
        sessions.lookout.end(limit.at)
    else:
        sessions.lookout.pause(limit.at)
    for link in list(sessions.links.values()):
        if not final and not sessions.is_own(link):
            done = link.flush(limit) and done
        link.close(limit)
    if host is not None:
        done = sessions.end_host(host, limit) and done
    if sessions.has_interpreters:
        interpreters.name_sessions([])
    lingering, sessions.lingering = sessions.lingering, []
    for handler in lingering:
        _close(handler, archives)
    for handler in core.handlers():
        if handler.link is None and isinstance(handler.sink, FileSink):
            handler.sink.archiver.background = False
    with core.locked(limit):
        # Files stay open for what is still logged after this: exit functions, __del__.
        for handler in core.handlers():
            if handler.link is None and isinstance(handler.sink, FileSink):
                handler.sink.finish(limit, archives, final=final)
        if final:
            core.state.end()
    if final:
        # Only those that want to know it; others go on to the very end.
        for handler in core.handlers():
            if handler.link is None and isinstance(handler.sink, MessageSink) and handler.sink.stops:
                _close(handler, limit.at)
    return done


def _close(handler: Handler, deadline: float) -> None:
    try:
        handler.close(deadline=deadline)
    except Exception:  # noqa: BLE001 - nobody is there any more to raise it to, and the other sinks shall end well
        report.error_in_handler(handler.id, None, sink=handler.spec.target)
