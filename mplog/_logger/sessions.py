"""The sessions of one core: its own, those whose worker this process is, and strangers' (company.py).

It makes the session when the first child or the first `enqueue=True` needs it, joins those that other processes have
made, and ends its own. What a fork does with them is in forking.py, what the end of the process does in ending.py, what
a worker has from its owners in following.py.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from mplog._capture import process
from mplog._logger import registry, sinks_here
from mplog._logger.company import Company
from mplog._logger.handler import Handler
from mplog._ring.clock import monotonic
from mplog._session import announce, attach, exit, guarding, interpreters
from mplog._session.attach import Letter
from mplog._session.front import authkeys
from mplog._session.host import Host
from mplog._session.identity import myself
from mplog._session.link import Link
from mplog._session.lookout import Lookout
from mplog._session.orphan import Orphan
from mplog._session.place import Place, open_place
from mplog._sinks import report
from mplog._sinks.file.sink import FileSink
from mplog._sinks.kinds import FILE
from mplog._sinks.limit import Limit
from mplog._writer.doorbell import Doorbell

if TYPE_CHECKING:
    from mplog._logger.core import Core

MOVING_BOUND = 1.0
"""Seconds that a process which has changed its user or its root waits for the end of the session that it had before."""

HOSTING_BOUND = 0.2
"""Seconds that a process which gets workers waits for the stranger whose guest it was."""


class Sessions:
    """What one process is to sessions. What changes it holds the configuration lock of its core."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.host: Host | None = None
        """This process's own session, if it has one."""
        self.links: dict[bytes, Link] = {}
        """The ways of this process to sessions of its tree, its own included, by their ids."""
        self.lookout = Lookout()
        self.company = Company(core, self.lookout)
        self.lingering: list[Handler] = []
        """Removed handlers whose files are still served for strangers."""
        self.has_interpreters = False
        """Whether other interpreters of this process may look for sessions by its pid."""

    def is_own(self, link: Link) -> bool:
        """Whether *link* leads to the session of this process."""
        host = self.host
        return host is not None and link.place is host.place

    # The owner's side

    def make_host(self, deadline: float | None = None) -> Host | None:
        """The session of this process; None where no runtime directory can be used, which is said once, and in an
        interpreter that may not have the threads for it: there each call writes by itself.

        Args:
            deadline: `monotonic()` until which it may wait for the session's own threads.
        """
        queued: list[Handler] = []
        if self.host is not None and self.host.place.is_out_of_reach:
            # This process has given up the rights that it made the session with: it can serve no further worker there.
            queued = [handler for handler in self._core.handlers() if handler.link and self.is_own(handler.link)]
            self.end_host(self.host, Limit(MOVING_BOUND, firm=True))
        if self.host is not None:
            self.host.renew(-1 if deadline is None else max(0.0, deadline - monotonic()))
            return self.host
        if not process.may_have_threads():
            return None
        bound = HOSTING_BOUND if deadline is None else max(0.0, deadline - monotonic())
        self.company.leave_all(Limit(bound, firm=True))
        try:
            host = Host(myself(), self._core.queue_options)
        except OSError as error:
            report.once(
                "no session",
                f"{error} Until then each process appends to its files by itself.",
            )
            return None
        self.host = host
        exit.expect_signals()
        for handler in self._core.handlers():
            self.serve(handler)
        self.publish()
        if self._core.serves:
            self._announce()
        for handler in queued:
            self.enqueue(handler)
        if queued:
            self._core.swap()
        return host

    def end_host(self, host: Host, limit: Limit) -> bool:
        """Finish the session of this process; whether everything is written. Its workers go on by themselves."""
        done = True
        with contextlib.suppress(OSError):
            done = host.finish(limit)
        own = self.links.get(host.place.id)
        if own is not None:
            own.close(limit)  # Another thread may have gone on in a new ring meanwhile; it is drained here.
        with self._core.locked(limit):
            for handler in self._core.by_id.values():
                if handler.link is not None and handler.link.place is host.place:
                    handler.link = None
            self.links.pop(host.place.id, None)
            self.host = None
            self._core.swap()
        announce.withdraw(host.place.path)
        return done

    def enqueue(self, handler: Handler) -> None:
        """Let the records of *handler* go to its sink through this process's own session, too."""
        host = self.make_host()
        if host is not None:
            self.serve(handler)
            if handler.spec.id not in host.routes:
                return  # There is no room for its slot, which was said; it writes directly.
            if host.place.id not in self.links:
                self.links[host.place.id] = self._link_to(host.place, host.doorbell)
            handler.link = self.links[host.place.id]
            host.start()

    def become_host(self, handler: Handler) -> bool:
        """Serve others that write the file of *handler*; its own records go the same way. Whether a session was made.

        One that was made needs a guard.
        """
        made = self.host is None
        self.enqueue(handler)
        self._core.swap()
        return made and self.host is not None

    def guard(self) -> None:
        """Start the guard of the session, if there is one."""
        if self.host is not None:
            guarding.start(self.host.place)

    def serve(self, handler: Handler) -> None:
        """Let this process's session, if it has one, bring records to the sink of *handler*."""
        host = self.host
        if host is None or handler.sink is None or handler.spec.id in host.routes:
            return
        if handler.link is not None and handler.link.place is not host.place:
            return
        try:
            host.renew()
            host.add(handler.route())
        except OSError as error:
            report.once(
                "no slot",
                f"no room for the commit slot of handler {handler.id} ({handler.spec.target}): {error} Until then "
                "each process appends to it by itself.",
            )

    def publish(self) -> None:
        """Tell workers of the configuration as it is now. There is a session."""
        assert self.host is not None
        specs = [handler.spec for handler in self._core.handlers() if handler.spec.id in self.host.routes]
        for route in list(self.host.routes.values()):
            route.patcher = self._core.settings.patcher
        with contextlib.suppress(OSError):
            self.host.publish(registry.pack(self._core.levels, specs, self._core.settings, self._core.left))

    def withdraw(self, handler: Handler, host: Host) -> bool:
        """*handler* was removed: *host* serves it no longer. False: strangers need it, so it stays until the end.

        Called without the lock: this waits for the writer.
        """
        if handler.spec.id in host.routes:
            if host.is_joined(handler.spec.id):
                with self._core.lock:
                    self.lingering.append(handler)
                    self.publish()
                return False
            host.remove(handler.spec.id)
            with self._core.lock:
                if self.host is host:
                    self.publish()
        return True

    @property
    def owns_anything(self) -> bool:
        """Whether this process is an owner, or nobody's worker, so that its children are served by it."""
        return (
            self.host is not None
            or not self.links
            or any(handler.sink is not None and handler.link is None for handler in self._core.by_id.values())
        )

    def depart(self) -> list[Letter]:
        """A process is being handed to another interpreter: make the session, say which ones it must know."""
        self._be_found()
        with self._core.lock:
            return [
                Letter(place.path, place.control.identity.pid, registry.letter(place))
                for place in self._session_places()
            ]

    def _be_found(self) -> None:
        """Make the session, if this process is an owner, where other interpreters find it."""
        self._core.notice_child()
        with self._core.lock:
            if self._core.provisional:
                self._core.following.settle()
            if self.owns_anything:
                host = self.make_host()
                if host is not None:
                    host.start()
                    with contextlib.suppress(OSError):
                        host.place.name_family(authkeys())  # The library may have come after the session.

    def prepare_interpreters(self) -> None:
        """This process is about to have subinterpreters: see to it that they find the sessions they belong to."""
        self._be_found()
        with self._core.lock:
            others = [link.place for link in self.links.values() if not self.is_own(link) and link.place.is_served]
            interpreters.name_sessions(others)
            self.has_interpreters = True

    def _announce(self) -> None:
        announce.announce([place.path for place in self._session_places()])

    def _session_places(self) -> list[Place]:
        """The sessions that processes started by this one must know, its own first."""
        host = self.host
        return [
            *([host.place] if host is not None else []),
            *(link.place for link in self.links.values() if not self.is_own(link)),
        ]

    # The worker's side

    def leave_to_parent(self) -> Host | None:
        """In a forked child: what this process served is its parent's, to which a link leads. The session, if any."""
        self.lookout.forget()
        for handler in self.lingering:
            if handler.sink is not None:
                handler.sink.forget()
        self.has_interpreters = False
        self.lingering = []
        host, self.host = self.host, None
        links = {number: link.inherit() for number, link in self.links.items()}
        if host is not None:
            host.forget()
            self._core.following.inherit(host.place)
            if host.place.id not in links:
                links[host.place.id] = self._link_to(host.place, host.doorbell)
        self.links = links
        return host

    def attach(self) -> bool:
        """One `attach()`; see cores.py."""
        self._core.notice_child()
        with self._core.lock:
            if attach.bootstrapping():
                # What the passport will bring can be found already, most often. A fork server is never an owner.
                found = [] if self.links else attach.find_sessions()
                for place in found:
                    self.join(place)
                if found:
                    self._core.following.settle(arrived=True)
                return self._is_served()
            if self._core.provisional:
                self._core.following.settle()
            if not self.links and self.host is None and self.join_announced():
                self._core.following.settle(arrived=True, by_name=False)
            if self.owns_anything:
                host = self.make_host()
                if host is not None:
                    host.start()
            if self.links:
                self._announce()
            return self._is_served()

    def join_announced(self) -> bool:
        """Be a worker of the living sessions that the environment names; whether there are any."""
        for place in announce.announced():
            with contextlib.suppress(OSError):  # It has ended since.
                self.join(place)
        return bool(self.links)

    def join(self, place: Place) -> None:
        """Be a worker of the session at *place*. Raises OSError when that has ended."""
        self.links[place.id] = self._link_to(place)

    def _link_to(self, place: Place, doorbell: Doorbell | None = None) -> Link:
        exit.expect_signals()
        return Link(place, self._adopt, doorbell, self._core.queue_options, self.lookout)

    def arrive(self, letters: list[Letter]) -> None:
        """This process's passport has these letters: join the sessions, and settle what was only provisional."""
        with self._core.lock:
            for letter in letters:
                with contextlib.suppress(OSError, ValueError):  # It is gone: the letter tells what its owner had.
                    place = open_place(letter.path)
                    if place.id not in self.links and (self.host is None or self.host.place.id != place.id):
                        self.join(place)
            self._core.following.settle(arrived=True, letters={letter.session: letter for letter in letters})

    def _is_served(self) -> bool:
        """Whether some other living process takes this one's records."""
        return any(link.place.is_served for link in list(self.links.values()) if not self.is_own(link))

    @property
    def belongs_to_a_tree(self) -> bool:
        """Whether this process has workers, or is one, or does not know yet."""
        return self.host is not None or bool(self.links) or self._core.provisional

    def leader(self) -> Link | None:
        """The link to the owner whose changes this process follows."""
        for link in self.links.values():
            if not self.is_own(link):
                return link
        return None

    def leader_place(self) -> Place | None:
        """Where the session of that owner is; None where this process is nobody's worker."""
        leader = self.leader()
        return None if leader is None else leader.place

    def all_links(self) -> list[Link]:
        """The ways of this process to sessions, its own and those of strangers included."""
        return [*self.links.values(), *self.company.links()]

    def _adopt(self, link: Link) -> Orphan:
        handlers = [handler for handler in list(self._core.by_id.values()) if handler.link is link]
        return Orphan(
            link,
            lambda: sinks_here.routes_without_owner(self._core.by_id, link),
            only_files=all(handler.spec.kind == FILE for handler in handlers),
        )

    def reopen(self) -> None:
        """One `reopen()`. Takes no lock of its own: it may interrupt anything in this thread."""
        self._core.notice_child()
        host = self.host
        for handler in self._core.state.handlers:
            here = handler.link is None or (host is not None and handler.link.place is host.place)
            here = here or self.company.is_guest(handler)
            if here and isinstance(handler.sink, FileSink):
                handler.sink.reopen()
        for link in self.all_links():
            link.reopen()
