"""The file that is locked in the stead of a log that others can lock: where it lies, and that nobody else can open it.

All programs of one user must find the same one, whatever runtime directory each of them has. So it lies

    beside the log, hidden, where nobody else can put anything there: containers that share the log share it, too;
    else in /dev/shm/mplog-<uid>/locks/ (/tmp where there is no /dev/shm), but only where the machine's own processes
    run: in a container it might be another one than that of a neighbour which writes the same log.

It is called by the inode number of the log. It is there only while somebody needs it: whoever closes it as the last one
removes it, and whoever has locked one that is removed by then makes another.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from typing import Final

from mplog._sinks.file import belief, claim, lock
from mplog._sinks.file.claim import NO_LINK, NO_WAIT, PRIVATE

_PLACES: Final = ("/dev/shm", "/tmp")
_FIRST_NAMESPACE: Final = "pid:[4026531836]"
_ATTEMPTS: Final = 20
_STEP: Final = 0.002
_PREFIX: Final = ".mplog-"
_SUFFIX: Final = ".lock"
_HAS_USERS: Final = hasattr(os, "geteuid")
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_ALL: Final = stat.S_IRWXU | _OTHERS
_OWN: Final = 0o600
_SHARED: Final = 0o660


def open_own(directory: str, log: os.stat_result) -> tuple[int, str]:
    """The file for the *log* in *directory*, made if need be: its descriptor and its path.

    Raises:
        OSError: it cannot be made, or what stands there is not only this user's.
    """
    # A file that is mounted by itself is in another directory for those outside.
    if belief.is_private(directory) and os.stat(directory).st_dev == log.st_dev:
        return _opened(_hidden(directory, log.st_ino), _OWN)
    if os.readlink("/proc/self/ns/pid") != _FIRST_NAMESPACE:
        raise PermissionError(directory)
    base = _base()
    for last in range(_ATTEMPTS - 1, -1, -1):
        # Another process may remove the directories, which are empty, before there is something in them.
        try:
            return _opened(os.path.join(_own(os.path.join(_own(base), "locks")), _named(log.st_ino)), _OWN)
        except FileNotFoundError:
            if not last:
                raise
    raise AssertionError


def found(directory: str, log: os.stat_result) -> tuple[int, str] | None:
    """What `open_own` would open, where it is there; None where it is not.

    Raises:
        OSError: it cannot be opened.
    """
    if not _HAS_USERS:
        return None
    for path in (_hidden(directory, log.st_ino), os.path.join(_base(), "locks", _named(log.st_ino))):
        with contextlib.suppress(FileNotFoundError):
            if os.lstat(path).st_uid == os.geteuid():
                return os.open(path, os.O_RDWR | PRIVATE | NO_LINK | NO_WAIT), path
    return None


def open_shared(directory: str, log: os.stat_result) -> tuple[int, str]:
    """As `open_own`, in a *directory* that users share who write one log.

    Raises:
        OSError: it cannot be made or opened by this user.
        PermissionError: others than its owner and its group may use what is there, or make something there.
    """
    if os.stat(directory).st_mode & stat.S_IWOTH:
        raise PermissionError(
            f"Everybody may write {directory}, the coordination_dir of a log, so anybody can keep its lock. Give it to "
            f"the group of those who write the log: `chmod 2770 {directory}`."
        )
    for last in range(_ATTEMPTS - 1, -1, -1):
        # Another user has just made it, and is about to give it its mode.
        try:
            return _opened(os.path.join(directory, _named(log.st_ino)), _SHARED)
        except PermissionError:
            if not last:
                raise
        time.sleep(_STEP)
    raise AssertionError


def is_in_place(fd: int) -> bool:
    """Whether the lock file *fd* still has its name."""
    return os.fstat(fd).st_nlink > 0


def remove(fd: int, path: str) -> None:
    """Remove the lock file *fd*, which nobody else has locked, and the directories that are empty then."""
    with contextlib.suppress(OSError):
        if os.path.samestat(os.lstat(path), os.fstat(fd)):
            os.unlink(path)
            for _ in range(2 if os.path.basename(os.path.dirname(path)) == "locks" else 0):
                path = os.path.dirname(path)
                os.rmdir(path)


def sweep() -> None:
    """Remove those that killed processes have left, but for hidden ones beside logs. Never raises."""
    if _HAS_USERS:
        _remove_unused(os.path.join(_base(), "locks"), "")


def sweep_beside(directory: str) -> None:
    """Remove those that killed processes have left beside logs in *directory*. Never raises."""
    if belief.is_private(directory):
        _remove_unused(directory, _PREFIX)


def _remove_unused(directory: str, prefix: str) -> None:
    """Remove the lock files in *directory* that nobody has locked now; who has one open makes another."""
    with contextlib.suppress(OSError):
        if os.lstat(directory).st_uid != os.geteuid():
            return
        for name in os.listdir(directory):
            if not name.startswith(prefix) or not name.endswith(_SUFFIX):
                continue
            path = os.path.join(directory, name)
            flags = os.O_RDWR | PRIVATE | NO_LINK | NO_WAIT
            with contextlib.suppress(OSError), claim.kept(os.open(path, flags)) as fd:
                if lock.take(fd):
                    remove(fd, path)


def _hidden(directory: str, inode: int) -> str:
    return os.path.join(directory, f"{_PREFIX}{inode}{_SUFFIX}")


def _named(inode: int) -> str:
    return f"{inode}{_SUFFIX}"


def _base() -> str:
    return os.path.join(next(filter(os.path.isdir, _PLACES), _PLACES[-1]), f"mplog-{os.geteuid()}")


def _opened(path: str, mode: int) -> tuple[int, str]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | PRIVATE | NO_LINK | NO_WAIT, mode)
    try:
        status = os.fstat(fd)
        mine = status.st_uid == os.geteuid()
        if not stat.S_ISREG(status.st_mode) or status.st_mode & ~mode & _ALL or not (mine or mode == _SHARED):
            raise PermissionError(
                f"{path}, by whose lock programs take turns in a log, is of user {status.st_uid} with mode "
                f"{stat.filemode(status.st_mode)}, so others can lock it. Remove it."
            )
        if mine and status.st_mode & _ALL != mode:  # The umask has taken rights away.
            os.fchmod(fd, mode)
    except BaseException:
        os.close(fd)
        raise
    return fd, path


def _own(path: str) -> str:
    """The directory *path*, made if need be, of this user alone."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & _OTHERS:
        raise PermissionError(path)
    return path
