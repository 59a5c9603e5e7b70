"""One log file as this process has it open: open, lock, follow, rotate.

Everything here but `open` and `close` is called with the sink's mutex held; `rotate` with the file's lock held too.
"""

from __future__ import annotations

import builtins
import contextlib
import hashlib
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mplog._render.times import local_time
from mplog._sinks import report
from mplog._sinks.file import birth, lock
from mplog._sinks.file.compression import Compression
from mplog._sinks.file.naming import PathTemplate, rotated_name
from mplog._sinks.file.retention import OwnedFile, Retention
from mplog._sinks.file.rotation import Rotation


@dataclass(frozen=True, slots=True)
class FileOptions:
    """What `add()` was told about a file; checked before it gets here."""

    template: PathTemplate
    mode: str = "a"
    encoding: str = "utf8"
    rotation: Rotation | None = None
    retention: Retention | None = None
    compression: Compression | None = None
    permissions: int | None = None
    delay: bool = False
    opener: Callable[[str, int], int] | None = None


class LogFile:
    """The current file of a path template, and the way to the next one."""

    __slots__ = (
        "_birth",
        "_device",
        "_due",
        "_holds",
        "_inode",
        "fd",
        "left",
        "lockable",
        "options",
        "path",
        "shared",
        "size",
    )

    def __init__(self, options: FileOptions) -> None:
        self.options = options
        self.path = ""
        self.fd = -1
        self.shared = True
        self.lockable = True
        self._birth: float | None = None
        self._due: float | None = None
        self._holds = False
        self._device = self._inode = 0
        self.size = 0
        self.left = 0
        """The size after our own last append. Another one now means that somebody else has written since."""

    def key(self) -> str:
        """A name for "this log file" that all processes agree on, whatever rotation does to the file.

        It is made of the directory that holds it (device and inode) and the name's pattern.
        """
        pattern = os.path.abspath(self.options.template.pattern)
        directory, name = os.path.split(pattern)
        while "{" in directory:
            directory, last = os.path.split(directory)
            name = f"{last}/{name}"
        status = os.stat(directory or "/")
        return hashlib.sha256(f"{status.st_dev}-{status.st_ino}-{name}".encode("utf-8", "surrogateescape")).hexdigest()[
            :32
        ]

    def open(self, *, again: bool = False) -> None:
        """Open the current file, making it and its directories where needed.

        Args:
            again: follow a rotation by somebody else or by a fork: never truncate, never insist on creating.

        Raises:
            OSError: as the built-in `open`.
        """
        options = self.options
        path = self.path if again and self.path else options.template.resolve(local_time(time.time()))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        kind = "a" if again else options.mode[0]
        created = self._create(path, insist=kind == "x")
        opener = options.opener or _open_close_on_exec
        try:
            file: Any = builtins.open(path, "a+b", buffering=0, opener=opener)  # noqa: SIM115 - kept open on purpose
        except OSError:
            file = builtins.open(path, "ab", buffering=0, opener=opener)  # noqa: SIM115 - a file we may not read
        fd = os.dup(file.fileno())
        os.set_inheritable(fd, False)
        file.close()
        self._adopt(path, fd)
        if created:
            birth.write_birth(fd, time.time())
        if kind == "w" and not created and self.shared:
            self._truncate()

    def _create(self, path: str, *, insist: bool) -> bool:
        """Make *path* with its final mode at once; False when it is there already (an error if *insist*)."""
        permissions = self.options.permissions
        if self.options.opener is not None:
            return not os.path.lexists(path)
        try:
            fd = os.open(
                path,
                os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC,
                0o666 if permissions is None else permissions,
            )
        except FileExistsError:
            if insist:
                raise
            return False
        if permissions is not None:
            os.fchmod(fd, permissions)
        os.close(fd)
        return True

    def _adopt(self, path: str, fd: int) -> None:
        self.close()
        self.path, self.fd = path, fd
        status = os.fstat(fd)
        self._device, self._inode, self.size = status.st_dev, status.st_ino, status.st_size
        self.shared = stat.S_ISREG(status.st_mode) and self.options.opener is None
        self.lockable = self.shared and lock.supported(fd)
        self._birth = self._due = None
        self.left = -1

    def _truncate(self) -> None:
        if self.acquire(1.0):
            try:
                os.ftruncate(self.fd, 0)
                birth.write_birth(self.fd, time.time())
            finally:
                self.release()

    def close(self) -> None:
        """Close the descriptor, and with it the lock if it is held. Idempotent."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        self._holds = False

    @property
    def follows(self) -> bool:
        """Whether somebody may rename the file under us, so that the path must be compared."""
        return self.options.rotation is not None

    def acquire(self, bound: float, *, follow: bool = True) -> bool:
        """Lock the file that the path names now, within *bound* seconds; reopen when somebody rotated.

        Returns False when somebody held the lock that long; the file is open all the same. With *follow*, `size` is
        that of the file afterwards.

        Raises:
            OSError: the file cannot be opened again.
        """
        if self.fd < 0:
            self.open(again=bool(self.path))
        if not self.lockable:
            if follow and self.shared:
                self.measure()
            return True
        if not lock.acquire(self.fd, bound):
            return False
        self._holds = True
        return not follow or self._is_here() or self._follow(bound)

    def _is_here(self) -> bool:
        """Whether the path names the open file; notes its size. One system call, for it is made for each record."""
        try:
            there = os.stat(self.path)
        except OSError:
            return False
        self.size = there.st_size
        return there.st_ino == self._inode and there.st_dev == self._device

    def _follow(self, bound: float) -> bool:
        """Somebody rotated: open what the path names now, and lock that."""
        deadline = time.monotonic() + bound
        while True:
            self.open(again=True)
            if not lock.acquire(self.fd, max(0.0, deadline - time.monotonic())):
                return False
            self._holds = True
            if self._is_here():
                return True

    def release(self) -> None:
        """Give the lock back, if it is held."""
        if self._holds:
            self._holds = False
            lock.release(self.fd)

    def measure(self) -> None:
        """Look at the size of the open file again."""
        # Cheaper than fstat by a microsecond, and made for each direct call. Where the position is means nothing to a
        # descriptor that appends.
        self.size = os.lseek(self.fd, 0, os.SEEK_END)

    def ends_torn(self) -> bool:
        """Whether the last byte of the file is no newline: an append was cut short, by a kill most likely."""
        try:
            return self.size > 0 and os.pread(self.fd, 1, self.size - 1) != b"\n"
        except OSError:
            return False  # It cannot be read, or it is no regular file.

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode of the open file."""
        return self._device, self._inode

    def due(self) -> float | None:
        """Epoch second from which a record belongs to the next file; every process computes the same."""
        if self._birth is None:
            rotation = self.options.rotation
            self._birth = birth.read_birth(self.fd)
            self._due = rotation.next_due(self._birth) if rotation is not None else None
        return self._due

    def rotate(self, moment: float) -> str | None:
        """Rename the file and open the next one, with its lock. Returns the name of the old file.

        *moment* is the time of the record that caused it. Called under the lock; returns under the lock of the new
        file.
        """
        old_path, old_fd = self.path, self.fd
        options = self.options
        new_path = options.template.resolve(local_time(moment))
        rotated = old_path
        if new_path == old_path:
            suffixes = (options.compression.suffix,) if options.compression and options.compression.suffix else ()
            rotated = rotated_name(old_path, birth.read_birth(old_fd), suffixes=suffixes)
            os.rename(old_path, rotated)
        try:
            self.retain(exclude=new_path)
        except Exception:  # noqa: BLE001 - a user's retention function; the new file is opened all the same
            report.error_in_handler(-1, None)
        # The old lock is held until the new one is: in between nobody else can append to either.
        self.fd, self._holds = -1, False
        try:
            self.path = new_path
            self.open(again=True)
            self.acquire(5.0)
            self.measure()
        finally:
            os.close(old_fd)
        return rotated if os.path.lexists(rotated) else None

    def retain(self, exclude: str | None = None) -> None:
        """Remove what the retention says, never *exclude*. Called under the lock."""
        retention = self.options.retention
        if retention is None:
            return
        owned = []
        for path in self.options.template.owned():
            if path == exclude:
                continue
            with contextlib.suppress(FileNotFoundError):
                owned.append(OwnedFile(path, os.stat(path).st_mtime))
        for path in retention.expired(owned, time.time()):
            with contextlib.suppress(FileNotFoundError):
                os.remove(path)


def _open_close_on_exec(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o666)


def write_all(fd: int, data: bytes) -> None:
    """Append *data* with one write; the rest of a short write follows at once."""
    done = os.write(fd, data)
    if done != len(data):
        view = memoryview(data)
        while done < len(data):
            done += os.write(fd, view[done:])
