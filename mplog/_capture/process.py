"""Which process and thread a call comes from, as the library that started the process names them."""

from __future__ import annotations

import os
import sys
import threading
from multiprocessing import process as _standard

_pid = os.getpid()


def pid() -> int:
    """This process's id, without asking the kernel at each call; see `forget`."""
    return _pid


_OTHERS = ("multiprocess.process", "billiard.process")
"""Libraries that start processes as `multiprocessing` does, which knows nothing of theirs."""


def name() -> str:
    """The name that the starting library gave this process; "MainProcess" where none did."""
    for library in _OTHERS:
        other = sys.modules.get(library)
        if other is not None:
            theirs = other.current_process()
            if getattr(theirs, "_parent_pid", None) is not None:
                return str(theirs.name)
    return _standard.current_process().name


def thread_id() -> int:
    """The identifier of the calling thread."""
    return threading.get_ident()


def thread_name() -> str:
    """The name of the calling thread."""
    return threading.current_thread().name


def forget() -> None:
    """In a forked child: learn the new pid."""
    global _pid
    _pid = os.getpid()
