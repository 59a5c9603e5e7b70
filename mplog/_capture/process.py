"""Which process and thread a call comes from, as the library that started the process names them."""

from __future__ import annotations

import _thread
import os
import sys
import threading
from multiprocessing import process as _standard

_pid = os.getpid()

UNKNOWN = "<unknown>"
"""The name of what cannot say its own."""


def pid() -> int:
    """This process's id, without asking the kernel at each call; see `forget`."""
    return _pid


_OTHERS = ("multiprocess.process", "billiard.process")
"""Libraries that start processes as `multiprocessing` does, which knows nothing of theirs."""


def name() -> str:
    """The name that the starting library gave this process; "MainProcess" where none did."""
    try:
        for library in _OTHERS:
            other = sys.modules.get(library)
            if other is not None:
                theirs = other.current_process()
                if getattr(theirs, "_parent_pid", None) is not None:
                    return str(theirs.name)
        return _standard.current_process().name
    except Exception:  # noqa: BLE001 - a double of a program's tests, or half a module
        return UNKNOWN


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


def forget() -> None:
    """In a forked child: learn the new pid."""
    global _pid
    _pid = os.getpid()
