"""Opening a log file, through the built-in `open` as it is at that moment, and without ever truncating it."""

from __future__ import annotations

import builtins
import contextlib
import errno
import io
import os
import stat
from collections.abc import Callable
from typing import Any, TextIO

from mplog._ring import descriptor
from mplog._sinks import signals
from mplog._sinks.file.claim import NO_LINK, NO_WAIT
from mplog._sinks.file.options import FileOptions


class _Opener:
    """What the built-in `open` calls: makes the file with its final mode at once, and tells whether it did."""

    def __init__(self, permissions: int | None, *, insist: bool, found: bool) -> None:
        self._permissions = permissions
        self._insist = insist
        self._found = found
        self.created = False

    def __call__(self, path: str, flags: int) -> int:
        mode = 0o666 if self._permissions is None else self._permissions
        if self._found:
            # There is a regular file, or was a moment ago: what stands there now is not waited for, nor followed.
            return os.open(path, _both_ways(flags) & ~os.O_CREAT | NO_LINK | NO_WAIT)
        try:
            # Readable, too: the end of the file is looked at after a kill, and locks may ask for it.
            fd = os.open(path, _both_ways(flags) | os.O_CREAT | os.O_EXCL, mode)
        except FileExistsError:
            if self._insist:
                raise
            return self._existing(path, flags, mode)
        self.created = True
        _permit(fd, self._permissions)
        return fd

    @staticmethod
    def _existing(path: str, flags: int, mode: int) -> int:
        with contextlib.suppress(OSError):
            if stat.S_ISREG(os.stat(path).st_mode):
                return os.open(path, _both_ways(flags), mode)
        return os.open(path, flags, mode)


def _permit(fd: int, permissions: int | None) -> None:
    """Give the new file *fd* its permissions, or close it."""
    try:
        if permissions is not None:
            os.fchmod(fd, permissions)
    except BaseException:
        os.close(fd)
        raise


def _both_ways(flags: int) -> int:
    return flags & ~(os.O_WRONLY | os.O_RDONLY) | os.O_RDWR


def open_file(path: str, options: FileOptions, *, again: bool, found: bool = False) -> tuple[int, bool]:
    """Open *path* for appending; the descriptor and whether the file is new.

    Args:
        again: never insist on creating, and never empty the file: it may be another process's.
        found: it is a file that others have made, so it is neither made nor looked for behind a link.

    Raises:
        OSError, ValueError, TypeError: as the built-in `open`; whatever the user's opener raises.
    """
    kind = "a" if again else next(letter for letter in options.mode if letter in "awx")
    plus = "+" if "+" in options.mode else ""
    if options.opener is not None:
        signals.open_up()
        existed = os.path.lexists(path)
        fd = _open(path, f"{kind}{plus}", options, options.opener)
        if not existed:
            _permit(fd, options.permissions)
        fd = _for_both(fd)
        return fd, not existed
    opener = _Opener(options.permissions, insist=kind == "x", found=found)
    try:
        return _open(path, f"a{plus}", options, opener), opener.created
    except OSError as error:
        if found and error.errno == errno.ELOOP:
            raise FileNotFoundError(errno.ENOENT, "A link has taken its place", path) from error
        raise


def _for_both(fd: int) -> int:
    """The file that a user's opener has opened as *fd*, for appending whatever flags it has, and for reading, too.

    Only an append is whole beside those of others; the end of the file is looked at after a kill, and a lock that says
    who has the file open asks for both.
    """
    try:
        import fcntl

        flags = fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_APPEND
        if stat.S_ISREG(os.fstat(fd).st_mode) and flags & os.O_ACCMODE == os.O_WRONLY:
            with contextlib.suppress(OSError):  # It may be a file that this user can only write.
                both = os.open(f"/proc/self/fd/{fd}", _both_ways(flags) & ~os.O_NOFOLLOW | os.O_CLOEXEC)
                os.close(fd)
                return descriptor.raised(both)
        fcntl.fcntl(fd, fcntl.F_SETFL, flags)
    except (OSError, ImportError, AttributeError):
        pass
    return fd


def _open(path: str, mode: str, options: FileOptions, opener: Callable[[str, int], int]) -> int:
    text = options.text
    file: Any = builtins.open(  # noqa: SIM115 - the descriptor is kept, the object is not
        path,
        mode=mode,
        buffering=options.buffering,
        encoding=text.encoding,
        errors=text.errors,
        newline=text.newline,
        opener=opener,
    )
    try:
        # A descriptor of our own: an object that is still open when the interpreter ends would be warned about.
        return descriptor.raised(os.dup(file.fileno()))
    finally:
        file.close()


def view_of(fd: int, path: str, options: FileOptions) -> TextIO:
    """A text file over the open log file, for functions of users; closing it does no harm."""
    text, plus = options.text, "+" if "+" in options.mode else ""
    file: Any = io.open(  # noqa: SIM115, UP020 - the built-in may be a user's double, which would not know the descriptor
        fd,
        mode=f"a{plus}",
        buffering=-1,
        encoding=text.encoding,
        errors=text.errors,
        newline=text.newline,
        closefd=False,
    )
    # A file opened by descriptor is named by its number; users expect the path.
    file.buffer.raw.name = path
    view: TextIO = file
    return view
