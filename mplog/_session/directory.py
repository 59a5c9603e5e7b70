"""Where sessions live on disk, and that nobody else can put something there.

    <runtime>/mplog-<uid>/                 0700, owned by this user, no link
        sessions/<id>/                     one per owner, see place.py
        by-authkey/<hash>                  names the session of the process family with that key
        by-pid/<pid>-<start>-<namespace>   names the session of an owner, for its children
        files/<key>/                       commit slots of one log file, see _sinks/file/slot.py

`<runtime>` is what the queue options say, else MPLOG_RUNTIME_DIR, else memory-backed /dev/shm, else the temporary
directory. When the first one is missing or full, the next one serves.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterable

from mplog._capture import variables
from mplog._sinks import report

ENVIRONMENT = "MPLOG_RUNTIME_DIR"
_option: str | None = None
_NOBODY = 65534
"""The number that Linux shows for users who have none here."""

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
    if variables.FOREIGN:
        return ["/dev/shm", "/tmp"]  # TMPDIR is another user's wish.
    return ["/dev/shm", _temporary()]


def _temporary() -> str:
    """The directory for temporary files, as `tempfile` names it, which would bring half a dozen modules with it."""
    if os.name != "posix":
        import tempfile  # where other directories are usual

        return tempfile.gettempdir()
    named = [os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")]
    for path in [*named, "/tmp", "/var/tmp", "/usr/tmp"]:
        if (
            path
            and os.path.isdir(path)
            and os.access(path, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids)
        ):
            return os.path.abspath(path)
    return "/tmp"


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
    made = False
    try:
        os.mkdir(path, 0o700)
        made = True
        give_back(path, 0o700)
    except FileExistsError:
        pass
    except FileNotFoundError:  # It is empty yet, so another process may remove it.
        if not made:
            raise
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        if made:
            return path
        raise
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise PermissionError(
            f"{path} is no directory of user {os.geteuid()} (mode {stat.filemode(status.st_mode)}, owner "
            f"{status.st_uid}). mplog keeps unwritten records there and trusts nobody else's. "
            f"Remove it, or set {ENVIRONMENT} to a directory of your own."
        )
    if status.st_mode & 0o077:
        raise PermissionError(
            f"{path} can be entered by others (mode {stat.filemode(status.st_mode)}). "
            f"Run `chmod 700 {path}`, or set {ENVIRONMENT} to another directory."
        )
    return path


def give_back(path: str, mode: int) -> None:
    """Give this user the rights of *mode* to *path*, which it has just made, where the umask has taken them away.

    Whoever may rename what is in the directory above could have the rights changed of something else of this user's.
    So that directory is held by a descriptor while it is looked at, and nothing is changed in one of that kind.

    Raises:
        OSError: it is gone.
        PermissionError: others may have put something else there.
    """
    if not mode & ~os.lstat(path).st_mode & 0o700:
        return
    above, name = os.path.split(path)
    fd = os.open(above, getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        others_may_rename = status.st_mode & 0o022 and not status.st_mode & stat.S_ISVTX
        made = os.stat(name, dir_fd=fd, follow_symlinks=False)
        if others_may_rename or not _is_of_ours(status) or made.st_uid != os.geteuid() or stat.S_ISLNK(made.st_mode):
            raise PermissionError(
                f"The umask takes this user's own rights to {path} away, and others may put something else there. "
                f"Set another umask, or {ENVIRONMENT} to a directory of your own."
            )
        os.chmod(name, mode, dir_fd=fd)
    finally:
        os.close(fd)


def _is_of_ours(status: os.stat_result) -> bool:
    """Whether what has *status* is this user's or root's, who may do anything anyway."""
    return status.st_uid in (0, os.geteuid()) or (status.st_uid == _NOBODY and _is_in_user_namespace())


def _is_in_user_namespace() -> bool:
    """Whether the machine's root has no number here, so that its directories are nobody's, as those of many are."""
    try:
        with open("/proc/self/uid_map", "rb") as file:
            return file.read().split() != [b"0", b"0", b"4294967295"]
    except OSError:
        return False


def make(path: str, mode: int = 0o700) -> None:
    """Make the directory *path*, and those above it, which none but this user may change, whatever the umask is.

    Raises:
        OSError: it cannot be made, and is not there.
    """
    if os.path.isdir(path):
        return
    make(os.path.dirname(path), 0o755)
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, mode)
        give_back(path, mode)


def base_in(candidate: str) -> str:
    """The user's own directory inside *candidate*, made if needed.

    Raises:
        OSError: it cannot be made.
        PermissionError: *candidate*, or what stands there, is another user's.
    """
    if chosen():
        make(candidate)
    check_owner(candidate)
    return private(os.path.join(candidate, f"mplog-{os.geteuid()}"))


def remove_tree(path: str) -> None:
    """Remove the directory *path* with all that is in it, as far as that goes; links in it, too, and none is followed.

    As `shutil.rmtree` does it; that module brings all kinds of archives with it.
    """
    if not hasattr(os, "fwalk"):
        import shutil  # on Windows

        shutil.rmtree(path, ignore_errors=True)
        return
    with contextlib.suppress(OSError):
        for _, directories, files, fd in os.fwalk(path, topdown=False):
            for name in files:
                with contextlib.suppress(OSError):
                    os.unlink(name, dir_fd=fd)
            for name in directories:
                with contextlib.suppress(OSError):
                    try:
                        os.rmdir(name, dir_fd=fd)
                    except NotADirectoryError:
                        os.unlink(name, dir_fd=fd)
        os.rmdir(path)


def check_owner(candidate: str) -> None:
    """See to it that nobody owns *candidate*, in which the user's own directory is, who could replace that one.

    Raises:
        OSError: it is missing.
        PermissionError: it is another user's.
    """
    status = os.stat(candidate)
    if not _is_of_ours(status):
        raise PermissionError(
            f"{candidate} belongs to user {status.st_uid}, who can put anything else where mplog keeps its own. "
            f"Give it to user {os.geteuid()} or to root, or set {ENVIRONMENT} to a directory of your own."
        )


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
            check_owner(candidate)
        except OSError:
            continue
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077:
            found.append(path)
    return found


def unused() -> dict[str, str]:
    """What stands in the candidates under the name of a directory of this user, or, where one was named, of any user,
    and is none of `existing_bases`: its path, and why it is not used."""
    found = {}
    mine = f"mplog-{os.geteuid()}"
    for candidate in candidates():
        names = [mine]
        if chosen():
            with contextlib.suppress(OSError):
                names = [name for name in os.listdir(candidate) if name == mine or re.fullmatch(r"mplog-\d+", name)]
        for name in names:
            path = os.path.join(candidate, name)
            try:
                status = os.lstat(path)
            except OSError:
                continue
            if status.st_uid != os.geteuid():
                found[path] = f"it belongs to user {status.st_uid}, who alone may recover it"
            elif not stat.S_ISDIR(status.st_mode):
                found[path] = f"it is no directory (mode {stat.filemode(status.st_mode)})"
            elif status.st_mode & 0o077:
                found[path] = f"others can enter it (mode {stat.filemode(status.st_mode)}); run `chmod 700 {path}`"
            elif name == mine:
                with contextlib.suppress(FileNotFoundError):
                    try:
                        check_owner(candidate)
                    except PermissionError as error:
                        found[path] = str(error)
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
        # Asked of what it is in, for another process may just have found it empty, and taken it away.
        free = free_bytes(candidate)
        if free >= need:
            if reasons:
                report.once("runtime directory", f"{'; '.join(reasons)}. Records wait in {base} instead.")
            return base
        reasons.append(f"{candidate}: {free} bytes free of the {need} needed")
        with contextlib.suppress(OSError):
            os.rmdir(base)  # Only when it was made just now: it must be empty.
    raise OSError(
        f"mplog found no runtime directory ({'; '.join(reasons)}). Set {ENVIRONMENT} to a directory of your own "
        "with some megabytes free."
    )
