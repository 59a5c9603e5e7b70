"""An old log file becomes an archive.

The steps, so that a SIGKILL between any two of them loses and doubles nothing:

1. claim the *part*, a hidden file beside the target, by a kernel lock on it: one process works on it, and the claim
   ends with that process;
2. write the whole archive into the part;
3. link the part to the target's name: from here on, part and target being one file says that the archive is whole;
4. remove the source;
5. remove the part's name.

Whoever claims a part that is one file with its target goes on at step 4, if the source is still what the archive
holds; any other part is incomplete and is written again. File systems without hard links get a rename for step 3;
there, `unfinished` compares source and archive where it finds both.
"""

from __future__ import annotations

import contextlib
import io
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final, cast

from mplog._ring.clock import wall_time
from mplog._sinks.file import belief, birth, codec, presence, series
from mplog._sinks.file.claim import NO_LINK, NO_WAIT, PRIVATE, claimed, is_named
from mplog._sinks.file.compression import Compression
from mplog._sinks.file.naming import part_name, rotated_name

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_ATTEMPTS: Final = 3

LEAVING_BOUND: Final = 2.0
"""Seconds to wait for another process in the middle of an append to an old file; it needs microseconds if it runs."""

_LEAVING_STEP: Final = 0.001


@dataclass(frozen=True, slots=True)
class Job:
    """One archive to be made, or that was."""

    source: str
    format: str
    permissions: int | None
    """Those of the log, which say whose files are believed (see `belief`)."""

    @property
    def target(self) -> str:
        """The archive."""
        return f"{self.source}.{self.format}"

    @property
    def part(self) -> str:
        """The archive in the making."""
        return part_name(self.target)


class _Unwanted(Exception):
    """Nobody wants this archive any longer."""


class _Again(Exception):
    """The state was not the one expected, and has been put right: start over."""


class _Watched:
    """The source while it is read. Asks before each chunk whether the archive is still wanted."""

    def __init__(self, file: IO[bytes], unwanted: Callable[[], bool]) -> None:
        self._file = file
        self._unwanted = unwanted

    def fileno(self) -> int:
        return self._file.fileno()

    def read(self, size: int = -1, /) -> bytes:
        if self._unwanted():
            raise _Unwanted
        return self._file.read(size)


class _PartFile(io.RawIOBase):
    """The part while it is written. It does not own the descriptor.

    Compressors write what they still hold when they are finalised, however late that is. So this swallows everything
    once it is disconnected, when the descriptor's number may be another file's, and in a forked child, which shares
    the position in the file with its parent and may finalise the compressor of a thread that it does not have.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._pid = os.getpid()

    def disconnect(self) -> None:
        """Let nothing reach the descriptor any longer."""
        self._pid = -1

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return os.lseek(self._fd, offset, whence) if os.getpid() == self._pid else 0

    def tell(self) -> int:
        return self.seek(0, os.SEEK_CUR)

    def write(self, data: ReadableBuffer, /) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        while rest and os.getpid() == self._pid:
            rest = rest[os.write(self._fd, rest) :]
        return size


def remove(path: str) -> None:
    """Remove the file *path*, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _never() -> bool:
    return False


def archive(
    source: str,
    compression: Compression,
    permissions: int | None = None,
    *,
    unwanted: Callable[[], bool] = _never,
) -> str | None:
    """Turn the closed log file *source* into an archive beside it and remove it; return the archive's path.

    Safe from any number of processes and threads: one of them makes the archive, the others get None at once. None,
    too, when the source is gone or was removed meanwhile, when *unwanted* said so, when somebody still writes to it,
    and for a function, which is simply called. A process killed at any point leaves what `unfinished` or the next
    `archive` of the same file puts right. An existing archive of that name is renamed by its own creation time.

    Nothing is forced to the disk: the promise concerns the death of processes, not of the machine.

    Args:
        source: absolute path; nobody may write to it any longer.
        compression: the format, or the function.
        permissions: those of the log.
        unwanted: asked before each chunk; True ends the work and removes its traces.

    Raises:
        OSError: no room, no permission, or no kernel locks on this file system; the source stays as it is.
        Exception: whatever the function raises.
    """
    if not _is_left(source):
        return None
    if compression.function is not None:
        compression.function(source)
        return None
    job = Job(source, compression.format, permissions)
    for _ in range(_ATTEMPTS):
        try:
            return _attempt(job, unwanted)
        except (_Unwanted, FileNotFoundError):
            return None
        except _Again:
            continue
    return None


def _is_left(source: str) -> bool:
    """Wait until nobody appends to *source* any more who could not have its lock; False when somebody goes on."""
    try:
        fd = os.open(source, os.O_RDONLY | PRIVATE | NO_LINK | NO_WAIT)
    except OSError:
        return True  # Whoever reads it says what is wrong with it.
    try:
        waited = 0.0
        # SYNC archive -> append_unlocked: the file is no log any more, so that nobody begins who is not announced now.
        while presence.is_appended_unlocked(fd):
            if waited >= LEAVING_BOUND:
                return False
            time.sleep(_LEAVING_STEP)
            waited += _LEAVING_STEP
    finally:
        os.close(fd)
    return True


def _attempt(job: Job, unwanted: Callable[[], bool]) -> str | None:
    with open(job.source, "rb", buffering=0) as source, claimed(job.part, job.permissions, create=True) as part:
        if part is None:
            return None
        if not is_named(source.fileno(), job.source):
            remove(job.part)
            return None
        if is_named(part, job.target):
            return _go_on(job, source)
        try:
            before = os.fstat(source.fileno())
            os.ftruncate(part, 0)
            _write(job, source, before, part, unwanted)
            _check_unchanged(job, source, before)
            _publish(job)
        except BaseException:
            remove(job.part)
            raise
        # Before the claim ends: after it the source's name may be a new file's.
        _finish(job)
    return job.target


def _go_on(job: Job, source: IO[bytes]) -> str:
    """Step 4, left undone by a killed process; or forget its part when there is a new source of that name."""
    if not holds(job, source):
        remove(job.part)
        raise _Again
    _finish(job)
    return job.target


def holds(job: Job, source: IO[bytes]) -> bool:
    """Whether the target was made of this very source. Equal text alone does not say so: logs repeat themselves.

    Nor does it when somebody else has the target, who can empty it as soon as the source is gone.
    """
    with open(os.open(job.target, os.O_RDONLY | PRIVATE | NO_LINK | NO_WAIT), "rb") as target:
        status = os.fstat(target.fileno())
        if not belief.is_own(status, os.path.dirname(job.target), job.permissions):
            return False
        same_time = status.st_mtime_ns == os.fstat(source.fileno()).st_mtime_ns
        return same_time and codec.is_same(job.format, target, source)


def _write(job: Job, source: IO[bytes], status: os.stat_result, part: int, unwanted: Callable[[], bool]) -> None:
    os.lseek(part, 0, os.SEEK_SET)
    out = _PartFile(part)
    try:
        member = os.path.basename(job.source)
        codec.pack(job.format, _Watched(source, unwanted), status.st_size, member, cast("IO[bytes]", out))
    finally:
        out.disconnect()
    if hasattr(os, "fchown"):
        with contextlib.suppress(OSError):  # only root may give files away
            os.fchown(part, status.st_uid, status.st_gid)
        os.fchmod(part, status.st_mode & 0o7777)
    birth.write_birth(part, wall_time())
    series.copy_shape(source.fileno(), part, job.permissions)
    os.utime(part, ns=(status.st_atime_ns, status.st_mtime_ns))


def _check_unchanged(job: Job, source: IO[bytes], before: os.stat_result) -> None:
    if not is_named(source.fileno(), job.source):
        raise FileNotFoundError(f"The log file {job.source!r} was removed while it was compressed.")
    after = os.fstat(source.fileno())
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise _Again


def _publish(job: Job) -> None:
    """Step 3. Never replaces an existing file."""
    for _ in range(_ATTEMPTS):
        try:
            os.link(job.part, job.target)
            return
        except FileExistsError:
            _move_aside(job)
        except FileNotFoundError:
            raise
        except OSError:
            break  # no hard links here
    if os.path.lexists(job.target):
        _move_aside(job)
    os.rename(job.part, job.target)


def _move_aside(job: Job) -> None:
    """Rename an older archive that has the target's name."""
    try:
        fd = os.open(job.target, os.O_RDONLY | PRIVATE | NO_LINK | NO_WAIT)
    except FileNotFoundError:
        return
    except OSError:
        made = os.lstat(job.target).st_mtime
    else:
        made = birth.read_birth(fd, job.permissions)
        os.close(fd)
    os.rename(job.target, rotated_name(job.source, made, ending=f".{job.format}"))


def _finish(job: Job) -> None:
    """Steps 4 and 5, in this order: the part's name is the proof that the source may go."""
    remove(job.source)
    remove(job.part)
