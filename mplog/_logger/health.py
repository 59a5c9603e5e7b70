"""`logger.health()`: whether everything is all right, and if not, what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mplog._logger import statistics
from mplog._logger.core import Core
from mplog._ring.clock import monotonic
from mplog._session.host import Host

SILENT = 3.0
"""Seconds without a sign of a writer after which it is a problem. A round may wait two for a file."""

LATE = 2.0
"""Seconds that a record may wait in a ring."""

FULL = 0.75
"""The share of a queue from which on it is a problem."""

RECENT = 60.0
"""Seconds for which a drop is a problem."""

Kind = Literal["owner", "late", "full", "sink", "dropped", "corrupt", "unread"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not all right."""

    kind: Kind
    text: str
    """What, with which values, and what to do."""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Health:
    """The problems, the gravest first. True when there are none."""

    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.problems

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems)) or "everything is all right"


def look(core: Core) -> Health:
    """What is wrong as far as *core* can see."""
    core.notice_child()
    problems = [*_owners(core), *_sinks(core), *_queues(core), *_rings(core)]
    return Health(tuple(problems))


def _owners(core: Core) -> Iterator[Problem]:
    """Whether those live, and work, who write for this process."""
    host = core.sessions.host
    if host is not None and host.place.control.silent_for() > SILENT:
        yield Problem(
            "owner",
            f"the writer thread of this process has not been seen for {host.place.control.silent_for():.0f} s. It "
            "waits for a sink, or the process has no time for it; records of other processes wait in their rings.",
        )
    for link in core.sessions.all_links():
        if host is not None and link.place is host.place:
            continue
        owner, silent = link.place.control.identity.pid, link.place.control.silent_for()
        if link.orphaned or not link.place.is_served:
            yield Problem(
                "owner",
                f"the owner of the log (process {owner}) is gone. This process writes files by itself; what was for "
                "functions and streams of the owner is lost. Start the program anew when that suits you.",
            )
        elif silent > SILENT:
            yield Problem(
                "owner",
                f"the owner of the log (process {owner}) has not drained for {silent:.0f} s. It is stopped, or waits "
                f"for a file: see what it does, and if it is stopped let it go on with `kill -CONT {owner}`.",
            )


def _sinks(core: Core) -> Iterator[Problem]:
    """Sinks that refuse what they are given, or are slow."""
    host = core.sessions.host
    for handler in core.handlers():
        trouble = handler.sink.trouble if handler.sink is not None and handler.link is None else None
        if trouble is not None:
            yield Problem("sink", f"the last record for handler {handler.id} ({handler.name}) was lost: {trouble}.")
    if host is None:
        return
    for number, error in list(host.drain.files.refusals.items()):
        yield Problem(
            "sink",
            f"handler {number} cannot write to {error}. Records wait in memory and the write is tried again: see to "
            "room, permissions, and who locks the file.",
        )
    for number, route in list(host.routes.items()):
        if route.outlet is not None and route.outlet.fill > FULL:
            yield Problem(
                "full",
                f"the sink of handler {number} is too slow: its queue is {route.outlet.fill:.0%} full with "
                f"{route.outlet.left()} records of other processes, and what does not fit will be dropped.",
            )


def _queues(core: Core) -> Iterator[Problem]:
    """Whether records wait for long, or find no room."""
    lag = statistics.lag(core)
    if lag > LATE:
        yield Problem(
            "late", f"the oldest record has waited for {lag:.1f} s in its ring and is not with its sinks yet."
        )
    for link in core.sessions.all_links():
        account = link.account()
        if account.waiting_bytes > FULL * account.ring_bytes:
            yield Problem(
                "full",
                f"the rings of this process are {account.waiting_bytes / account.ring_bytes:.0%} full. Let it log "
                "less, or give it larger ones with QueueOptions(ring_size=...).",
            )
        yield from _dropped(link.dropped_at, f"this process has dropped {account.dropped} records so far")
    host = core.sessions.host
    if host is not None:
        yield from _dropped_of_others(host)


def _dropped_of_others(host: Host) -> Iterator[Problem]:
    for tally, account in host.accounts():
        if tally is not host.tallies.own():
            who = f"process {tally.pid} ({tally.name}) has dropped {account.dropped} records so far"
            yield from _dropped(tally.dropped_at, who)
    for number, route in list(host.routes.items()):
        if route.outlet is not None:
            what = f"{route.outlet.dropped} records of other processes for handler {number} were dropped so far"
            yield from _dropped(route.outlet.dropped_at, what)


def _dropped(at: float | None, what: str) -> Iterator[Problem]:
    ago = None if at is None else monotonic() - at
    if ago is not None and ago < RECENT:
        yield Problem(
            "dropped",
            f"{what}, the last {ago:.0f} s ago. Log less, or see docs/reference/queue.md for more room and patience.",
        )


def _rings(core: Core) -> Iterator[Problem]:
    """Rings that are damaged, or cannot be opened."""
    host = core.sessions.host
    unopened = host.unopened() if host is not None else []
    if host is not None and unopened:
        records = sum(waiting.account.in_flight for waiting in unopened)
        yield Problem(
            "unread",
            f"{records} records of other processes wait in {len(unopened)} rings that this process cannot open "
            f"({host.shortage.error}). Raise the limit of open files (ulimit -n), or let it open less.",
        )
    for source in list(host.drain.sources) if host is not None else ():
        if source.aside:
            what = (
                "is damaged and is not read any more" if source.broken else "is set aside after errors of mplog's own"
            )
            yield Problem(
                "corrupt",
                f"the ring {source.file.path} of process {source.file.owner.pid} {what}. "
                "Restart that process; keep a copy of the file for a bug report.",
            )
