"""What the processes of a play do. One of them is killed at a point of points.py while it does it.

Two files are written, so that a death between the two of one batch is possible. A worker's records are in both.
"""

from __future__ import annotations

import atexit
import fcntl
import glob
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import injection
from ledger import BEGUN, ENDED, PID, RETURNED, WHO, Ledger, text

from mplog._logger.logger import logger
from mplog._ring.layout import STOPPED, WAKE
from mplog._session import link, patience
from mplog._session.host import Host
from mplog._session.identity import start_token
from mplog._session.queue_options import QueueOptions
from mplog._writer.drain import Drain

COUNT = 200
"""Records of each worker: its ring of 16 KiB wraps several times."""

UNLOCKED = 120
"""Records of a worker after which a file that was locked is so no more."""

LATER = 20
"""Records that a worker logs when its owner is gone."""

OLD = "app.2020-01-01_00-00-00_000000.log"
"""A file of long ago, for the retention."""


@dataclass(frozen=True)
class Play:
    """What is done until somebody dies."""

    then: str = "end"
    """What the workers do when they have logged everything: "end", "outlive" their owner and log more, or "die"."""

    workers: int = 2
    capacity: int = 16 * 1024
    gate: int = 0
    """The writer drains nothing before each worker has logged so many records, or is dead."""

    app: dict[str, Any] = field(default_factory=dict)
    """Options of the first file."""

    deaths: dict[str, str] = field(default_factory=dict)
    """Who dies beside the victim, and at which point."""

    late: bool = False
    """Whether the owner finds the rings of its workers only when it is about to end and the victim is dead."""

    locked: bool = False
    """Whether somebody holds the lock of the second file while the workers log."""

    foreign: bool = False
    """Whether a stranger that knows no locks appends to the first file before the next start."""


_ROTATING = {"rotation": "4 KB"}
_ARCHIVING = {**_ROTATING, "compression": "gz", "retention": "1 week"}
_HALF = {"owner": "commit: half written"}
_LARGE = 256 * 1024

PLAYS = {
    "workers": Play(),
    "orphans": Play("outlive"),
    "outlived": Play("outlive"),
    "rotating": Play(app=_ROTATING),
    "archiving": Play(app=_ARCHIVING),
    "direct": Play(workers=0, app=_ARCHIVING),
    "takeover": Play("outlive", capacity=_LARGE, gate=COUNT, deaths=_HALF),
    "rotating takeover": Play("outlive", capacity=_LARGE, gate=COUNT, app=_ROTATING, deaths=_HALF),
    "left": Play("die", capacity=_LARGE, gate=COUNT, deaths=_HALF),
    "rotating left": Play("die", capacity=_LARGE, gate=COUNT, app=_ROTATING, deaths=_HALF),
    "written": Play("die", capacity=_LARGE, gate=COUNT, deaths={"owner": "commit: nothing marked"}),
    "overtaken": Play("die", capacity=_LARGE, gate=COUNT, deaths=_HALF, foreign=True),
    "half archived": Play(workers=0, app=_ARCHIVING, deaths={"owner": "archive: named"}),
    "full": Play(gate=150),
    "late": Play("outlive", capacity=_LARGE, late=True),
    "behind": Play("outlive", capacity=_LARGE, locked=True),
    "behind takeover": Play("outlive", capacity=_LARGE, locked=True, deaths={"owner": "backlog: read"}),
}


@dataclass(frozen=True)
class Act:
    """One program of a play: its play, who dies where in it, and what it is called."""

    play: Play
    who: str
    deaths: dict[str, dict[str, int]]
    """For each that dies: at which points, at which passage of each."""

    directory: str
    """Above the one with the logs: for the ledger and the hits."""

    def arm(self, who: str) -> None:
        """From now on this process is *who*."""
        injection.arm(self.deaths.get(who, {}), self.directory)


class Player:
    """A process that logs and keeps its part of the ledger."""

    def __init__(self, ledger: Ledger, who: str) -> None:
        self._ledger = ledger
        self.who = who

    def log(self, until: int) -> None:
        """Go on logging until *until* records have been logged."""
        ledger, who = self._ledger, self.who
        for number in range(ledger.get(who, RETURNED), until):
            ledger.put(who, BEGUN, number + 1)
            logger.info(text(who, number))
            ledger.put(who, RETURNED, number + 1)
            if number % 20 == 0:
                time.sleep(0.001)  # So that records of several processes come into one batch, and into many.


def perform(act: Act) -> None:
    """Be the first process of *act*, to its end."""
    # A death is noticed at the next record, and not a second later. A full ring is given up after a second only: on a
    # loaded machine its reader may take some tenths, and what is dropped is no part of what is looked at here.
    vars(link).update(QUIET=0.0, LOOK_EVERY=0.005)
    vars(patience).update(LIFE_EVERY=0.005)
    ledger = Ledger(Path(act.directory) / "ledger")
    act.arm(act.who)
    logger.configure(queue=QueueOptions(ring_size=act.play.capacity, block_timeout=1.0))
    logger.remove()
    logger.add("app.log", format="{message}", **act.play.app)
    logger.add("other.log", format="{level} {message}")
    if act.who == "owner":
        _own(act, ledger)
    else:
        Player(ledger, act.who).log(3)
        # A session of its own, which sweeps what dead ones have left.
        if os.fork() == 0:
            os._exit(0)
        os.wait()
    end()


def end() -> None:
    """End as a program does: with its exit functions."""
    atexit._run_exitfuncs()
    os._exit(0)


def _own(act: Act, ledger: Ledger) -> None:
    names = WHO[1 : 1 + act.play.workers]
    if act.play.gate:
        _hold_back(Drain.round, lambda: all(_is_past(ledger, name, act.play.gate) for name in names))
    if act.play.late:
        _find_late(lambda: _is_past(ledger, "worker1", COUNT + LATER) or _is_gone(ledger, "worker1"))
    player = Player(ledger, "owner")
    owner = os.getpid()
    if act.play.locked:
        _lock("other.log", owner, ledger)
    living: dict[int, str] = {}
    for name in names:
        pid = os.fork()
        if pid == 0:
            act.arm(name)
            _work(act, Player(ledger, name), ledger, owner)
        living[pid] = name
        ledger.put(name, PID, pid)
    while act.play.locked and not _is_past(ledger, "worker0", UNLOCKED):
        time.sleep(0.001)  # Its own calls would wait for the lock.
    for until in range(5, 5 * (100 if not names else 6), 5):
        player.log(until)
        time.sleep(0.001)
    while any(not _is_past(ledger, name, COUNT) for name in names) or (act.play.then == "end" and living):
        for pid in list(living):
            if os.waitpid(pid, os.WNOHANG)[0]:
                ledger.put(living.pop(pid), ENDED, 1)
        time.sleep(0.001)
    if act.play.gate and act.play.then != "end":
        time.sleep(10)  # The writer, whose gate is open now, dies meanwhile.


def _lock(path: str, owner: int, ledger: Ledger) -> None:
    """Start a process that takes no part in mplog and holds the lock of *path* while the workers log."""
    ready, locked = os.pipe()
    if os.fork() == 0:
        fd = os.open(path, os.O_RDWR)
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.write(locked, b"!")
        pieces = os.path.join(os.environ["MPLOG_RUNTIME_DIR"], "mplog-*", "sessions", "*", "backlog", "*", "*.ring")
        while os.getppid() == owner and not (glob.glob(pieces) and _is_past(ledger, "worker0", UNLOCKED)):
            time.sleep(0.001)
        os._exit(0)
    os.read(ready, 1)


def _is_past(ledger: Ledger, name: str, count: int) -> bool:
    return bool(ledger.get(name, ENDED)) or ledger.get(name, RETURNED) >= count


def _hold_back(drain: Callable[..., int], is_open: Callable[[], bool]) -> None:
    def round(self: Drain, *, everything: bool = False) -> int:
        return drain(self, everything=everything) if is_open() else 0

    Drain.round = round  # type: ignore[method-assign]  # for this act


def _is_gone(ledger: Ledger, name: str) -> bool:
    return start_token(ledger.get(name, PID)) is None


def _find_late(is_time: Callable[[], bool]) -> None:
    find = Host.find_rings

    def find_rings(self: Host, *, registered: bool = True) -> None:
        if self.place.control.words[WAKE] == STOPPED:
            while not is_time():
                time.sleep(0.001)
            find(self, registered=registered)

    Host.find_rings = find_rings  # type: ignore[method-assign]  # for this act


def _is_stopped() -> bool:
    return any(link.words[WAKE] == STOPPED for link in logger._core.sessions.links.values())


def _work(act: Act, player: Player, ledger: Ledger, owner: int) -> None:
    player.log(COUNT)
    if act.play.then == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if act.play.then == "outlive":
        while os.getppid() == owner and not _is_stopped():
            time.sleep(0.001)
        if (act.play.deaths or act.play.late) and player.who == "worker0":
            # The one that dies takes over first, so that it finds what the owner has left.
            while not _is_gone(ledger, "worker1") and ledger.get("worker1", RETURNED) < COUNT + LATER:
                time.sleep(0.001)
        player.log(COUNT + LATER)
    if player.who == "worker0":
        os._exit(0)
    end()
