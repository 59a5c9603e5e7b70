"""All fork hooks of mplog. Registered once; whoever needs one is in this table.

    who                before the fork                in the parent               in the child
    Core (logger)      makes the session if needed,   -                           becomes a worker: links for handlers,
                       takes its configuration lock   gives the lock back         fresh locks
    Host (session)     ends its threads, bounded      starts them again           closes what must not stay open
    Lookout (Core)     ends its thread, bounded       starts it again             forgets it, closes what it held
    capture.process    -                              -                           learns its pid

Lock order, outermost first: 1 configuration lock of the core, 2 writer mutex, 3 mutex of a link, then of its orphan,
4 sink mutex, 5 kernel lock of a log file, 6 mutex of a ring. A fork waits for 1 and, for BOUND altogether, for the end
of a round (2), of a look (3) and of a message (4). When that is over it goes on: the child replaces all locks and uses
nothing that the parent's threads were working with, so it is as sound as any other.

The child's hooks need not be the first that runs there: hooks of the program may have been registered before ours. And
they may not run at all, where something else than Python forks: a server that embeds it, a library. So whatever enters
mplog looks at a word that the kernel wipes in a child (process.here) and lets the child's hooks run first (`arrive`).
A call looks right before it delivers, for the message may be made by a function that forks.

A child that was forked so comes without the hooks before the fork: the parent may have no session, its threads were
at work, and they are not there in the child. What it inherits it must not use but close: the kernel's locks belong to
open files that it shares with the parent and its siblings. Without a session it writes the files by itself, under
their locks, and is nobody's host: whoever forks so may not let Python's threads run, either.

Python 3.12 and 3.13 warn after the parent's hooks when the process has several threads, so a writer that the hook
restarts makes every fork warn. There it comes back at the next instruction of the frame that forked, which runs right
after `os.fork` has returned: a silent parent goes on draining, and nothing warns.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, Protocol

from mplog._capture import process
from mplog._ring.clock import monotonic
from mplog._sinks import report, signals

BOUND = 0.1
"""Seconds that a fork waits for mplog's threads to come to an end, all of them together."""

PATIENCE = 5.0
"""Seconds that a thread of a child waits for another one that runs its hooks, at most; it takes a millisecond."""


class Participant(Protocol):
    """Whoever takes part in forks. The hooks never log."""

    def before_fork(self, deadline: float) -> None:
        """In the parent, before. Waits for other threads no longer than `monotonic()` is before *deadline*."""

    def after_fork_in_parent(self) -> None:
        """In the parent, in the thread that forked."""

    def resume_threads(self) -> None:
        """In the parent, when `os.fork` is about to return or has just returned."""

    def after_fork_in_child(self, *, prepared: bool) -> None:
        """In the child, which had one thread when it began.

        Args:
            prepared: whether `before_fork` has run.
        """


_participants: list[Participant] = []
_hooked = False
_forking: set[int] = set()
"""The threads that are between the hooks of a fork now; in a child, its first one where it has been prepared for."""
_arriving: dict[int, tuple[int, object]] = {}
"""By pid: which thread of a child runs its hooks, and a token of its own."""
_later: deque[Callable[[], object]] = deque()
"""What calls that came from inside of the child's hooks have left to be done after them."""
_resuming: Callable[[], None] | None = None


def register(participant: Participant) -> None:
    """Add *participant*, until `unregister`, also in forked children."""
    global _hooked
    if not _hooked and hasattr(os, "register_at_fork"):
        _hooked = True
        os.register_at_fork(before=_before, after_in_parent=_parent, after_in_child=_child)
    _participants.append(participant)


def unregister(participant: Participant) -> None:
    """Forget *participant*, at the end of what it stood for."""
    if participant in _participants:
        _participants.remove(participant)


def arrive(again: Callable[[], object] | None = None) -> bool:
    """This may be a child whose hooks have not run: let them run, once, whichever thread comes first.

    Args:
        again: does what the caller was about to do. Called after the hooks where the caller comes from inside of them.

    Returns:
        False where that is so, so that the caller must not go on.
    """
    mine = threading.get_ident(), object()
    first = _arriving.setdefault(os.getpid(), mine)
    if first is not mine:
        if first[0] == mine[0]:
            if again is not None:
                _later.append(again)
            return again is None
        deadline = monotonic() + PATIENCE
        while not process.here[0] and monotonic() < deadline:
            time.sleep(0.0005)
        return True
    try:
        if not process.is_here():
            _become_child()
    finally:
        _arriving.clear()
    while _later:
        _later.popleft()()
    return True


def _before() -> None:
    if not process.here[0]:
        arrive()
    _forking.add(threading.get_ident())
    _resume_now()
    deadline = monotonic() + BOUND
    for participant in _participants[:]:
        try:
            participant.before_fork(deadline)
        except Exception:  # noqa: BLE001 - the others must hold still, too, and the program forks anyway
            report.error_in_handler(-1, None, sink="holding still for a fork")


def _parent() -> None:
    global _resuming
    _forking.discard(threading.get_ident())

    for participant in _participants[::-1]:
        participant.after_fork_in_parent()

    def resume() -> None:
        for participant in _participants[:]:
            try:
                participant.resume_threads()
            except Exception:  # noqa: BLE001 - this runs inside the user's own code
                report.error_in_handler(-1, None, sink="starting the threads again after a fork")

    if sys.version_info >= (3, 12):
        frame = sys._getframe().f_back
        if frame is not None and _at_next_instruction(frame):
            _resuming = resume
            return
    resume()


def _child() -> None:
    if not process.is_here():
        arrive()


def _become_child() -> None:
    global _resuming
    _resuming = None
    prepared = threading.get_ident() in _forking
    _forking.clear()
    # What a signal handler logs waits until this is a process of its own.
    with signals.blocked():
        process.forget()
        if sys.version_info >= (3, 12):
            _disarm()
        for participant in _participants[:]:
            try:
                participant.after_fork_in_child(prepared=prepared)
            except Exception:  # noqa: BLE001 - the others must let go of what is the parent's, too
                report.error_in_handler(-1, None, sink="becoming a forked child")
        # SYNC arrived -> arrive: other threads of the child go on now.
        process.arrived()


def _resume_now() -> None:
    global _resuming
    resume, _resuming = _resuming, None
    if resume is not None:
        _disarm()
        resume()


if sys.version_info >= (3, 12):
    _armed: tuple[int, CodeType] | None = None
    _TOOL_IDS = (4, 3, 5, 2, 1)

    def _at_next_instruction(frame: FrameType) -> bool:
        """Arrange for `_resume_now` at the next instruction of *frame*; False when all tool ids are in use."""
        global _armed
        _disarm()  # Another thread may have forked at the same time; whoever resumes does it for both.
        monitoring = sys.monitoring
        for tool in _TOOL_IDS:
            if monitoring.get_tool(tool) is None:
                break
        else:
            return False
        try:
            monitoring.use_tool_id(tool, "mplog")
            monitoring.register_callback(tool, monitoring.events.INSTRUCTION, _instruction)
            monitoring.set_local_events(tool, frame.f_code, monitoring.events.INSTRUCTION)
        except ValueError:
            return False
        _armed = (tool, frame.f_code)
        return True

    def _instruction(_code: CodeType, _offset: int) -> Any:
        _resume_now()
        return None

    def _disarm() -> None:
        global _armed
        armed, _armed = _armed, None
        if armed is None:
            return
        tool, code = armed
        monitoring = sys.monitoring
        monitoring.set_local_events(tool, code, monitoring.events.NO_EVENTS)
        monitoring.register_callback(tool, monitoring.events.INSTRUCTION, None)
        monitoring.free_tool_id(tool)

else:

    def _disarm() -> None:
        """Nothing is armed before Python 3.12."""


__all__ = ["Participant", "register", "unregister"]
