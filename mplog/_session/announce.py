"""The session in the environment: `MPLOG_SESSION` names it for interpreters that `subprocess` or exec starts.

They look at it when they call `attach()`, and with their first record when nothing has been configured by then.

The value is the paths of one or more sessions, a process's own first, with a colon between them. It gives no access: a
session is used only when its directories belong to this user alone, when the id on its control page is that of its
path, and when it is of this boot and its owner lives. A set-user-id program, whose environment is another user's,
does not look at it.
"""

from __future__ import annotations

import contextlib
import os
import stat

from mplog._capture import process
from mplog._session.identity import boot_id, myself
from mplog._session.place import Place, open_place

ENVIRONMENT = "MPLOG_SESSION"

MAXIMUM = 16
"""Sessions that are read from one value; no process has so many."""

SILENT = 2.0
"""Seconds without a sign of a writer after which its program is taken for replaced, where no lock tells."""

_paths: list[str] = []
"""What this process has announced."""
_value: str | None = None
_before: str | None = None


def announce(paths: list[str]) -> None:
    """Let the environment of whatever this process starts from now on name the sessions at *paths*.

    It is the main interpreter's alone: those of one process have one environment, and each sees a part of it.
    """
    global _paths, _value, _before
    if process.interpreter():
        return
    found = os.environ.get(ENVIRONMENT)
    if not _paths:
        _before = found
    _paths = list(paths)
    value = ":".join(path.replace("%", "%25").replace(":", "%3A") for path in paths)
    if found != value:
        with contextlib.suppress(OSError, ValueError):
            os.environ[ENVIRONMENT] = value
    _value = value


def withdraw(path: str) -> None:
    """The session at *path* has ended: take it out, and leave the variable as it was found when it was the last."""
    global _paths
    if path not in _paths:
        return
    rest = [other for other in _paths if other != path]
    if os.environ.get(ENVIRONMENT) != _value:
        _paths = rest  # Somebody else has set it since.
    elif rest:
        announce(rest)
    else:
        _paths = rest
        if _before is None:
            del os.environ[ENVIRONMENT]
        else:
            os.environ[ENVIRONMENT] = _before


def forget() -> None:
    """In a forked child: what is in the environment was announced by the parent."""
    global _paths, _value
    _paths, _value = [], None


def announced() -> list[Place]:
    """The living sessions that the environment names, other than this process's own."""
    if not _is_own_environment():
        return []
    places = []
    for path in _named():
        if path in _paths:
            continue
        with contextlib.suppress(OSError, ValueError):
            place = _open(path)
            if place is not None:
                places.append(place)
    return places


def _named() -> list[str]:
    """The paths in the environment."""
    parts = os.environ.get(ENVIRONMENT, "").split(":")[:MAXIMUM]
    return [part.replace("%3A", ":").replace("%25", "%") for part in parts if part]


def is_invited() -> bool:
    """Whether the environment names a session, living or not, that this process may join: it is not its own."""
    return _is_own_environment() and any(path not in _paths for path in _named())


def bases() -> list[str]:
    """The user's directories in which the sessions are that the environment names."""
    found = []
    for path in _named() if _is_own_environment() else ():
        with contextlib.suppress(OSError, ValueError):
            found.append(_base_of(path))
    return found


def lives_here(place: Place) -> bool:
    """Whether this very program has made *place*, which a process of the same pid and start did: in another interpreter
    of it, unless that was the program which exec has replaced."""
    control = place.control
    if place.ended:
        return False
    given_up = control.is_given_up(place.path)
    if given_up is None:
        return bool(process.interpreter()) and control.silent_for() < SILENT
    return not given_up


def _is_own_environment() -> bool:
    """Whether the environment is that of the user whose rights this process has."""
    if not hasattr(os, "getuid"):
        return True
    return os.getuid() == os.geteuid() and os.getgid() == os.getegid()


def _base_of(path: str) -> str:
    """The user's directory that the session at *path* is in. Raises OSError or ValueError where none may be used."""
    sessions = os.path.dirname(path)
    base, between = os.path.split(sessions)
    if not os.path.isabs(path) or between != "sessions" or os.path.basename(base) != f"mplog-{os.geteuid()}":
        raise ValueError(f"{path!r} is no path of a session of user {os.geteuid()}")
    for directory in (base, sessions):
        status = os.lstat(directory)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise PermissionError(f"{directory} is not private to user {os.geteuid()}; it is not used")
    return base


def _open(path: str) -> Place | None:
    """The session at *path* if it lives. Raises OSError or ValueError where there is none that may be used."""
    _base_of(path)
    place = open_place(path)
    control = place.control
    if place.id.hex() == os.path.basename(path) and control.identity.boot == boot_id():
        if control.identity == myself():
            if process.interpreter() and lives_here(place):
                return place
            if not process.interpreter() and not lives_here(place):
                # The program that was replaced by exec in this very process had it; nobody drains its rings any more.
                control.say_ended()
        elif place.is_served:
            place.was_looked_for = True
            return place
    control.close()
    return None
