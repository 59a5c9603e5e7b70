"""Which old files go: what ``retention=`` of ``add()`` may be, and what it says about a list of files.

Nothing is removed here: the caller holds the file's lock, lists what the path template owns, and removes.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from mplog._sinks.file import grammar
from mplog._sinks.file.names import ENDINGS, is_dated

RetentionFunction = Callable[[list[str]], Any]
"""``f(paths)``: does with the files what it likes; its result is ignored."""


class OwnedFile(NamedTuple):
    """A file that a path template owns."""

    path: str
    mtime: float
    """Modification time, seconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """One rule: exactly one of the fields is set. Immutable; can be pickled when its function can."""

    count: int | None = None
    """How many of the newest files stay."""

    age: float | None = None
    """Seconds after its last modification at which a file goes."""

    function: RetentionFunction | None = None

    def __str__(self) -> str:
        if self.count is not None:
            return f"{self.count} files"
        return "a function" if self.age is None else f"{dt.timedelta(seconds=self.age)}"

    def expired(
        self, files: Sequence[OwnedFile], now: float, is_mine: Callable[[str], bool] = lambda path: True
    ) -> list[str]:
        """Those of *files* that are to be removed at *now* (seconds since the epoch), as paths.

        A file and its archive count as one, and stay or go together, so that a compression under way in another
        process changes no count. With a function nothing is removed here: it is called with all paths, also with none.

        Args:
            is_mine: whether a file may be removed, and counts. It takes long to know, so few are asked about.

        Raises whatever the function raises.
        """
        if self.function is not None:
            self.function([file.path for file in files if is_mine(file.path)])
            return []
        kept, gone = 0, []
        items = _items(files)
        if self.count is not None and len(items) <= self.count:
            return []
        for item in items:
            if self.count is not None and kept < self.count:
                kept += any(is_mine(file.path) for file in item)
            elif self.age is None or item[0].mtime <= now - self.age:
                gone += [file.path for file in item if is_mine(file.path)]
        return gone


def _items(files: Sequence[OwnedFile]) -> list[list[OwnedFile]]:
    """Files that count as one, newest item first, then by name; the newest file of each item comes first."""
    by_path = {file.path: file for file in files}
    items: dict[str, list[OwnedFile]] = {}
    for file in by_path.values():
        items.setdefault(_source_of(file, by_path) or file.path, []).append(file)
    for item in items.values():
        item.sort(key=_newest_first)
    return sorted(items.values(), key=lambda item: _newest_first(item[0]))


def _newest_first(file: OwnedFile) -> tuple[float, str]:
    return -file.mtime, file.path


def _source_of(file: OwnedFile, files: dict[str, OwnedFile]) -> str | None:
    """The file among *files* that *file* is the archive of.

    An undated name may be in use again: there the equal time, which archives get from their source, must confirm it.
    """
    for ending in ENDINGS:  # `x.tar.gz` may be a `gz` of `x.tar` or a `tar.gz` of `x`.
        source = files.get(file.path[: -len(ending)]) if file.path.endswith(ending) else None
        if source is not None and (source.mtime == file.mtime or is_dated(os.path.basename(source.path))):
            return source.path
    return None


def parse_retention(value: object) -> Retention | None:
    """Read what ``add(retention=)`` was given; None keeps everything.

    Accepts a number of files, a `datetime.timedelta`, a duration string, or a function of the list of paths.

    Raises:
        TypeError: for any other type.
        ValueError: for a string that cannot be read, a negative number or a negative duration.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return _aged(_duration(value), value)
    if isinstance(value, int):
        return _counted(value)
    if isinstance(value, dt.timedelta):
        return _aged(value, value)
    if callable(value):
        return Retention(function=value)
    raise TypeError(
        f"Cannot infer retention for objects of type: '{type(value).__name__}' (got {value!r}). "
        "Pass a number of files, a duration such as '10 days', a datetime.timedelta, or a function of a list of paths."
    )


def _duration(text: str) -> dt.timedelta:
    duration = grammar.parse_duration(text)
    if duration is None:
        number = text.strip()
        hint = f" A number of files is a number, not a text: retention={number}." if number.isdecimal() else ""
        raise ValueError(
            f"Cannot parse retention from: '{text}'. Write a duration such as '10 days' or '1 month'.{hint}"
        )
    return duration


def _counted(count: int) -> Retention:
    if count < 0:
        raise ValueError(
            f"A retention must keep 0 or more files, but {count} was given. "
            "Use 0 to keep none, or retention=None to keep all."
        )
    return Retention(count=int(count))


def _aged(age: dt.timedelta, given: object) -> Retention:
    if age < dt.timedelta():
        raise ValueError(
            f"A retention must be a duration of 0 or more, but {given!r} is {age.total_seconds():g} seconds. "
            "Use a positive one such as '10 days', or retention=None to keep all."
        )
    return Retention(age=age.total_seconds())
