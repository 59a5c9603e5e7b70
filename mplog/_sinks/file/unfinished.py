"""What killed processes, and earlier programs, have left of the archives of a log."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

from mplog._sinks.file import belief, whose
from mplog._sinks.file.archive import Job, holds, remove
from mplog._sinks.file.claim import claimed, is_named
from mplog._sinks.file.compression import Compression
from mplog._sinks.file.names import ENDINGS, Kind, Names
from mplog._sinks.file.naming import PathTemplate, is_part, part_target


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
            if whose.is_old(path, names, permissions) and _is_open(Job(path, compression.format, permissions)):
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
                _remove_archived(Job(source, target[len(source) + 1 :], permissions))
        remove(part)


def _remove_archived(job: Job) -> bool:
    """Remove the source if the target holds it, and say so."""
    try:
        with open(job.source, "rb", buffering=0) as source:
            held = holds(job, source)
    except FileNotFoundError:
        return False
    if held:
        remove(job.source)
    return held


def _is_open(job: Job) -> bool:
    """Whether the renamed file still has to be archived and nobody is at it."""
    if os.path.lexists(job.part):
        return False
    # Only file systems without hard links come here with both; the name, made of a microsecond, belongs to one file.
    return not (os.path.lexists(job.target) and _remove_archived(job))
