"""Subinterpreters: workers of the session of their process's main interpreter.

A subinterpreter cannot ask the main one for anything, so that makes the session before it creates one, as before a
fork. There is no hook for that: Python's audit events do not tell of it since 3.13, and an audit hook would double the
time of a log call. What every program creates subinterpreters with, in the end, is one function of a private module;
while mplog is loaded, another function stands for it.

The processes' identity is the same in all of them, so names in the runtime directory tell them whose workers they are:
`by-pid/<process>` names the session of the main interpreter, as it does for children, and
`by-pid/<process>-<id>-<name>` each session whose worker it is itself, and what it is called.

A subinterpreter whose main interpreter has no session, such as those of a web server that has an application in each,
is on its own. Its session, where it may have the threads for one, is its own, and nobody finds it by pid or
environment, which are the main interpreter's.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from mplog._capture import process
from mplog._ring.layout import NAME_BYTES
from mplog._session import announce, directory
from mplog._session.identity import Identity, myself
from mplog._session.place import BY_PID, Place, named, open_place
from mplog._sinks import report


def watch(prepare: Callable[[], object], on_import: Callable[[str, Callable[[ModuleType], None]], None]) -> None:
    """Have *prepare* called before this interpreter creates another one; now, if it has.

    Args:
        on_import: calls a function with a module that is loaded now or later.
    """
    if process.interpreter():
        return

    def found(module: ModuleType) -> None:
        with contextlib.suppress(AttributeError):  # Another implementation.
            module.create = _preceded(module.create, prepare)  # type: ignore[attr-defined]  # as a module of C has it
            if len(module.list_all()) > 1:
                _carefully(prepare)

    for library in process.INTERPRETERS:
        if library in sys.builtin_module_names:
            with contextlib.suppress(ImportError):
                __import__(library)  # No finder of ours would see it.
        on_import(library, found)


def _preceded(create: Callable[..., Any], prepare: Callable[[], object]) -> Callable[..., Any]:
    """*create*, called after *prepare*."""

    @functools.wraps(create)
    def create_prepared(*args: Any, **kwargs: Any) -> Any:
        _carefully(prepare)
        return create(*args, **kwargs)

    return create_prepared


def _carefully(prepare: Callable[[], object]) -> None:
    try:
        prepare()
    except Exception:  # noqa: BLE001 - the program creates an interpreter, and asks nothing of mplog
        report.error_in_handler(-1, None)


def name_sessions(places: list[Place]) -> None:
    """Let the subinterpreters of this process find *places*, which serve it, and no others.

    Others are those of a program that this process ran before an exec.
    """
    who = myself()
    for path in _names(who):
        if os.path.basename(path) != named(who):  # That is its own session's, which has put it there.
            with contextlib.suppress(OSError):
                os.unlink(path)
    for place in places:
        with contextlib.suppress(OSError):
            place.name_for(f"{named(who)}-{place.id.hex()}-{_quoted(process.name())}")


def sessions() -> list[Place]:
    """In a subinterpreter: the living sessions that serve its process, the main interpreter's own first."""
    found = []
    for name in _names(myself()):
        with contextlib.suppress(OSError, ValueError):
            path = os.readlink(name)
            if os.path.dirname(os.path.dirname(path)) != os.path.dirname(os.path.dirname(name)):
                continue
            place = open_place(path)
            if announce.lives_here(place) if place.control.identity == myself() else place.is_served:
                found.append(place)
                _, _, called = os.path.basename(name).removeprefix(named(myself())).rpartition("-")
                if called:
                    process.call_it(_unquoted(called))
            else:
                place.control.close()
    return found


def is_over(number: int) -> bool:
    """Whether the subinterpreter *number* of this process has ended."""
    for library in process.INTERPRETERS:
        module = sys.modules.get(library)
        if module is not None:
            return number not in map(process.interpreter_number, module.list_all())
    return False


def _quoted(name: str) -> str:
    """*name* as a part of the name of a file."""
    return name.encode("utf-8", "replace")[:NAME_BYTES].hex()


def _unquoted(quoted: str) -> str:
    return bytes.fromhex(quoted).decode("utf-8", "replace")


def _names(who: Identity) -> list[str]:
    """The paths of all names for subinterpreters of *who*."""
    found = []
    for base in dict.fromkeys([*announce.bases(), *directory.existing_bases()]):
        index = os.path.join(base, BY_PID)
        with contextlib.suppress(OSError):
            names = sorted(os.listdir(index))
            mine = [name for name in names if "." not in name and f"{name}-".startswith(f"{named(who)}-")]
            found += [os.path.join(index, name) for name in mine]
    return found
