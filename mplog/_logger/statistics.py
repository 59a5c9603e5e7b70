"""`logger.statistics()`: what has become of the records of this process, and of those that it writes for."""

from __future__ import annotations

from dataclasses import dataclass

from mplog._capture import process
from mplog._logger.core import Core
from mplog._ring.clock import monotonic_ns
from mplog._session.account import Account
from mplog._session.host import Host
from mplog._sinks import report


@dataclass(frozen=True, slots=True)
class ProcessStatistics:
    """What has become of the records of one process.

    A record counts once for each handler that it is for. `emitted` is the sum of the five counts after it.
    """

    pid: int
    """0: all processes that ended before the last thousand, together."""
    name: str
    emitted: int
    written: int
    dropped: int
    filtered: int
    failed: int
    in_flight: int
    ring_fill: float
    """The share of its rings that is in use, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """A snapshot; its counts are the sums over `processes`."""

    processes: tuple[ProcessStatistics, ...]
    """This one first, then those that it writes for."""
    writer_lag: float
    """Seconds that the oldest record in a ring has waited for its sinks by now; 0.0 where none waits."""
    rotations: int
    """How many rotations of files this process has made."""
    corrupt_rings: int
    """Damaged rings that this process does not read any more."""
    last_error: str | None
    """What this process had to say of its own troubles last."""
    last_error_at: float | None
    """When that was, in seconds since the epoch."""

    @property
    def emitted(self) -> int:
        """Records that passed level and filter in the process of the call, once for each handler."""
        return sum(each.emitted for each in self.processes)

    @property
    def written(self) -> int:
        """Those that a sink has taken."""
        return sum(each.written for each in self.processes)

    @property
    def dropped(self) -> int:
        """Those for which there was no room, or no sink any more."""
        return sum(each.dropped for each in self.processes)

    @property
    def filtered(self) -> int:
        """Those that the owner turned away: its filter did, or their handler was removed."""
        return sum(each.filtered for each in self.processes)

    @property
    def failed(self) -> int:
        """Those at which a sink, a filter or a format raised."""
        return sum(each.failed for each in self.processes)

    @property
    def in_flight(self) -> int:
        """Those that are on their way."""
        return sum(each.in_flight for each in self.processes)


def take(core: Core) -> Statistics:
    """A snapshot of *core*. Takes no lock that a log call or a sink holds for long."""
    core.notice_child()
    host = core.sessions.host
    own = core.removed + core.sessions.company.account()
    for handler in core.handlers():
        own += handler.account()
    for link in core.sessions.all_links():
        own += link.account()
    processes = [_shown(process.pid(), process.name(), own)]
    if host is not None:
        # In this order: the writer may meet this process's own ring at any time.
        accounts = list(host.accounts())
        here = host.tallies.own()
        for tally, account in accounts:
            if account.emitted and tally is not here:
                processes.append(_shown(tally.pid, tally.name, account))
    trouble = report.last
    return Statistics(
        tuple(processes),
        lag(core),
        core.rotations_removed + sum(handler.rotations for handler in core.handlers()),
        0 if host is None else corrupt(host),
        None if trouble is None else trouble.text,
        None if trouble is None else trouble.at,
    )


def _shown(pid: int, name: str, account: Account) -> ProcessStatistics:
    fill = account.waiting_bytes / account.ring_bytes if account.ring_bytes else 0.0
    return ProcessStatistics(
        pid,
        name,
        account.emitted,
        account.written,
        account.dropped,
        account.filtered,
        account.failed,
        account.in_flight,
        fill,
    )


def lag(core: Core) -> float:
    """Seconds that the oldest record has waited in a ring of this process, or in one that it drains."""
    host = core.sessions.host
    stamps = [None if host is None else host.intake.oldest(), *(link.oldest() for link in core.sessions.all_links())]
    oldest = min((stamp for stamp in stamps if stamp is not None), default=None)
    return 0.0 if oldest is None else max(0.0, (monotonic_ns() - oldest) / 1e9)


def corrupt(host: Host) -> int:
    """How many rings *host* has met that are damaged or set aside."""
    return host.intake.damaged + sum(source.aside for source in list(host.drain.sources))
