"""Strangers become workers: programs without a common parent that write the same file at the same time.

A process that finds again and again that somebody else has appended since its own last record has company. Then it
sends its records to a session that serves the file already, as a *guest*; where there is none, it makes its own and is
the host of those that come. Alone, or with a few records, a program stays as it is: no session, no thread.

Appending directly, under the file's lock, is right at any time and beside any host, so nothing here has to happen, and
nothing depends on who has joined whom. A process with workers of its own is nobody's guest.

When the host goes, its guests write what their rings hold, and append directly again; those that have company find the
next host then, or become it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from mplog._logger import registry, sinks_here
from mplog._logger.handler import Handler
from mplog._logger.repeated import shown_option
from mplog._ring.clock import monotonic
from mplog._ring.holding import holding
from mplog._ring.system_calls import system_calls
from mplog._session import attach, exit, hosts
from mplog._session.account import Account
from mplog._session.link import Link
from mplog._session.lookout import Lookout
from mplog._session.orphan import Orphan
from mplog._session.place import Place
from mplog._sinks import report
from mplog._sinks.file.sink import FileSink
from mplog._sinks.limit import Limit

if TYPE_CHECKING:
    from mplog._logger.core import Core

LEAVING_BOUND = 1.0
"""Seconds that a guest waits until its host has written what it was given."""

ALONE = 1.0
"""Seconds that a guest whose host has died appends directly: where all are being killed there shall be no next host."""

FORMER = 8
"""Hosts that were left and may still get a call of a thread that was on its way there."""


class _Guest:
    """This process's part in one session of a stranger."""

    def __init__(self, core: Core, place: Place, lookout: Lookout, part: Callable[[FileSink], None]) -> None:
        self._part = part
        self.handlers: dict[int, Handler] = {}
        """By their number in that session. They stay here when they are removed: their records may still be there."""
        self.link = Link(place, self._adopt, None, core.queue_options, lookout)
        self.host_has_died = False
        """Whether the host is gone without having said so."""

    def _adopt(self, link: Link) -> Orphan:
        # Now, for the last guest that has left the session of a dead host says in its place that it has ended.
        self.host_has_died = not link.place.ended
        return Orphan(
            link,
            lambda: sinks_here.routes_without_owner(self.handlers, link),
            only_files=True,
            quiet=True,
            then=self._part_all,
        )

    def _part_all(self) -> None:
        for handler in list(self.handlers.values()):
            if isinstance(handler.sink, FileSink):
                self._part(handler.sink)


class Company:
    """Who else writes the files of one core. Called under the core's lock, but for `meet` and `links`."""

    def __init__(self, core: Core, lookout: Lookout) -> None:
        self._core = core
        self._lookout = lookout
        self._guests: dict[bytes, _Guest] = {}
        self._former: list[Link] = []
        self._alone = False
        """Whether this process looks for nobody, and each of its records is written by the call."""
        self._looks_from = 0.0
        """`monotonic()` from which it looks for the next host, see ALONE."""

    def links(self) -> list[Link]:
        """The ways to hosts that this process uses."""
        return [guest.link for guest in list(self._guests.values())]

    def account(self) -> Account:
        """What became of the records that went to hosts which this process has left."""
        return sum((link.account().without_rings() for link in list(self._former)), Account())

    def is_guest(self, handler: Handler) -> bool:
        """Whether the records of *handler* go to a stranger's session."""
        return handler.link is not None and any(link is handler.link for link in self.links())

    def meet(self, sink: FileSink) -> None:
        """Somebody else writes the file of *sink*: find a host, or become it. Never raises, never waits for the core.

        Called by a log call, in its thread, when its record is written.
        """
        if not self._alone:
            self._try(sink, self._meet)

    def part(self, sink: FileSink) -> None:
        """The host of *sink* is gone, and nothing is left for it: append directly again. As `meet`."""
        self._try(sink, self._part)

    def _try(self, sink: FileSink, change: Callable[[FileSink], object]) -> None:
        if not self._core.is_changing:
            holding(self._core.lock, lambda: self._tried(sink, change), None, 0)

    def _tried(self, sink: FileSink, change: Callable[[FileSink], object]) -> None:
        try:
            change(sink)
        except OSError:
            pass  # There is no room for a session, or its directory is just being removed: each writes by itself.
        except Exception as error:  # noqa: BLE001 - the record is written; everything else can be tried again
            report.once(
                "company", f"{sink.path} is written by several programs, and this one goes by itself: {error!r}"
            )

    def _part(self, sink: FileSink) -> Handler | None:
        """The handler of *sink*, which appends directly now; None where it is still somebody's guest."""
        handler = self._core.handler_of(sink)
        if handler is None or handler.link is None:
            return handler
        guest = self._guests.get(handler.link.place.id)
        if guest is None or not guest.link.is_on_its_own:
            return None
        self._leave(guest, Limit(0.0, firm=True))
        if guest.host_has_died:
            self._looks_from = monotonic() + ALONE
        return self._core.handler_of(sink)

    def _meet(self, sink: FileSink) -> None:
        handler = self._part(sink)
        if (
            handler is None
            or attach.bootstrapping()
            or monotonic() < self._looks_from
            or self._core.sessions.belongs_to_a_tree
            or not _suits(handler)
            or not sink.has_company()
        ):
            return
        # All the others wait for the lock below: what takes a millisecond for the first time is done before.
        system_calls()
        key = sink.key()
        host, made = None, False
        with hosts.locked(hosts.shared_directory(key)) as alone:
            if alone:
                host = _joined(handler, key)
                made = host is None and self._core.sessions.become_host(handler)
        # What need not be under that lock is not: all the others wait for it just now.
        if host is not None:
            self._be_guest(handler, host)
        elif made:
            self._core.sessions.guard()

    def _be_guest(self, handler: Handler, host: hosts.Host) -> None:
        """Let *handler* be served by *host*, which was joined."""
        guest = self._guests.get(host.place.id)
        if guest is None:
            exit.expect_signals()
            guest = self._guests[host.place.id] = _Guest(self._core, host.place, self._lookout, self.part)
        else:
            host.place.control.close()
        joined = handler.through(guest.link, host.route)
        guest.handlers[host.route] = joined
        self._core.replace(joined)

    def leave(self, handler: Handler) -> None:
        """Make *handler* this process's own again, when what it gave to its host is written."""
        guest = None if handler.link is None else self._guests.get(handler.link.place.id)
        if guest is not None:
            self._leave(guest, Limit(LEAVING_BOUND, firm=True))

    def leave_all(self, limit: Limit) -> bool:
        """As `leave`, for all handlers, within *limit*; whether their hosts have written everything."""
        done = True
        for guest in list(self._guests.values()):
            done = self._leave(guest, limit) and done
        return done

    def _leave(self, guest: _Guest, limit: Limit) -> bool:
        done = guest.link.flush(Limit(limit.left(LEAVING_BOUND), firm=True))
        for handler in self._handlers_of(guest):
            self._core.replace(handler.through(None, handler.id))
        guest.link.close(limit)
        guest.link.doorbell.close()
        if guest.link.is_on_its_own:
            guest.link.end()
        if self._guests.pop(guest.link.place.id, None) is None:
            return done
        # Calls that are on their way still go there, in a ring that the host reclaims when this process ends.
        self._former.append(guest.link)
        while len(self._former) > FORMER:
            left = self._former.pop(0)
            self._core.removed += left.account().without_rings()
            left.end()
        return done

    def _handlers_of(self, guest: _Guest) -> Iterator[Handler]:
        for handler in self._core.handlers():
            if handler.link is guest.link:
                yield handler

    def forget(self, *, alone: bool) -> None:
        """In a forked child: the guest was its parent.

        Args:
            alone: do not become another one. A host's writer is a thread, which some servers that embed Python and fork
                by themselves let run only now and then.
        """
        for link in (*self.links(), *self._former):
            link.abandon()
            link.doorbell.close()
        self._guests, self._former, self._alone = {}, [], alone


def _joined(handler: Handler, key: str) -> hosts.Host | None:
    """A host of the file of *handler* that has been told to go on serving it; None when there is none."""
    for host in hosts.find(key):
        if _agrees(handler, host) and hosts.join(host):
            return host
        host.place.control.close()
    return None


def _suits(handler: Handler) -> bool:
    """Whether the records of *handler* can be written by another program: finished bytes for a regular file."""
    spec, sink = handler.spec, handler.sink
    return (
        isinstance(sink, FileSink)
        and sink.shared
        and spec.file is not None
        and spec.file.opener is None
        and spec.is_whole
        and not spec.as_data
        and not spec.asks_about_messages
    )


def _agrees(handler: Handler, host: hosts.Host) -> bool:
    """Whether *host* writes the same kind of file and does all that is asked of it here.

    Another rotation is said once, and is the host's; a host that has none cannot write for who has one.
    """
    published = registry.read(host.place, registry.Kinship.OTHER_PROGRAM)
    theirs = None if published is None else next((spec for spec in published.routes if spec.id == host.route), None)
    mine = handler.spec.file
    if theirs is None or theirs.file is None or mine is None:
        return False
    if theirs.asks_about_messages or theirs.as_data or theirs.file.text != mine.text:
        return False
    names = ("rotation", "retention", "compression", "permissions", "coordination_dir")
    pairs = {name: (getattr(mine, name), getattr(theirs.file, name)) for name in names}
    if any(own is not None and other is None for own, other in pairs.values()):
        return False
    # A function cannot be compared with that of another program, which is not told of it.
    differing = [
        f"{name} ({shown_option(other)} there, {shown_option(own)} here)"
        for name, (own, other) in pairs.items()
        if own is not None and own != other
    ]
    if differing:
        report.once(
            f"differs {mine.template.pattern}",
            f"{mine.template.pattern} is written by process {host.place.control.identity.pid}, too, with another "
            f"{' and '.join(differing)}. Whichever of them writes the file goes by its own; use the same.",
        )
    return True
