"""An `add()` that is repeated.

In another process it is the owner's handler that is meant, whose options hold; what differs is said. In the same one
there are two handlers, and each record is written twice, which is said, too.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable
from typing import Any

from mplog._logger.handler import Handler
from mplog._ring.wire import safe_repr
from mplog._session.place import Place
from mplog._sinks import report
from mplog._sinks.file.options import FileOptions
from mplog._sinks.kinds import FILE, STREAM
from mplog._writer.route import RouteSpec


def same_sink(handler: Handler, remote: list[Handler], *, by_name: bool = True) -> Handler | None:
    """The owner's handler for the same file, standard stream or (*by_name*) other object, if there is one."""
    wanted = _target_of(handler)
    if not by_name and handler.spec.file is None and handler.spec.stream is None:
        return None
    found = [other for other in remote if wanted is not None and _target_of(other) == wanted]
    return min(found, key=lambda other: len(differing(handler.spec, other.spec)), default=None)


def path_of(handler: Handler) -> str | None:
    """The path that *handler* was given for its file; None where it has another kind of sink."""
    file = handler.spec.file
    return None if file is None else os.path.abspath(file.template.pattern)


def _target_of(handler: Handler) -> tuple[str, str] | None:
    spec, path = handler.spec, path_of(handler)
    if path is not None:
        return FILE, path
    if spec.stream is not None:
        return STREAM, spec.stream
    return spec.kind, handler.name


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
    names = ("permissions", "watch", "buffering", "coordination_dir")
    found = [name for name in names if getattr(mine, name) != getattr(theirs, name)]
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


def say_differing(place: Place, mine: RouteSpec, theirs: RouteSpec) -> None:
    """Report the difference, once in all processes of the session at *place*."""
    names = differing(mine, theirs)
    if names and place.first_to_say(f"differing-{theirs.id}"):
        report.once(
            f"differing {place.id.hex()} {theirs.id}",
            f"this process adds {mine.name} with another {' and '.join(_beside(name, mine, theirs) for name in names)} "
            f"than process {place.control.identity.pid}, which owns it and whose options hold. Give both the same, or "
            "add it in one of them only.",
        )


def look_for_twins(handler: Handler, others: Iterable[Handler], owner: Place | None) -> None:
    """Say so if one of *others* writes into the file of *handler* what that is about to write there, too.

    Args:
        owner: where this process is a worker, whose: what each of its workers adds is said by the first only.
    """
    path = _file_of(handler.spec)
    if path is None:
        return
    for other in others:
        if _file_of(other.spec) != path or not _is_same(handler.spec, other.spec):
            continue
        if owner is None or owner.first_to_say(f"twice-{zlib.crc32(os.fsencode(path)):08x}"):
            report.once(
                f"twice {path}",
                f"{path} is added again, by handler {handler.id} after handler {other.id}, with the same filter: each "
                "record that both take is in it twice. Remove one of them, or give them different filters.",
            )


def _file_of(spec: RouteSpec) -> str | None:
    if spec.file is None or spec.file.template.pattern.startswith("/dev/"):
        return None
    return os.path.realpath(spec.file.template.pattern)


def _is_same(mine: RouteSpec, theirs: RouteSpec) -> bool:
    """Whether two filters let the same records pass, as far as that can be known. None of the user's code is asked."""
    one, other = mine.filter, theirs.filter
    if not theirs.is_whole:
        return False  # It is with the owner only.
    return one is other or (type(one) is type(other) and type(one) in (str, dict) and bool(one == other))
