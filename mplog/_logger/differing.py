"""What differs between an `add()` that is repeated in another process and the owner's, whose options hold."""

from __future__ import annotations

from typing import Any

from mplog._ring.wire import safe_repr
from mplog._session.place import Place
from mplog._sinks import report
from mplog._sinks.file.options import FileOptions
from mplog._writer.route import FILE, RouteSpec


def differing(mine: RouteSpec, theirs: RouteSpec) -> list[str]:
    """The names of the options that differ, as far as they can be compared.

    Functions cannot: that of another process is another object. Nor does `mode` count, which programs set by hand so
    that a child does not empty the file.
    """
    found = [] if mine.level == theirs.level else ["level"]
    if theirs.is_whole:
        found += [name for name in ("format", "filter") if _differ(getattr(mine, name), getattr(theirs, name))]
    looks = ["colorize", "serialize", "backtrace", "diagnose", "sanitize"]
    if mine.kind != FILE:
        # Where they were not given they depend on the stream, which need not be the same terminal.
        looks = ["serialize", "backtrace", "sanitize"]
    found += [name for name in looks if getattr(mine.look, name) != getattr(theirs.look, name)]
    if mine.file is not None and theirs.file is not None:
        found += _in_files(mine.file, theirs.file)
    return found


def _differ(mine: Any, theirs: Any) -> bool:
    if callable(mine) or callable(theirs):
        return not (callable(mine) and callable(theirs))
    return bool(mine != theirs)


def _in_files(mine: FileOptions, theirs: FileOptions) -> list[str]:
    found = [name for name in ("permissions", "watch", "buffering") if getattr(mine, name) != getattr(theirs, name)]
    found += [
        name for name in ("encoding", "errors", "newline") if getattr(mine.text, name) != getattr(theirs.text, name)
    ]
    if mine.rotation != theirs.rotation and not (mine.rotation and mine.rotation.functions):
        found.append("rotation")
    if mine.retention != theirs.retention and not (mine.retention and mine.retention.function):
        found.append("retention")
    if mine.compression != theirs.compression and not (mine.compression and mine.compression.function):
        found.append("compression")
    return found


def shown_option(value: Any) -> str:
    """The value of a file's option as a user knows it."""
    return oct(value) if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _beside(name: str, mine: RouteSpec, theirs: RouteSpec) -> str:
    """The name of an option, and its values where they can be read."""
    values = []
    for spec in (theirs, mine):
        holders = (spec.look, spec.file, None if spec.file is None else spec.file.text, spec)
        value = next(getattr(holder, name) for holder in holders if hasattr(holder, name))
        if callable(value):
            return name
        values.append(shown_option(value) if name == "permissions" else safe_repr(str(value), 200))
    return f"{name} ({values[0]} there, {values[1]} here)"


def say(place: Place, mine: RouteSpec, theirs: RouteSpec) -> None:
    """Report the difference, once in all processes of the session at *place*."""
    names = differing(mine, theirs)
    if names and place.first_to_say(f"differing-{theirs.id}"):
        report.once(
            f"differing {place.id.hex()} {theirs.id}",
            f"this process adds {mine.name} with another {' and '.join(_beside(name, mine, theirs) for name in names)} "
            f"than process {place.control.identity.pid}, which owns it and whose options hold. Give both the same, or "
            "add it in one of them only.",
        )
