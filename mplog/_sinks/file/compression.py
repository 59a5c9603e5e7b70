"""Old log files become archives: what ``compression=`` of ``add()`` may be, and how an archive is made.

The steps, so that a SIGKILL between any two of them loses and doubles nothing:

1. claim the *part*, a hidden file beside the target, by a kernel lock on it: one process works on it, and the claim
   ends with that process;
2. write the whole archive into the part;
3. link the part to the target's name: from here on, part and target being one file says that the archive is whole;
4. remove the source;
5. remove the part's name.

Whoever claims a part that is one file with its target goes on at step 4, if the source is still what the archive
holds; any other part is incomplete and is written again. File systems without hard links get a rename for step 3;
there, `sweep` compares source and archive where it finds both.
"""

from __future__ import annotations

import contextlib
import io
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final, cast

from mplog._render.nearest import nearest
from mplog._ring.clock import wall_time
from mplog._sinks.file import belief, birth, codec, presence, series, whose
from mplog._sinks.file.claim import NO_LINK, NO_WAIT, PRIVATE, claimed, is_named
from mplog._sinks.file.names import ENDINGS, Kind, Names
from mplog._sinks.file.naming import PathTemplate, is_part, part_name, part_target, rotated_name

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

CompressionFunction = Callable[[str], Any]
"""``f(path)``: does with the closed file what it likes; its result is ignored."""

_ATTEMPTS: Final = 3

LEAVING_BOUND: Final = 2.0
"""Seconds to wait for another process in the middle of an append to an old file; it needs microseconds if it runs."""

_LEAVING_STEP: Final = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Compression:
    """A format or a function, never both. Immutable; can be pickled when its function can."""

    format: str = ""
    """One of `codec.FORMATS`, empty for a function."""

    function: CompressionFunction | None = None

    def __str__(self) -> str:
        return self.format or "a function"

    @property
    def suffix(self) -> str:
        """What an archive's name has more than its source's, such as ``.gz``; empty for a function."""
        return f".{self.format}" if self.format else ""


def parse_compression(value: object) -> Compression | None:
    """Read what ``add(compression=)`` was given; None leaves old files as they are.

    Accepts the name of a format, leading dots and surrounding spaces allowed, or a function of the path.

    Raises:
        TypeError: for any other type.
        ValueError: for an unknown format.
        ImportError: when this interpreter lacks the format's module.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return Compression(format=_known_format(value))
    if callable(value):
        return Compression(function=value)
    raise TypeError(
        f"Cannot infer compression for objects of type: '{type(value).__name__}' (got {value!r}). "
        f"Pass one of {', '.join(codec.FORMATS)}, or a function of the path."
    )


_ALIASES: Final = {
    "gzip": "gz",
    "bzip2": "bz2",
    "bzip": "bz2",
    "bz": "bz2",
    "tgz": "tar.gz",
    "tbz2": "tar.bz2",
    "txz": "tar.xz",
}
"""What formats are called elsewhere."""


def _known_format(text: str) -> str:
    name = text.strip().lstrip(".")
    if name not in codec.FORMATS:
        raise ValueError(
            f"Invalid compression format: '{name}'. Use one of {', '.join(codec.FORMATS)} (in lower case), "
            f"or pass a function of the path.{nearest(name, codec.FORMATS, _ALIASES)}"
        )
    codec.load_modules(name)
    return name


@dataclass(frozen=True, slots=True)
class _Job:
    source: str
    format: str
    permissions: int | None
    """Those of the log, which say whose files are believed (see `belief`)."""

    @property
    def target(self) -> str:
        return f"{self.source}.{self.format}"

    @property
    def part(self) -> str:
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


def _remove(path: str) -> None:
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
    and for a function, which is simply called. A process killed at any point leaves what `sweep` or the next
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
    job = _Job(source, compression.format, permissions)
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


def _attempt(job: _Job, unwanted: Callable[[], bool]) -> str | None:
    with open(job.source, "rb", buffering=0) as source, claimed(job.part, job.permissions, create=True) as part:
        if part is None:
            return None
        if not is_named(source.fileno(), job.source):
            _remove(job.part)
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
            _remove(job.part)
            raise
        # Before the claim ends: after it the source's name may be a new file's.
        _finish(job)
    return job.target


def _go_on(job: _Job, source: IO[bytes]) -> str:
    """Step 4, left undone by a killed process; or forget its part when there is a new source of that name."""
    if not _holds(job, source):
        _remove(job.part)
        raise _Again
    _finish(job)
    return job.target


def _holds(job: _Job, source: IO[bytes]) -> bool:
    """Whether the target was made of this very source. Equal text alone does not say so: logs repeat themselves.

    Nor does it when somebody else has the target, who can empty it as soon as the source is gone.
    """
    with open(os.open(job.target, os.O_RDONLY | PRIVATE | NO_LINK | NO_WAIT), "rb") as target:
        status = os.fstat(target.fileno())
        if not belief.is_own(status, os.path.dirname(job.target), job.permissions):
            return False
        same_time = status.st_mtime_ns == os.fstat(source.fileno()).st_mtime_ns
        return same_time and codec.is_same(job.format, target, source)


def _write(job: _Job, source: IO[bytes], status: os.stat_result, part: int, unwanted: Callable[[], bool]) -> None:
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


def _check_unchanged(job: _Job, source: IO[bytes], before: os.stat_result) -> None:
    if not is_named(source.fileno(), job.source):
        raise FileNotFoundError(f"The log file {job.source!r} was removed while it was compressed.")
    after = os.fstat(source.fileno())
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise _Again


def _publish(job: _Job) -> None:
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


def _move_aside(job: _Job) -> None:
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


def _finish(job: _Job) -> None:
    """Steps 4 and 5, in this order: the part's name is the proof that the source may go."""
    _remove(job.source)
    _remove(job.part)


def sweep(template: PathTemplate, compression: Compression | None, permissions: int | None = None) -> list[str]:
    """Put right what killed processes left of archives of *template*'s files, and return what is still to be archived.

    Parts that nobody works on are finished when their archive is whole, else removed. The result lists renamed files
    (a date in their name, as `rotated_name` gives it) that have no archive and that nobody is archiving, oldest first
    by name; never a live file nor any other file beside it. Empty for a function: what it leaves is unknown here.

    Safe beside processes that rotate and archive the same files; call it when a file is opened.
    """
    names = template.names()
    for part in _parts(names):
        try:
            _clear(part, permissions)
        except OSError as error:  # Somebody else's part, or gone by now.
            _say_left(part, error)
    if compression is None or not compression.format:
        return []
    candidates = sorted(path for path, kind in names.files() if kind is Kind.ROTATED)
    left = []
    for path, _ in belief.ours(candidates, names, permissions):
        try:
            if whose.is_old(path, names, permissions) and _is_open(_Job(path, compression.format, permissions)):
                left.append(path)
        except OSError as error:
            _say_left(path, error)
    return left


def archive_left(source: str, take: Callable[[str], None]) -> None:
    """Have *take* deal with what an earlier program has left. What it may not do it leaves, and that is said once."""
    try:
        take(source)
    except OSError as error:
        _say_left(source, error)


def _say_left(path: str, error: OSError) -> None:
    if isinstance(error, FileNotFoundError):
        return
    belief.say_once(
        f"left {path}",
        f"{path}, which an earlier program left, could not be compressed or cleared away ({error}). It stays as it is, "
        "and nothing waits for it. Make it this user's, or remove it.",
    )


def _parts(names: Names) -> list[str]:
    """The archives in the making of files that have these names, left behind or not."""
    parts = []
    for directory, _ in names.directories():
        with contextlib.suppress(OSError), os.scandir(directory) as entries:
            hidden = [os.path.join(directory, entry.name) for entry in entries if is_part(entry.name)]
        parts += [path for path in hidden if any(map(names.kind, _sources(part_target(path))))]
    return sorted(parts)


def _sources(target: str) -> Iterator[str]:
    """What the archive *target* may be made of."""
    return (target[: -len(ending)] for ending in ENDINGS if target.endswith(ending))


def _clear(part: str, permissions: int | None) -> None:
    with claimed(part, permissions, create=False) as fd:
        if fd is None:
            return
        target = part_target(part)
        if is_named(fd, target):
            # `x.tar.gz` may be a `gz` of `x.tar` or a `tar.gz` of `x`: the content tells.
            for source in _sources(target):
                _remove_archived(_Job(source, target[len(source) + 1 :], permissions))
        _remove(part)


def _remove_archived(job: _Job) -> bool:
    """Remove the source if the target holds it, and say so."""
    try:
        with open(job.source, "rb", buffering=0) as source:
            held = _holds(job, source)
    except FileNotFoundError:
        return False
    if held:
        _remove(job.source)
    return held


def _is_open(job: _Job) -> bool:
    """Whether the renamed file still has to be archived and nobody is at it."""
    if os.path.lexists(job.part):
        return False
    # Only file systems without hard links come here with both; the name, made of a microsecond, belongs to one file.
    return not (os.path.lexists(job.target) and _remove_archived(job))
