"""The environment variables of mplog, which whoever starts a program may set: not for one that has more rights.

A program with set-user-id, set-group-id or capabilities of its file has the environment of a user who may do less than
the program itself. What that user has put into variables of mplog is taken out, once, before anything reads one: so it
counts neither here nor in what the program starts, which the kernel may not mark any more.
"""

from __future__ import annotations

import os
import struct

from mplog._capture import process
from mplog._ring import system_calls

PREFIX = "MPLOG_"

_AT_SECURE = 23
"""The kernel's number for what tells it, in the table that every program gets."""


def has_foreign_environment() -> bool:
    """Whether the environment is that of somebody who may do less than this program."""
    if not hasattr(os, "getuid"):
        return False
    # Root may put anything into anybody's environment, and a server of root's may be another user for a while.
    if os.getuid() and (os.getuid() != os.geteuid() or os.getgid() != os.getegid()):
        return True
    try:
        with open("/proc/self/auxv", "rb") as file:
            table = file.read()
    except OSError:  # There is no /proc, or this process may not be looked at, as others that have got more rights.
        return bool(system_calls.auxiliary_value(_AT_SECURE))
    entry = struct.Struct("NN")
    return bool(dict(entry.iter_unpack(table[: len(table) - len(table) % entry.size])).get(_AT_SECURE))


def _take_out() -> tuple[str, ...]:
    names = tuple(sorted(name for name in os.environ if name.startswith(PREFIX)))
    for name in names:
        del os.environ[name]
    return names


FOREIGN = has_foreign_environment()

TAKEN_OUT: tuple[str, ...] = _take_out() if FOREIGN and not process.interpreter() else ()
"""The variables that were there. The environment of subinterpreters is the main one's."""
