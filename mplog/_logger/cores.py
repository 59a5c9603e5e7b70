"""The cores of this process: the one that serves it, those that did before `reinstall()`, and copies of the logger.

All of them take part in forks and in the end of the process; copies do for as long as somebody holds them. A copy
shares nothing with the one it was made from but what cannot be two.
"""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from typing import Any

from mplog._capture import process
from mplog._logger import ending, sinks_here, tracing
from mplog._logger.core import Core
from mplog._logger.handler import Handler
from mplog._session import announce, exit, fork, interpreters
from mplog._session import attach as attaching
from mplog._sinks import report
from mplog._sinks.file.sink import FileSink

_cores: weakref.WeakSet[Core] = weakref.WeakSet()
"""All of them."""
_kept: list[Core] = []
"""Those that have served this process; the last one does."""


def install(core: Core, fall_silent: Callable[[], None]) -> None:
    """Let *core* serve this process: take part in forks, in starts of other interpreters, and in its end."""
    _join(core)
    core.serves = True
    _kept.append(core)
    # What a subinterpreter is, or a program that another one has started, is decided when it logs, or is configured.
    core.invited = process.interpreter() == 0 and announce.is_invited()
    core.provisional = core.invited or process.interpreter() != 0
    core.swap()
    attaching.install(_depart, _arrive)
    interpreters.watch(_prepare_interpreters, attaching.on_import)
    exit.install(_stop, fall_silent)
    tracing.install()


def promote(core: Core) -> None:
    """Let *core* serve this process instead of the one that does. That one is forgotten, not stopped."""
    if _kept[-1] is core:
        return
    _kept[-1].serves = False
    _join(core)
    core.serves = True
    if core in _kept:
        _kept.remove(core)
    _kept.append(core)


def duplicate(core: Core, memo: dict[int, Any]) -> Core:
    """An independent core with the same handlers, levels and settings.

    Raises:
        TypeError: a sink cannot be copied: an open file, a standard stream.
        RuntimeError: a handler with `enqueue=True`.
    """
    made: Core | None = memo.get(id(core))
    if made is None:
        made = core.duplicate(lambda handler: _copied(handler, memo), lambda value: _value(value, memo))
        memo[id(core)] = made
        _join(made)
    return made


def _copied(handler: Handler, memo: dict[int, Any]) -> Handler:
    """A copy of *handler* for another core."""
    sink: Any = handler.sink
    if handler.link is not None:
        if sink is not None and handler.link.is_owner:
            raise RuntimeError(
                f"Handler {handler.id} was added with enqueue=True, so its records go through a queue of this "
                "process's logger, and it cannot be copied. Remove it first, or add it again to the copy."
            )
        if not (isinstance(sink, FileSink) and sink.is_open):
            return handler.known_as(handler.id)  # The sink is elsewhere; so it is for the copy.
    if isinstance(sink, FileSink):
        if sink.is_open:
            raise TypeError(
                f"Handler {handler.id} cannot be copied: it writes to the open file {sink.path}. Remove it first, or "
                "add it with delay=True."
            )
        assert handler.spec.file is not None
        fresh: Any = sinks_here.file_sink(handler.spec, handler.renderer)
    else:
        fresh = sink.another(copy.deepcopy(sink.target, memo))
    return Handler(handler.spec, handler.renderer, fresh, name=handler.name, catch=handler.catch, visible_id=handler.id)


def _value(value: Any, memo: dict[int, Any]) -> Any:
    try:
        return copy.deepcopy(value, memo)
    except Exception:  # noqa: BLE001 - what cannot be two is shared
        return value


def _join(core: Core) -> None:
    if core not in _cores:
        _cores.add(core)
        fork.register(core.forks)


def attach() -> bool:
    """Join the program that started this one, however it did, so that records go to that program's sinks.

    The session of the process that owns the sinks is found by the environment variable `MPLOG_SESSION`. Handlers that
    this process has for the same files and standard streams become that process's; others stay. Call it before
    configuring anything: a file that is added first is opened, and emptied where its mode says so. A program without
    handlers of its own is joined by its first call anyway.

    Where there is nobody to join, this process is an owner itself: its session is made, so that the programs which it
    starts from now on can join it in turn. That is done too in a process which has joined and has sinks of its own. May
    be called any number of times. Never raises.

    Returns:
        Whether this process delivers to the sinks of a living process. If not, it needs handlers of its own.
    """
    return _kept[-1].sessions.attach()


def _depart() -> list[attaching.Letter]:
    return _kept[-1].sessions.depart()


def _prepare_interpreters() -> None:
    _kept[-1].sessions.prepare_interpreters()


def _arrive(letters: list[attaching.Letter]) -> None:
    _kept[-1].sessions.arrive(letters)


def _stop() -> None:
    # One limit for all of them: what one has waited for in vain, the others do not wait for, too.
    limit = ending.end_limit(_kept[-1])
    for core in [*_kept[::-1], *(core for core in list(_cores) if core not in _kept)]:
        ending.stop(core, limit)
    report.end()
