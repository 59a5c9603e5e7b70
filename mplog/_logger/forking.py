"""One core's part in forks: the session that its children need is made, and a child becomes a worker of it.

See _session/fork.py for all hooks, in one table, and for the order of locks.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING

from mplog._ring.clock import monotonic
from mplog._session import announce, attach, borrowing, exit, fork
from mplog._session.account import Account
from mplog._session.identity import may_become_another
from mplog._sinks.file import claim
from mplog._sinks.limit import Limit

if TYPE_CHECKING:
    from mplog._logger.core import Core


class Forks:
    """What a fork does with one core, for as long as somebody holds that."""

    def __init__(self, core: Core) -> None:
        self._weak = weakref.ref(core, lambda _: fork.unregister(self))
        self._thread = threading.local()
        """Whether the calling thread has taken the configuration lock for a fork."""

    def before_fork(self, deadline: float) -> None:
        """Make the session if this process owns anything, end its threads by *deadline*, hold still."""
        core = self._weak()
        if core is None:
            return
        sessions = core.sessions
        exit.prepare_for_children()
        sessions.lookout.pause(deadline)
        # Several threads may fork at once; each gives back only what it took itself.
        self._thread.locked = core.lock.acquire(timeout=1.0)
        if attach.in_fork_server():
            # It may have logged while it imported; silent from now on, it must not hold a ring until its late end.
            for link in sessions.links.values():
                link.close(Limit(max(0.0, deadline - monotonic()), firm=True))
        elif core.serves and sessions.owns_anything and not core.provisional:
            sessions.make_host(deadline)
        if sessions.host is not None:
            sessions.host.pause(deadline)

    def after_fork_in_parent(self) -> None:
        """Give the configuration lock back."""
        core = self._weak()
        if core is not None and getattr(self._thread, "locked", False):
            self._thread.locked = False
            core.lock.release()

    def resume_threads(self) -> None:
        """Start the threads of the session, and the lookout, again."""
        core = self._weak()
        if core is not None:
            core.sessions.lookout.resume()
            host = core.sessions.host
            if host is not None:
                host.resume()

    def after_fork_in_child(self, *, prepared: bool) -> None:
        """Become a worker: what was served here is served by the parent now."""
        core = self._weak()
        if core is None:
            return
        announce.forget()
        claim.abandon_claims()
        borrowing.abandon()
        core.lock = threading.RLock()
        self._thread = threading.local()
        company = core.sessions.company
        host = core.sessions.leave_to_parent()
        links = core.sessions.links
        handlers = {}
        for number, handler in core.by_id.items():
            if handler.sink is not None:
                handler.sink.forget()
            link = links.get(handler.link.place.id) if handler.link is not None else None
            if link is None and host is not None and handler.spec.id in host.routes:
                link = links[host.place.id]
            fresh = handler.through(None, handler.id) if company.is_guest(handler) else handler.known_as(number)
            fresh.count_anew()
            fresh.link = link
            handlers[number] = fresh
        company.forget(alone=not prepared and not links)
        core.exchange(handlers)
        core.removed, core.rotations_removed = Account(), 0
        exit.forget()
        core.swap()
        if may_become_another():
            # Servers that start as root give that up, most often before their first record.
            for link in {handler.link for handler in handlers.values() if handler.link is not None}:
                link.begin_early()
