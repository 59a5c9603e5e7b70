"""How a process finds the session it belongs to, without being told.

Fork: by inherited memory. Spawn and forkserver: by a passport that travels in the configuration of the process
object (`current_process()._config`, which both libraries copy into their children). While a child's main module is
imported the passport has not been unpacked yet; then the session is found by the parent's pid, by the family's
authkey, or by the environment (announce.py), which is the way of programs that `subprocess` starts. Every way is
checked: the session's directory must be this user's, private, of this boot.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

from mplog._capture import process
from mplog._session import announce, interpreters
from mplog._session.front import authkeys
from mplog._session.identity import Identity, boot_id, pid_namespace, start_token
from mplog._session.place import Place, find

LIBRARIES = ("multiprocessing.process", "multiprocess.process")
KEY = "mplog"
FAKE_MAIN = "<fake __main__>"
"""What Python calls the main module when it runs it again in a subinterpreter."""


class Letter(NamedTuple):
    """What a child has of a session: where it is, and what it needs when that is gone before it arrives."""

    path: str
    owner: int
    """The owner's pid."""
    registry: bytes
    """The owner's configuration as it was at the start of the child; empty where it could not be read."""

    @property
    def session(self) -> bytes:
        """The session's id."""
        return bytes.fromhex(os.path.basename(self.path))


_on_departure: Callable[[], list[Letter]] | None = None
_on_arrival: Callable[[list[Letter]], None] | None = None


class Passport:
    """Lies in a process's configuration. Pickling it, which only a start by spawn or forkserver does, makes the
    session; unpickling it joins the child to it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrive, (_on_departure() if _on_departure is not None else [],)


def _arrive(letters: list[Letter]) -> Passport:
    if _on_arrival is not None:
        _on_arrival(letters)
    return Passport()


def install(on_departure: Callable[[], list[Letter]], on_arrival: Callable[[list[Letter]], None]) -> None:
    """Put a passport into this process's configuration, in each library that is loaded now or later.

    Args:
        on_departure: makes the session and returns a letter for each session that a child must know.
        on_arrival: called in a child with the letters. A session may be gone by then: its owner was killed, and other
            workers have written everything.
    """
    global _on_departure, _on_arrival
    _on_departure, _on_arrival = on_departure, on_arrival
    for library in LIBRARIES:
        on_import(library, _put)


def on_import(name: str, do: Callable[[ModuleType], None]) -> None:
    """Call *do* with the module *name*: now if it is loaded, else when it is."""
    if name in sys.modules:
        do(sys.modules[name])
    else:
        sys.meta_path.insert(0, _Watch(name, do))


def _put(module: ModuleType) -> None:
    with contextlib.suppress(AttributeError):
        module.current_process()._config[KEY] = Passport()


class _Watch:
    """Waits for one module to be imported, and calls a function with it then. Changes nothing about the import.

    A finder as `sys.meta_path` has them. Not derived from `importlib.abc.MetaPathFinder`: with that module come a dozen
    others, a tenth of the time that `import mplog` takes.
    """

    def __init__(self, name: str, do: Callable[[ModuleType], None]) -> None:
        self._name = name
        self._do = do

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec that the other finders give, with a loader that calls the function after the module has run."""
        if fullname != self._name:
            return None
        with contextlib.suppress(ValueError):
            sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        loader = spec.loader if spec is not None else None
        if loader is None or not hasattr(loader, "exec_module"):
            return None
        run = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            run(module)
            self._do(module)

        loader.exec_module = exec_module  # type: ignore[method-assign]  # this one loader object, this one time
        return spec


def bootstrapping() -> bool:
    """Whether this process is importing its main module again on behalf of a library, so that nothing may be opened."""
    for library in LIBRARIES:
        module = sys.modules.get(library)
        if module is not None and getattr(module.current_process(), "_inheriting", False):
            return True
    return in_fork_server() or _runs_main_for_tasks()


def _runs_main_for_tasks() -> bool:
    """Whether this is a subinterpreter that runs the main module again, to find the functions of its tasks there."""
    frame = sys._getframe() if process.interpreter() else None
    while frame is not None:
        if frame.f_globals.get("__name__") == FAKE_MAIN:
            return True
        frame = frame.f_back
    return False


def in_fork_server() -> bool:
    """Whether this process is a fork server (and not one of its children): it is never an owner."""
    if "multiprocessing.forkserver" not in sys.modules and "multiprocess.forkserver" not in sys.modules:
        return False
    frame = sys._getframe()
    serving = False
    while frame is not None:
        if frame.f_globals.get("__name__") in ("multiprocessing.forkserver", "multiprocess.forkserver"):
            if frame.f_code.co_name == "_serve_one":
                return False
            serving = serving or frame.f_code.co_name == "main"
        frame = frame.f_back  # type: ignore[assignment]  # None ends the loop
    return serving


def find_sessions() -> list[Place]:
    """The session of this process's family, while its passport is not there; in a subinterpreter, its process's."""
    if process.interpreter():
        return interpreters.sessions()
    parent = os.getppid()
    token = start_token(parent)
    found = find(authkeys(), Identity(parent, token or 0, boot_id(), pid_namespace()))
    # An owner that starts processes is found before this: the environment is that of a parent that is no owner itself.
    place = found or next(iter(announce.announced()), None)
    if place is None:
        return []
    place.was_looked_for = not (bootstrapping() or process.is_child_of_library())
    return [place]
