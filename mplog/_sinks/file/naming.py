"""The names of log files: from a path template, after a rotation, and which files a template owns."""

from __future__ import annotations

import glob
import os
import re
import stat
import string
from collections.abc import Callable
from typing import Final

from mplog._render.times import RecordTime, format_time, local_time

PART_SUFFIX: Final = ".mplog-part"
"""End of the name of an archive in the making; the name also starts with a dot."""

_DATE_SPEC: Final = "YYYY-MM-DD_HH-mm-ss_SSSSSS"
_DATE: Final = r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_\d{6}"
_ROTATED: Final = re.compile(rf"(?P<root>.+)\.{_DATE}(?P<number>\.\d+)?(?P<extension>\.[^./\\]*)?", re.DOTALL)
_FIELD: Final = "\0"
"""Stands for a replacement field while patterns are made: no path can contain it."""


class _PathTime:
    """The field ``time`` of a path."""

    __slots__ = ("_moment",)

    def __init__(self, moment: RecordTime) -> None:
        self._moment = moment

    def __format__(self, spec: str) -> str:
        return format_time(self._moment, spec or _DATE_SPEC)

    def __str__(self) -> str:
        return format_time(self._moment, _DATE_SPEC)


def _glob(marked: str) -> str:
    return "*".join(glob.escape(text) for text in marked.split(_FIELD))


def _regex(marked: str, field: str) -> str:
    return field.join(re.escape(text) for text in marked.split(_FIELD))


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
        self.pattern = text
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

    def _marked(self) -> str:
        parts = string.Formatter().parse(self.pattern)
        return os.path.abspath("".join(text + ("" if name is None else _FIELD) for text, name, _, _ in parts))

    def _owned_names(self) -> list[str]:
        """The names that belong to the template, with the mark for "anything within one component"."""
        whole = self._marked()
        root, extension = os.path.splitext(whole)
        names = [whole, f"{whole}.{_FIELD}"]
        if extension:
            names += [f"{root}.{_FIELD}{extension}", f"{root}.{_FIELD}{extension}.{_FIELD}"]
        return names

    def owned(self) -> list[str]:
        """The existing regular files that belong to the template, sorted: live, renamed, archived.

        Symbolic links and archives in the making are not among them. The list may be out of date at once when other
        processes rotate.
        """
        found = {path for name in self._owned_names() for path in glob.iglob(_glob(name))}
        return sorted(path for path in found if not is_part(path) and _is_regular(path))

    def live(self) -> list[str]:
        """The existing regular files that may be the current one of some process, sorted; none that was renamed."""
        found = glob.iglob(_glob(self._marked()))
        return sorted(path for path in found if not self.is_rotated(path) and _is_regular(path))

    def fixed_directory(self) -> tuple[str, str]:
        """The deepest directory that all files of the template are in, and the rest of the pattern."""
        directory, name = os.path.split(os.path.abspath(self.pattern))
        while "{" in directory:
            directory, last = os.path.split(directory)
            name = f"{last}/{name}"
        return directory or "/", name

    def owns(self, path: str) -> bool:
        """Whether the absolute *path*, existing or not, has a name that belongs to the template."""
        return any(re.fullmatch(_regex(name, r"[^/\\]*"), path, re.DOTALL) for name in self._owned_names())

    def parts(self) -> list[str]:
        """The archives in the making that belong to the template, left behind or not, sorted."""
        directories = glob.glob(_glob(os.path.dirname(self._marked())))
        found = [path for folder in directories for path in glob.iglob(f"{glob.escape(folder)}/.*{PART_SUFFIX}")]
        return sorted(path for path in found if self.owns(part_target(path)) and _is_regular(path))

    def is_rotated(self, path: str) -> bool:
        """Whether the absolute *path* has a name that `rotated_name` gives to a file of this template.

        Never true for a live file, nor for the user's other files beside it.
        """
        match = _ROTATED.fullmatch(path)
        if match is None:
            return False
        # `.2` at the end may be the number of a second file or the extension of the first.
        number, extension = match["number"] or "", match["extension"] or ""
        originals = {match["root"] + extension} | ({match["root"] + number} if not extension else set())
        live = _regex(self._marked(), r"[^/\\]+")
        return any(re.fullmatch(live, original, re.DOTALL) for original in originals)


def _is_regular(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


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
    root = f"{root}.{format_time(local_time(created), _DATE_SPEC)}"
    extension += ending
    name, number = root + extension, 1
    while taken(name) or any(taken(name + suffix) for suffix in suffixes):
        number += 1
        name = f"{root}.{number}{extension}"
    return name
