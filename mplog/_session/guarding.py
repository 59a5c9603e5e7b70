"""Starts the guard of a session whose processes have no common parent; see guard.py.

The owner of a tree outlives its workers, or its next start finds what is left. Strangers, such as the workers of a
server that has nothing to do with mplog itself, are stopped together, some of them by a signal that nothing handles:
then nobody is left who would write what the last ones had logged, or take the session away.

So is an owner that ends in good order while workers of it live: they, too, may be killed, or just were.

There is no guard where it could not be started without being in the program's way: in a frozen or embedding program,
whose `sys.executable` is no interpreter, or where there is no shell. The next start does it there.
"""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import sys

from mplog._capture import variables
from mplog._ring import descriptor
from mplog._session import announce, directory, guard
from mplog._session.place import DOORBELL, Place

WANTED = "MPLOG_GUARD"
"""Names whether guards are started."""

_NO = ("0", "false", "no", "n", "nok", "off")
"""What else it may say is checked when mplog is imported."""

_SHELL = "/bin/sh"
_BACKGROUND = '"$@" & exit 0'
"""The shell is the child that ends at once and is waited for; the guard is nobody's child then."""


def start(place: Place) -> None:
    """Start the guard of the session at *place*, which this process has just made. Never raises, says nothing."""
    if not _can_start():
        return
    with contextlib.suppress(Exception):  # An audit hook of the program may refuse, too.
        _start(place)


def _can_start() -> bool:
    name = os.path.basename(sys.executable or "")
    return (
        os.environ.get(WANTED, "").lower() not in _NO
        and hasattr(os, "posix_spawn")
        and not getattr(sys, "frozen", False)
        and name.startswith("python")
        and os.getuid() == os.geteuid()
        and not variables.FOREIGN
        and os.access(_SHELL, os.X_OK)
    )


def _start(place: Place) -> None:
    script = os.path.abspath(guard.__file__)
    bell = os.open(os.path.join(place.path, DOORBELL), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        if not stat.S_ISFIFO(os.fstat(bell).st_mode):
            return
        bell = descriptor.raised(bell)
        if bell == guard.BELL:
            os.set_inheritable(bell, True)  # To itself it cannot be duplicated.
        actions = [
            (os.POSIX_SPAWN_DUP2, bell, guard.BELL),
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        command = [_SHELL, "-c", _BACKGROUND, _SHELL, sys.executable, "-I", "-S", script, place.path]
        child = os.posix_spawn(
            _SHELL, command, _environment(place), file_actions=actions, setsigmask=(), setsigdef=(signal.SIGCHLD,)
        )
    finally:
        os.close(bell)
    with contextlib.suppress(ChildProcessError):  # Whoever ignores or reaps all children has it already.
        os.waitpid(child, 0)


def _environment(place: Place) -> dict[str, str]:
    """What the guard's second half needs to find mplog, and the session."""
    found = {name: value for name, value in os.environ.items() if name != announce.ENVIRONMENT}
    found["PYTHONPATH"] = os.pathsep.join(os.path.abspath(path) for path in sys.path)
    if directory.chosen() is not None:
        found[directory.ENVIRONMENT] = os.path.dirname(os.path.dirname(os.path.dirname(place.path)))
    return found
