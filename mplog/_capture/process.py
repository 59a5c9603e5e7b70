"""Which process, interpreter and thread a call comes from, as the library that started the process names it."""

from __future__ import annotations

import _thread
import functools
import importlib
import mmap
import os
import sys
import threading
from typing import Any

_WIPE_ON_FORK = 18
"""The kernel's number for MADV_WIPEONFORK, which Python has no name for."""

_pid = os.getpid()

UNKNOWN = "<unknown>"
"""The name of what cannot say its own."""


class _Asked:
    """Stands for the page where the kernel wipes none: asks for the number of the process each time."""

    def __getitem__(self, _: int) -> bool:
        return os.getpid() == _pid

    def __setitem__(self, _: int, value: int) -> None:
        pass


def _page() -> Any:
    try:
        page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        page.madvise(_WIPE_ON_FORK)
    except (AttributeError, OSError, ValueError):  # Not Linux, or one before 4.14.
        return _Asked()
    return page


here = _page()
"""`here[0]` is 0 in a child that has not become one for mplog yet, whoever forked it and however, see fork.py.

The kernel wipes the page in whatever is forked. Not every fork is Python's: servers that embed it fork by themselves,
and so do libraries; then no hook runs.
"""
here[0] = 1


def pid() -> int:
    """This process's id, without asking the kernel at each call; see `here`."""
    return _pid


INTERPRETERS = ("_interpreters", "_xxsubinterpreters")
"""Python's modules of subinterpreters, of which it has one: the second one before 3.13. Neither is public."""


def interpreter_number(current: Any) -> int:
    """The number in what these modules name an interpreter by: a pair, a number, or an object that stands for one."""
    return int(current[0] if isinstance(current, tuple) else current)


def _own_interpreter() -> int:
    is_main = getattr(_thread, "_is_main_interpreter", None)
    # Before 3.12 only the module knows, whose import takes a millisecond; a subinterpreter runs no file as its main.
    if is_main() if is_main is not None else hasattr(sys.modules.get("__main__"), "__file__"):
        return 0
    for library in INTERPRETERS:
        try:
            return interpreter_number(importlib.import_module(library).get_current())
        except ImportError:
            continue
    return 0 if is_main is None else 1


_interpreter = _own_interpreter()


def interpreter() -> int:
    """The number of this interpreter in its process; 0 for the main one, which every process has."""
    return _interpreter


@functools.cache
def may_have_threads() -> bool:
    """Whether this interpreter may have threads that its end does not wait for. Most subinterpreters may not."""
    if not _interpreter:
        return True
    allowed = getattr(_thread, "daemon_threads_allowed", None)
    if allowed is not None:
        return bool(allowed())
    try:
        _thread.start_new_thread(int, ())
    except RuntimeError:  # Before 3.12 there is no other way to know.
        return False
    return True


_STANDARD = "multiprocessing.process"
"""Not imported for its name: where it is not there, it has not started this process."""
_LIBRARIES = ("multiprocess.process", "billiard.process")
"""Libraries that start processes as `multiprocessing` does, which knows nothing of theirs."""

_given: str | None = None


def name() -> str:
    """The name that the starting library gave this process; "MainProcess" where none did.

    In a subinterpreter with its number behind it: "MainProcess/interpreter-3".
    """
    return f"{_name()}/interpreter-{_interpreter}" if _interpreter else _name()


def call_it(given: str) -> None:
    """In a subinterpreter, where no library knows it: the process is called so."""
    global _given
    _given = given


def _name() -> str:
    if _given is not None:
        return _given
    try:
        for library in _LIBRARIES:
            module = sys.modules.get(library)
            if module is not None:
                process = module.current_process()
                if getattr(process, "_parent_pid", None) is not None:
                    return str(process.name)
        standard = sys.modules.get(_STANDARD)
        return "MainProcess" if standard is None else str(standard.current_process().name)
    except Exception:  # noqa: BLE001 - a double of a program's tests, or half a module
        return UNKNOWN


def is_child_of_library() -> bool:
    """Whether `multiprocessing`, or a library like it, has started this process and runs its target."""
    for library in (_STANDARD, *_LIBRARIES):
        try:
            module = sys.modules.get(library)
            if module is not None and module.current_process()._parent_pid is not None:
                return True
        except Exception:  # noqa: BLE001 - a double of a program's tests, or half a module
            continue
    return False


def thread_id() -> int:
    """The identifier of the calling thread."""
    try:
        return threading.get_ident()
    except Exception:  # noqa: BLE001 - a double
        return _thread.get_ident()


def thread_name() -> str:
    """The name of the calling thread."""
    try:
        return threading.current_thread().name
    except Exception:  # noqa: BLE001 - a double, or a thread of a class whose name cannot be asked for
        return UNKNOWN


def is_here() -> bool:
    """Whether this process has become what it is for mplog, by all that can be told."""
    return bool(here[0]) and os.getpid() == _pid


def forget() -> None:
    """In a forked child: learn the new pid."""
    global _pid
    _pid = os.getpid()


def arrived() -> None:
    """In a forked child: it is what it is now."""
    here[0] = 1
