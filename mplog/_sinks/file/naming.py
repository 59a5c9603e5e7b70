"""How log files are called: by a path template, after a rotation, and while an archive is made."""

from __future__ import annotations

import os
import stat
import string
from collections.abc import Callable
from typing import Final

from mplog._render.times import RecordTime, format_time, local_time
from mplog._sinks.file.names import DATE_SPEC, Names, names_of

_LINKS: Final = 40

PART_SUFFIX: Final = ".mplog-part"
"""End of the name of an archive in the making; the name also starts with a dot."""


class _PathTime:
    """The field ``time`` of a path."""

    __slots__ = ("_moment",)

    def __init__(self, moment: RecordTime) -> None:
        self._moment = moment

    def __format__(self, spec: str) -> str:
        return format_time(self._moment, spec or DATE_SPEC)

    def __str__(self) -> str:
        return format_time(self._moment, DATE_SPEC)


class PathTemplate:
    """Where a file sink writes: a path that may contain ``{time}`` fields. Immutable.

    Args:
        path: a `str.format` template with the one field ``time``; braces are doubled to be literal.

    Raises:
        ValueError: braces that do not match.
        TypeError: a path of bytes.
    """

    __slots__ = ("is_plain", "pattern")

    pattern: str
    """The template as it was given."""

    is_plain: bool
    """Whether there is no field, so that the path never changes."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        text = os.fspath(path)
        if not isinstance(text, str):
            raise TypeError(f"A log file's path must be text, but it is {text!r}. Decode it with os.fsdecode().")
        self.pattern = text = str.__str__(text)  # It travels, and a class of the program's might not.
        self.is_plain = all(name is None for _, name, _, _ in string.Formatter().parse(text))

    def __repr__(self) -> str:
        return f"PathTemplate({self.pattern!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PathTemplate) and self.pattern == other.pattern

    def __hash__(self) -> int:
        return hash(self.pattern)

    def __reduce__(self) -> tuple[type[PathTemplate], tuple[str]]:
        return PathTemplate, (self.pattern,)

    def resolve(self, moment: RecordTime) -> str:
        """The absolute path for a file created at *moment*.

        Raises KeyError for a field other than ``time``, ValueError for a bad time specification.
        """
        return os.path.abspath(self.pattern.format_map({"time": _PathTime(moment)}))

    def names(self) -> Names:
        """The names that files of the template can have."""
        if os.path.isabs(self.pattern):
            return names_of(self.pattern)
        return names_of(os.path.join(literal(os.getcwd()), self.pattern))


def literal(path: str) -> str:
    """The template that means just *path*."""
    return path.replace("{", "{{").replace("}", "}}")


def behind_links(path: str) -> str:
    """The file that *path* leads to, there or not, where it is a symbolic link to a regular file; else *path*."""
    real = path
    for _ in range(_LINKS):
        try:
            target = os.path.join(os.path.dirname(real), os.readlink(real))
        except (OSError, ValueError):
            break
        real = os.path.join(os.path.realpath(os.path.dirname(target)), os.path.basename(target))
    if real == path:
        return path
    try:
        status = os.stat(path)
    except OSError:
        return real  # The file is still to be made, or back from a rotation in a moment.
    try:
        # Not so for links of the kernel's own, as /dev/stdout leads to.
        is_it = stat.S_ISREG(status.st_mode) and os.path.samestat(status, os.stat(real))
    except OSError:
        return path
    return real if is_it else path


def part_name(target: str) -> str:
    """The hidden name under which the archive *target* is made."""
    directory, name = os.path.split(target)
    return os.path.join(directory, f".{name}{PART_SUFFIX}")


def part_target(part: str) -> str:
    """The archive that *part* is to become; the inverse of `part_name`."""
    directory, name = os.path.split(part)
    return os.path.join(directory, name[1 : -len(PART_SUFFIX)])


def is_part(path: str) -> bool:
    """Whether *path* has the name of an archive in the making."""
    name = os.path.basename(path)
    return name.startswith(".") and name.endswith(PART_SUFFIX)


def rotated_name(
    path: str,
    created: float,
    *,
    taken: Callable[[str], bool] = os.path.lexists,
    suffixes: tuple[str, ...] = (),
    ending: str = "",
) -> str:
    """A free name for the old file at *path*: ``ROOT.DATE.EXT``, then ``ROOT.DATE.2.EXT`` and so on.

    The caller holds the file's lock until it has renamed the file: the name is free, not reserved.

    Args:
        path: the file as it is called now.
        created: its creation time, seconds since the epoch; shown in local time.
        taken: says whether a name exists.
        suffixes: a name counts as taken, too, when it exists with one of these appended, as archives do (``.gz``).
        ending: goes to the end of the new name, after the extension: for archives themselves.
    """
    root, extension = os.path.splitext(path)
    root = f"{root}.{format_time(local_time(created), DATE_SPEC)}"
    extension += ending
    name, number = root + extension, 1
    while taken(name) or any(taken(name + suffix) for suffix in suffixes):
        number += 1
        name = f"{root}.{number}{extension}"
    return name
