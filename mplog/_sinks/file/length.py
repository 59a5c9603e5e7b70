"""Whether the names that a log file gets in its life are short enough for the directory that it is in."""

from __future__ import annotations

import os
from typing import Final

from mplog._render.times import local_time
from mplog._ring.clock import wall_time
from mplog._sinks.file.naming import part_name, rotated_name
from mplog._sinks.file.options import FileOptions

_LONGEST_NAME: Final = 255
_LONGEST_PATH: Final = 4095
_LONGER_NAMES: Final = 30
"""Bytes by which months and days may have longer names than the present ones, at most."""
_DAY: Final = 86_400


def check_length(options: FileOptions) -> None:
    """Refuse a path that would be too long after a rotation or while an archive is made.

    Raises:
        ValueError: a name is too long.
    """
    now = wall_time()
    path = options.template.resolve(local_time(now))
    most = _most(os.path.dirname(path))
    if not options.template.is_plain and _length(_longest(options, path, now)) > most - _LONGER_NAMES:
        path = max((options.template.resolve(local_time(now + day * _DAY)) for day in range(366)), key=_length)
    longest = _longest(options, path, now)
    surplus = max(_length(longest) - most, len(os.fsencode(longest)) - _LONGEST_PATH)
    if surplus > 0 and longest != path:  # Else whoever opens it is told by the system.
        more = _length(longest) - _length(path)
        raise ValueError(
            f"The name of the log file {path!r} is {surplus} bytes too long: rotation and compression make it {more} "
            f"bytes longer, and a name there may have {most}, a path {_LONGEST_PATH}. Give it a shorter one, or no "
            "rotation and no compression."
        )


def _length(path: str) -> int:
    return len(os.fsencode(os.path.basename(path)))


def _longest(options: FileOptions, path: str, now: float) -> str:
    """The longest of the names that the file *path* has in the course of time."""
    name = path
    if options.rotation is not None and not _differs_always(options, now):
        name = rotated_name(path, now, taken=lambda name: False)
    if options.compression is not None and options.compression.format:
        name = part_name(f"{name}{options.compression.suffix}")
    return name


def _differs_always(options: FileOptions, now: float) -> bool:
    """Whether the next file has another name in any case, so that none is ever renamed."""
    return options.template.resolve(local_time(now)) != options.template.resolve(local_time(now + 0.00001))


def _most(directory: str) -> int:
    """The bytes that a name may have in *directory*, which is perhaps still to be made."""
    while directory != os.path.dirname(directory) and not os.path.isdir(directory):
        directory = os.path.dirname(directory)
    try:
        return os.pathconf(directory, "PC_NAME_MAX")
    except (AttributeError, OSError, ValueError):  # No POSIX, or a file system that does not tell.
        return _LONGEST_NAME
