"""The names that one path template can make: for live files, for renamed ones and for archives.

One idea serves all who look for files in a directory where others have theirs, too: which file is the current one,
which are old and may go, which are still to be compressed. A name belongs to a template when a moment can have given
it: the literal parts to the letter, times as times of their tokens, then the suffix of a rotation and the ending of an
archive.
"""

from __future__ import annotations

import enum
import os
import re
import string
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Final, NamedTuple

from mplog._render.times import local_time
from mplog._ring.clock import wall_time
from mplog._sinks.file import codec, dates
from mplog._sinks.file.dates import Items, Token, Value

DATE_SPEC: Final = "YYYY-MM-DD_HH-mm-ss_SSSSSS"
"""What `{time}` alone is in a path, and the date that a rotation puts into a name."""

_DATE: Final = "".join(
    re.escape(item) if isinstance(item, str) else f"(?P<{item.name}>{dates.pattern_of(item.name)})"
    for item in dates.items_of(DATE_SPEC)
)
_ROTATED: Final = re.compile(
    rf"(?P<root>.+)\.{_DATE}(?P<number>\.(?:[2-9]|[1-9][0-9]+))?(?P<extension>\.[^./\\]*)?", re.DOTALL
)
ENDINGS: Final = tuple(sorted((f".{name}" for name in codec.FORMATS), key=len, reverse=True))
"""What the names of archives end in, the longer ones first."""

_UNKNOWN_ENDING: Final = re.compile(r"\.[A-Za-z0-9]{1,8}")
_UNKNOWN_ENDINGS: Final = 2
"""Archives of functions: `app.DATE.log.zst`, or `.tar.zst`."""


class Kind(enum.Enum):
    """What a file of a template is, by its name."""

    LIVE = "live"
    """Written to, or written to until the next file had another name."""
    ROTATED = "rotated"
    """Renamed by a rotation."""
    ARCHIVE = "archive"


class Endings(NamedTuple):
    """What archives of one handler are called, beyond the formats that mplog knows."""

    live: str = ""
    """What the name of a live file without time gets at the end of the handler, such as ``.gz``; empty for nothing."""
    any: bool = False
    """Whether a function of the user makes the archives of renamed files, and calls them as it likes."""


class Found(NamedTuple):
    """A regular file in a directory."""

    path: str
    kind: Kind


class _Component:
    """One part of a path between two separators."""

    __slots__ = ("_is_clear", "_match", "_tokens", "letters", "shape", "text")

    def __init__(self, items: Items) -> None:
        self._tokens = [item for item in items if isinstance(item, Token)]
        self.text = None if self._tokens else "".join(str(item) for item in items)
        """The name itself, where there is no time in it."""
        self.shape = "".join(map(_shown, items))
        self.letters = sum(len(item) for item in items if isinstance(item, str))
        self._is_clear = dates.is_clear([item for item in items if item != ""])
        self._match = re.compile("".join(map(_expression, items)), re.DOTALL).fullmatch

    def read(self, name: str) -> list[Value] | None:
        """What times *name* shows, as far as that is clear; None when it is no name of this kind."""
        if self.text is not None:
            return [] if name == self.text else None
        match = self._match(name)
        if match is None:
            return None
        return list(zip(self._tokens, match.groups(), strict=True)) if self._is_clear else []


def _shown(item: str | Token) -> str:
    if isinstance(item, str):
        return item.replace("{", "{{").replace("}", "}}")
    return f"{{{item.name}{'!UTC' if item.in_utc else ''}}}"


def _expression(item: str | Token) -> str:
    return re.escape(item) if isinstance(item, str) else f"({dates.pattern_of(item.name)})"


def _items(template: str) -> Items:
    """The literal texts and time tokens of a path template."""
    items: Items = []
    for text, field, spec, conversion in string.Formatter().parse(template):
        items.append(text)
        if field is None:
            continue
        if conversion in (None, "s") and not (spec and (conversion or "{" in spec)):
            items += dates.items_of(spec or DATE_SPEC)
        else:  # `{time!r}` and the like: nobody writes that. Only what it gives at present is recognised.
            moment = local_time(wall_time())
            items.append(str(string.Formatter().convert_field(moment, conversion or "")))
    return items


def _components(items: Items) -> list[_Component]:
    """Cut at the separators, those in time specifications, too; as `os.path.abspath` would normalise them."""
    parts: list[Items] = [[]]
    for item in items:
        if isinstance(item, Token):
            parts[-1].append(item)
            continue
        first, *others = item.replace(os.altsep or os.sep, os.sep).split(os.sep)
        parts[-1].append(first)
        parts += [[other] for other in others]
    found: list[_Component] = []
    for number, part in enumerate(parts):
        component = _Component(part)
        if number and component.text in ("", "."):
            continue
        if component.text == "..":
            if len(found) > 1:
                found.pop()
            continue
        found.append(component)
    return found


class Names:
    """The names of one template. Immutable; make it with `names_of`."""

    __slots__ = ("_components", "_fixed", "_last", "_prefix", "directory", "is_plain", "letters", "shape")

    directory: str
    """The deepest directory that all files of the template are in."""

    shape: str
    """The same for two templates if, and only if, they make the same names in that directory."""

    letters: int
    """How many characters are the same in all names."""

    def __init__(self, template: str) -> None:
        """*template* is absolute."""
        components = self._components = _components(_items(template))
        self._last = components[-1]
        self.is_plain = all(component.text is not None for component in components)
        self._fixed = next(
            (number for number, component in enumerate(components[:-1]) if component.text is None), len(components) - 1
        )
        self.directory = os.sep.join(str(component.text) for component in components[: self._fixed]) or os.sep
        self.shape = "/".join(component.shape for component in components[self._fixed :])
        self.letters = sum(component.letters for component in components)
        literal = self._last.text if self._last.text is not None else self._last.shape.partition("{")[0]
        # A rotation puts its date before the extension, which may begin in this literal.
        self._prefix = os.path.splitext(literal)[0]

    def directories(self) -> Iterator[tuple[str, list[Value]]]:
        """The existing directories in which files of the template may be, and the times that their names show."""
        level: list[tuple[str, list[Value]]] = [(self.directory, [])]
        for component in self._components[self._fixed : -1]:
            below: list[tuple[str, list[Value]]] = []
            for directory, values in level:
                if component.text is not None:
                    below.append((os.path.join(directory, component.text), values))
                    continue
                with suppress(OSError), os.scandir(directory) as entries:
                    for entry in entries:
                        more = component.read(entry.name)
                        if more is not None and entry.is_dir() and dates.go_together(values + more):
                            below.append((entry.path, values + more))
            level = below
        yield from level

    def files(self, endings: Endings = Endings()) -> Iterator[Found]:  # noqa: B008 - immutable
        """The existing regular files whose names belong to the template, in no order.

        Symbolic links are not among them. The list may be out of date at once when other processes rotate.
        """
        for directory, values in self.directories():
            with suppress(OSError), os.scandir(directory) as entries:
                for entry in entries:
                    # Looked at by their first letters before all else: there may be tens of thousands of others.
                    if not entry.name.startswith(self._prefix):
                        continue
                    kind = self._kind(entry.name, values, endings)
                    if kind is not None and entry.is_file(follow_symlinks=False):
                        yield Found(os.path.join(directory, entry.name), kind)

    def kind(self, path: str, endings: Endings = Endings()) -> Kind | None:  # noqa: B008 - immutable
        """What the absolute *path*, existing or not, is to the template; None when the template cannot make it."""
        parts = path.split(os.sep)
        if len(parts) != len(self._components):
            return None
        values: list[Value] = []
        for component, part in zip(self._components[:-1], parts[:-1], strict=True):
            more = component.read(part)
            if more is None:
                return None
            values += more
        return self._kind(parts[-1], values, endings)

    def placed(self, path: str) -> str | None:
        """The live file that *path*, which somebody else has noted down, is in the directory of this template.

        Another program may call that directory by another name; None when the template cannot make what follows.
        """
        depth = len(self._components) - self._fixed
        here = os.path.join(self.directory, *path.split(os.sep)[-depth:])
        return here if self.kind(here) is Kind.LIVE else None

    def _kind(self, name: str, values: list[Value], endings: Endings) -> Kind | None:
        if self._is_live(name, values):
            return Kind.LIVE
        if self._is_rotated(name, values):
            return Kind.ROTATED
        for ending in ENDINGS:
            if not name.endswith(ending):
                continue
            source = name[: -len(ending)]
            if self._is_rotated(source, values):
                return Kind.ARCHIVE
            # One in whose place a newer one was put has two dates.
            if any(self._is_rotated(original, values) for original in _originals(source)):
                return Kind.ARCHIVE
            # Without any date the name may be the user's, who has made an archive by hand.
            if (ending == endings.live or not self.is_plain) and self._is_live(source, values):
                return Kind.ARCHIVE
        if endings.any:
            for _ in range(_UNKNOWN_ENDINGS):
                name, ending = os.path.splitext(name)
                if _UNKNOWN_ENDING.fullmatch(ending) is None:
                    break
                if self._is_rotated(name, values):
                    return Kind.ARCHIVE
        return None

    def _is_live(self, name: str, values: list[Value]) -> bool:
        more = self._last.read(name)
        if more is None:
            return False
        return (not values and not more) or dates.go_together(values + more)

    def _is_rotated(self, name: str, values: list[Value]) -> bool:
        return any(self._is_live(original, values) for original in _originals(name))


def is_dated(name: str) -> bool:
    """Whether *name* is as a rotation makes names, whatever the template and the calendar."""
    return _ROTATED.fullmatch(name) is not None


def _originals(name: str) -> Iterator[str]:
    """The names of which a rotation can have made *name*."""
    match = _ROTATED.fullmatch(name)
    if match is None:
        return
    if match["DD"] > "28" and not dates.go_together(
        (Token(part, in_utc=False), match[part]) for part in ("YYYY", "MM", "DD")
    ):
        return
    # `.2` at the end may be the number of a second file or the extension of the first.
    number, extension = match["number"] or "", match["extension"] or ""
    yield match["root"] + extension
    if number and not extension:
        yield match["root"] + number


def names_of(template: str) -> Names:
    """The names of an absolute path template."""
    return _names_of(template, dates.language())


@lru_cache(maxsize=64)
def _names_of(template: str, language: str) -> Names:
    return Names(template)
