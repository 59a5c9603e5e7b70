"""What is believed of files that others may have put there, and of attributes that others may have set.

Whoever may write a log file may set its attributes, and whoever may write its directory may put files of any name into
it. A log believes of both only what this user himself can have made, or what those can whom `permissions` lets write.
What it does not believe is for it as though it were not there. That is said once, for the user may have wanted it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable
from typing import Final

from mplog._sinks import report
from mplog._sinks.file.names import Names

_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_USUAL_UMASK: Final = 0o022
_ENOUGH: Final = 4096

_LONG: Final = 200
_KINDS: Final = 1000

_HAS_USERS: Final = hasattr(os, "geteuid")

_said: Final[set[str]] = set()
"""What was said is not said again, not even counted: a file is looked at for each record. Threads need no lock."""


def is_believed(fd: int, permissions: int | None) -> bool:
    """Whether only this user (or root) can have set the attributes of the file *fd*.

    Args:
        permissions: those that `add()` was given; None for what the umask leaves.
    """
    status = os.fstat(fd)
    # No name is left of a file that a retention has removed; a second one may be there to make it look like a log.
    return status.st_nlink <= 1 and _is_closed_to_others(status, permissions, or_roots=True)


def may_continue(status: os.stat_result, permissions: int | None) -> bool:
    """Whether records may go on in a file with this *status* that was found, and not named by the program."""
    return status.st_nlink == 1 and _is_closed_to_others(status, permissions, or_roots=False)


def is_own(status: os.stat_result, directory: str, permissions: int | None = None) -> bool:
    """Whether a file with this *status* in *directory* was made by this user, so that nobody else can change it."""
    if not stat.S_ISREG(status.st_mode):
        return False
    if not _HAS_USERS or _is_shared(status, permissions):
        return True
    return status.st_uid == os.geteuid() or is_private(directory)


def is_ours(status: os.stat_result, directory: str, permissions: int | None) -> bool:
    """Whether a file with this *status* has its name in *directory* from this user: to be counted, compressed, removed.

    A second name may have been given by somebody else, to any file of this user.
    """
    return is_own(status, directory, permissions) and (status.st_nlink == 1 or is_private(directory))


def is_private(directory: str) -> bool:
    """Whether nobody but this user and root can have put anything into *directory*."""
    try:
        status = os.stat(directory)
    except OSError:
        return False
    return status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_WRITE


def check_named(status: os.stat_result | None, path: str, names: Names, permissions: int | None) -> None:
    """Refuse what somebody else has put where the time in a path would have something made, before anything is in it.

    As Linux does it in some directories (`fs.protected_regular`, `fs.protected_symlinks`, `fs.protected_fifos`): root,
    and the owner of the directory, who can replace every file, may have made it. All else on the way from there to the
    file, such as a directory whose name is a time, must be theirs, too.

    Args:
        status: of what is there, perhaps behind a link at *path*; None where there is nothing.

    Raises PermissionError.
    """
    if not _HAS_USERS or (status is not None and stat.S_ISREG(status.st_mode) and _is_shared(status, permissions)):
        return
    found = [] if status is None else [(path, status.st_uid)]
    shares = permissions is not None and permissions & _OTHERS_WRITE
    while not shares and len(path) > len(names.directory):
        with contextlib.suppress(FileNotFoundError):
            found.append((path, os.lstat(path).st_uid))
        path = os.path.dirname(path)
    trusted = (os.geteuid(), 0, os.stat(names.directory).st_uid)
    for each, owner in found:
        if owner not in trusted:
            raise PermissionError(
                errno.EPERM,
                f"It is there already and belongs to user {owner}, not to user {os.geteuid()}, so no record of this "
                "program goes there. Log into a directory where nobody else makes files, or, to share the log, pass "
                "permissions= that lets its group write",
                each,
            )


def ours(paths: Iterable[str], names: Names, permissions: int | None) -> list[tuple[str, os.stat_result]]:
    """Those of *paths*, which have one of these *names*, that are files of this user, with their status.

    Of the others it is said once that they are there.
    """
    found: list[tuple[str, os.stat_result]] = []
    others: list[tuple[str, os.stat_result]] = []
    for path in paths:
        with contextlib.suppress(OSError):
            status = os.lstat(path)
            mine = is_ours(status, os.path.dirname(path), permissions)
            (found if mine else others).append((path, status))
    if others:
        path, status = min(others)
        log = os.path.join(names.directory, names.shape)
        more = f" and {len(others) - 1} more files have names" if len(others) > 1 else " has a name"
        say_once(
            f"others {log}",
            f"{path} (of user {status.st_uid}){more} of the log {log}, but others can have put them there. They are "
            "not continued, compressed, counted or removed. Remove them or make them this user's; log into a "
            "directory where nobody else makes files; or, to share the log, pass permissions= that lets its group "
            "write.",
        )
    return found


def say_unbelieved(fd: int, attribute: str) -> None:
    """An attribute of the log *fd* is as though it were not there."""
    path = name_of(fd)
    say_once(
        f"unbelieved {path}",
        f"{path} has attributes of a log ({attribute}), but others can have set them: it belongs to another user, has "
        "a second name, or can be written by more than its owner. They are not believed, so its time limits count from "
        "its last modification. Correct its owner and mode, or pass permissions= that lets others write.",
    )


def say_wrong(fd: int, attribute: str, value: str, why: str) -> None:
    """The value of an attribute of the log *fd* makes no sense."""
    path = name_of(fd)
    shown = repr(value if len(value) <= _LONG else f"{value[:_LONG]}...")
    say_once(
        f"wrong {path} {attribute}",
        f"{path} has a wrong attribute: {attribute} is {shown}, {why}. It is not believed, and nothing is lost. "
        f"Remove it (setfattr -x {attribute}) and see to who can write the file.",
    )


def say_unreadable(path: str) -> None:
    """The old file *path*, which may have gone by now, cannot be looked at."""
    with contextlib.suppress(OSError):
        owner = os.lstat(path).st_uid
        say_once(
            f"unreadable {path}",
            f"{path}, an old file of a log (of user {owner}), cannot be read, so it stays as it is. Make it this "
            "user's, or remove it.",
        )


def say_once(kind: str, text: str) -> None:
    """Say *text* unless something of this *kind* was said by this process or the one that forked it."""
    if kind not in _said and len(_said) < _KINDS:
        _said.add(kind)
        report.once(kind, text)


def name_of(fd: int) -> str:
    """What the open file *fd* is called now."""
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return "A log file"


def _is_shared(status: os.stat_result, permissions: int | None) -> bool:
    """Whether it is as a file of somebody would be with whom `permissions` shares the log."""
    mode = stat.S_IMODE(status.st_mode)
    if permissions is None or mode & ~permissions:
        return False
    if permissions & stat.S_IWOTH:
        return True
    return bool(permissions & stat.S_IWGRP) and status.st_gid in (os.getegid(), *os.getgroups())


def _is_closed_to_others(status: os.stat_result, permissions: int | None, *, or_roots: bool) -> bool:
    """Whether it is a file that only this user can write, or those can with whom `permissions` shares the log.

    Args:
        or_roots: whether one of root's will do as well.
    """
    if not stat.S_ISREG(status.st_mode):
        return False
    if not _HAS_USERS or _is_shared(status, permissions):
        return True
    mine = status.st_uid == os.geteuid() or (or_roots and status.st_uid == 0)
    return mine and not status.st_mode & _OTHERS_WRITE & ~_asked(permissions)


def _asked(permissions: int | None) -> int:
    """The mode that this process gives to new log files."""
    return 0o666 & ~_umask() if permissions is None else permissions


def _umask() -> int:
    """The umask; to ask the system for it would change it for other threads."""
    with contextlib.suppress(OSError, ValueError):
        # Not through the built-in `open`, which may be a double of the program's.
        fd = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _, found, rest = os.read(fd, _ENOUGH).partition(b"\nUmask:")
        finally:
            os.close(fd)
        if found:
            return int(rest.split(b"\n")[0], 8)
    return _USUAL_UMASK
