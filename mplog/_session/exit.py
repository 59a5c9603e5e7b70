"""The end of a process: mplog stops after the libraries that start processes have joined theirs.

`multiprocessing` and `multiprocess` each join their children in an exit function of their own. A finalizer of the
lowest priority is the last thing such a function runs; mplog stops when the last of them has run, in whichever order
the modules were imported:

- a library imported before mplog has its exit function run after mplog's (they run in reverse): the finalizer waits;
- one imported later has run when mplog's own exit function is called.

The children of these libraries forget finalizers and skip exit functions, and run `util._exit_function` instead; there
the finalizer is registered again, after the fork, and in one of a fork server's also where it was that child which has
imported mplog. Those by spawn run exit functions, too.

A program that ends itself by a signal has none of that run: see last_signal.py.

Log calls are served after that, too, by exit functions and by `__del__`, until the interpreter takes modules apart.
Then they do nothing: see `_Last`.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from collections.abc import Callable
from types import ModuleType

from mplog._capture import process
from mplog._session import fork, last_signal

PRIORITY = -1_000_000
LIBRARIES = ("multiprocessing", "multiprocess")

_waiting: set[str] = set()
_told: set[str] = set()
_stop: Callable[[], None] | None = None
_wanted: Callable[[], None] | None = None
_fall_silent: Callable[[], None] | None = None
_last_module: ModuleType | None = None
_pid = 0


class _Anchor:
    """Something that lives as long as this module, for registries that hold their keys weakly."""

    def __init__(self, library: str) -> None:
        self.library = library


_anchors = [_Anchor(library) for library in LIBRARIES]


class _Last:
    """Goes when the interpreter begins to take modules apart, which sets their names to None, the newest first.

    A `__del__` that logs after this would fail inside of mplog or of the library, at a place that nobody can foresee.
    """

    def __init__(self, fall_silent: Callable[[], None]) -> None:
        self._fall_silent = fall_silent

    def __del__(self) -> None:
        self._fall_silent()


def install(stop: Callable[[], None], fall_silent: Callable[[], None]) -> None:
    """Have *stop* called once at the end of this process, and, after `forget`, at the end of a forked child.

    Args:
        fall_silent: called when no log call can be served any more.
    """
    global _wanted, _fall_silent
    _wanted, _fall_silent = stop, fall_silent
    _arm()
    prepare_for_children()  # This process may be one, and not have begun.
    atexit.register(_at_exit)


def _arm() -> None:
    global _stop, _pid
    _stop, _pid = _wanted, os.getpid()
    _waiting.clear()
    for library in LIBRARIES:
        util = sys.modules.get(f"{library}.util")
        if util is not None:
            _waiting.add(library)
            util.Finalize(None, _library_done, args=(library,), exitpriority=PRIORITY)


def prepare_for_children() -> None:
    """Before a fork: see to it that a child of one of the libraries arms itself after it has cleared its registry."""
    for anchor in _anchors:
        util = sys.modules.get(f"{anchor.library}.util")
        if util is not None and anchor.library not in _told:
            _told.add(anchor.library)
            with contextlib.suppress(Exception):
                util.register_after_fork(anchor, _arm_in_child)


def _arm_in_child(anchor: _Anchor) -> None:
    """Called by the library, where a child of it begins."""
    child = sys.modules[f"{anchor.library}.process"].current_process()
    if getattr(child, "_start_method", None) != "spawn":
        _arm()


def forget() -> None:
    """In a forked child: its end is its own."""
    _arm()


def _library_done(library: str) -> None:
    _waiting.discard(library)
    if not _waiting:
        _stop_once()


def _at_exit() -> None:
    if not process.here[0]:
        fork.arrive()  # The end that was arranged for was its parent's.
    for library in list(_waiting):
        util = sys.modules.get(f"{library}.util")
        if getattr(util, "_exiting", True):
            _waiting.discard(library)
    if not _waiting:
        _stop_once()


def _stop_once() -> None:
    global _stop
    stop, _stop = _stop, None
    if stop is not None and os.getpid() == _pid:
        stop()
        _watch_modules()


def expect_signals() -> None:
    """From now on this process has something to bring to an end, also where it ends itself by a signal."""
    last_signal.install(_stop_now)


def _stop_now() -> None:
    # Exit functions do it once more, where the process lives on.
    if _wanted is not None:
        _wanted()


def _watch_modules() -> None:
    global _last_module
    if _last_module is None and _fall_silent is not None:
        _last_module = sys.modules["mplog._last"] = ModuleType("mplog._last", _Last.__doc__)
        _last_module.__dict__["_last"] = _Last(_fall_silent)
        # Python 3.13.0 crashes in a datetime method when this module has gone before its types.
        _last_module.__dict__["datetime"] = sys.modules.get("_datetime")
