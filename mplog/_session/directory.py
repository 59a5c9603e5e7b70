"""Where sessions live on disk, and that nobody else can put something there.

    <runtime>/mplog-<uid>/                 0700, owned by this user, no link
        sessions/<id>/                     one per owner, see session.py
        by-authkey/<hash>                  names the session of the process family with that key
        by-pid/<pid>-<start>-<namespace>   names the session of an owner, for its children
        files/<key>/                       commit slots of one log file, see _sinks/file/slot.py

`<runtime>` is what the queue options say, else MPLOG_RUNTIME_DIR, else memory-backed /dev/shm, else the temporary
directory. When the first one is missing or full, the next one serves.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable

from mplog._sinks import report

ENVIRONMENT = "MPLOG_RUNTIME_DIR"
_option: str | None = None
MINIMUM_FREE = 512 * 1024
"""Bytes a memory-backed file system must have free to be chosen for a session."""


def choose(path: str | None) -> None:
    """Have *path* used instead of what the environment says; None: as the environment says."""
    global _option
    _option = path


def chosen() -> str | None:
    """The directory that the user has named, if any."""
    named = _option or os.environ.get(ENVIRONMENT)
    return os.path.abspath(named) if named else None


def candidates() -> list[str]:
    """Directories in which the runtime directory may be made, best first."""
    named = chosen()
    if named:
        return [named]
    return defaults()


def defaults() -> list[str]:
    """Where it is made when nobody has named a directory, best first."""
    import tempfile  # Late, for it brings half a dozen modules with it.

    return ["/dev/shm", tempfile.gettempdir()]


def outlook() -> tuple[int, ...]:
    """What changes when the paths of this process begin to lead elsewhere: its root directory and its mounts."""
    found = []
    for path in ("/", "/proc/self/ns/mnt"):
        try:
            status = os.stat(path)
            found += [status.st_dev, status.st_ino]
        except OSError:
            found += [0, 0]
    return tuple(found)


def free_bytes(path: str) -> int:
    """Bytes that this user may still allocate on the file system of *path*; 0 when it is missing."""
    try:
        status = os.statvfs(path)
    except OSError:
        return 0
    return status.f_bavail * status.f_frsize


def in_memory(path: str) -> bool:
    """Whether what is stored in *path* never reaches a disk, as far as the kernel's table of mounts says."""
    try:
        device = os.stat(path).st_dev
        wanted = f"{os.major(device)}:{os.minor(device)}"
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as mounts:
            for line in mounts:
                about, _, kind = line.partition(" - ")
                if about.split(" ", 3)[2] == wanted:
                    return kind.split(" ", 1)[0] in ("tmpfs", "ramfs")
    except (OSError, IndexError):
        pass
    return False


def private(path: str) -> str:
    """Make the directory *path* for this user alone, or check that it is.

    Raises:
        OSError: it cannot be made.
        PermissionError: something of somebody else, or a link, stands there.
    """
    try:
        os.mkdir(path, 0o700)
        with contextlib.suppress(FileNotFoundError):  # It is empty yet, so another process may remove it.
            os.chmod(path, 0o700)  # The umask may have taken our own rights away.
    except FileExistsError:
        status = os.lstat(path)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            raise PermissionError(
                f"{path} is no directory of user {os.geteuid()} (mode {stat.filemode(status.st_mode)}, owner "
                f"{status.st_uid}). mplog keeps unwritten records there and trusts nobody else's. "
                f"Remove it, or set {ENVIRONMENT} to a directory of your own."
            ) from None
        if status.st_mode & 0o077:
            raise PermissionError(
                f"{path} can be entered by others (mode {stat.filemode(status.st_mode)}). "
                f"Run `chmod 700 {path}`, or set {ENVIRONMENT} to another directory."
            ) from None
    return path


def base_in(candidate: str) -> str:
    """The user's own directory inside *candidate*, made if needed."""
    if chosen() and not os.path.isdir(candidate):
        os.makedirs(os.path.dirname(candidate), exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(candidate, 0o700)
            os.chmod(candidate, 0o700)
    return private(os.path.join(candidate, f"mplog-{os.geteuid()}"))


def existing_bases(where: Iterable[str] | None = None) -> list[str]:
    """The user's directories that exist already, best first: where to look for sessions and slots.

    Args:
        where: other directories than the candidates.
    """
    found = []
    for candidate in candidates() if where is None else where:
        path = os.path.join(candidate, f"mplog-{os.geteuid()}")
        try:
            status = os.lstat(path)
        except OSError:
            continue
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077:
            found.append(path)
    return found


def new_base(need: int = MINIMUM_FREE) -> str:
    """The user's directory on the first candidate that has *need* bytes free.

    Raises:
        OSError: no candidate can be used; the text names each with its reason.
    """
    reasons = []
    for candidate in candidates():
        if not chosen() and not os.path.isdir(candidate):
            reasons.append(f"{candidate}: missing")
            continue
        try:
            base = base_in(candidate)
            if not os.path.isdir(base):  # Another process found it empty.
                base = base_in(candidate)
        except OSError as error:
            reasons.append(f"{candidate}: {error}")
            continue
        if free_bytes(base) >= need:
            if reasons:
                report.once("runtime directory", f"{'; '.join(reasons)}. Records wait in {base} instead.")
            return base
        reasons.append(f"{candidate}: {free_bytes(base)} bytes free of the {need} needed")
        with contextlib.suppress(OSError):
            os.rmdir(base)  # Only when it was made just now: it must be empty.
    raise OSError(
        f"mplog found no runtime directory ({'; '.join(reasons)}). Set {ENVIRONMENT} to a directory of your own "
        "with some megabytes free."
    )
