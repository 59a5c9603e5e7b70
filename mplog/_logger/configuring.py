"""`configure()`: all of what it is given, or nothing of it.

Everything is checked before anything changes. Files are opened before the old handlers go, except those that an old
handler has open: what that does with its file at its end (compression, say) must not happen to the new handler's.
A file that is to be emptied is opened last of all, for that cannot be taken back.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterable, Mapping, Sized
from typing import Any

from mplog._capture.patching import Patcher
from mplog._logger import levels as level_table
from mplog._logger.core import Core, Wanted
from mplog._logger.handler import Handler
from mplog._logger.levels import Level
from mplog._logger.options import OPTIONS, Given
from mplog._logger.switches import switch
from mplog._render.markup import level_color
from mplog._render.nearest import nearest
from mplog._render.times import local_time
from mplog._ring.clock import wall_time
from mplog._ring.wire import exact, safe_repr
from mplog._session.queue_options import QueueOptions
from mplog._sinks import report
from mplog._sinks.file.sink import FileSink

LEVEL_ARGUMENTS = ("name", "no", "color", "icon")


def configure(
    core: Core,
    *,
    handlers: Iterable[Mapping[str, Any]] | None,
    levels: Iterable[Mapping[str, Any]] | None,
    extra: Mapping[str, Any] | None,
    patcher: Patcher | None,
    activation: Iterable[tuple[str | None, bool]] | None,
    strict: bool | None,
    queue: QueueOptions | None,
) -> list[int]:
    """See Logger.configure."""
    core.notice_child()
    if queue is not None:
        if not isinstance(queue, QueueOptions):
            raise TypeError(f"Invalid queue, it should be a mplog.QueueOptions, not: '{type(queue).__name__}'")
        core.check_queue(queue)
    table, changes = _levels(core, levels)
    settings: dict[str, Any] = {}
    if patcher is not None:
        settings["patcher"] = checked_patcher(patcher)
    if extra is not None:
        settings["extra"] = {exact(key): value for key, value in _as_dict("extra", extra).items()}
    if strict is not None:
        settings["strict"] = switch("strict", strict)
    rules = [_rule(each) for each in _listed("activation", activation, "pairs (name, enabled)")]
    described = [_described(each) for each in _listed("handlers", handlers, "dicts of arguments of add()")]
    if handlers is not None:
        with core.lock:
            core.settle_before_removal()
    wanted = None if handlers is None else [core.check(*each, table) for each in described]
    made = None if wanted is None else _replace(core, wanted)

    if queue is not None:
        core.set_queue(queue)
    for change in changes:
        core.level(*change)
    for name, value in settings.items():
        core.set(name, value)
    for rule in rules:
        core.set_activation(*rule)
    if made is None:
        return []
    with core.lock:
        return [core.enter(handler, enqueue=enqueue) for handler, enqueue in made]


def _listed(name: str, given: Any, items: str) -> list[Any]:
    """What is in a list of *items*, the argument *name*; nothing for None. Else TypeError."""
    if given is None:
        return []
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise TypeError(f"Invalid {name}, it should be a list of {items}, not: '{type(given).__name__}'")
    return list(given)


def _as_dict(name: str, given: Any) -> dict[Any, Any]:
    """A copy of *given*, which is the argument *name*, or in it; or TypeError, or ValueError."""
    try:
        return dict(given)
    except (TypeError, ValueError) as error:
        raise type(error)(f"Invalid {name}, it should be a dict, not: {safe_repr(given, 200)}") from None


def _rule(given: Any) -> tuple[str | None, bool]:
    """One `enable()` or `disable()`, or TypeError, or ValueError."""
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        kind = ValueError if isinstance(given, Sized) else TypeError
        raise kind(f"Invalid activation, each should be a pair (name, enabled), not: {safe_repr(given, 200)}")
    return checked_name(given[0]), switch("activation", given[1])


def _described(arguments: Any) -> tuple[Any, Given]:
    """The arguments of an `add()`."""
    rest = _as_dict("handler", arguments)
    if "sink" not in rest:
        raise TypeError(f"A handler of configure() needs a 'sink'; this one has only {sorted(map(str, rest))}.")
    sink = rest.pop("sink")
    own = {name: rest.pop(name) for name in OPTIONS if name in rest}
    return sink, Given(**own, keywords=rest)


def _levels(
    core: Core, levels: Iterable[Mapping[str, Any]] | None
) -> tuple[dict[str, Level], list[tuple[str, int | None, str | None, str | None]]]:
    """The levels as they will be, and the arguments of the changes."""
    table = dict(core.levels)
    changes: list[tuple[str, int | None, str | None, str | None]] = []
    for arguments in _listed("levels", levels, "dicts of arguments of level()"):
        change = _level_arguments(_as_dict("level", arguments))
        made = level_table.get_or_change(table, *change)
        level_color(made.color)
        table[made.name] = made
        changes.append(change)
    return table, changes


def _level_arguments(given: dict[Any, Any]) -> tuple[str, int | None, str | None, str | None]:
    """The arguments of a `level()`, or TypeError."""
    if "name" not in given:
        raise TypeError(f"A level of configure() needs a 'name'; this one has only {sorted(map(str, given))}.")
    for name in given:
        if name not in LEVEL_ARGUMENTS:
            raise TypeError(
                f"level() got an unexpected keyword argument '{name}'. It knows {', '.join(LEVEL_ARGUMENTS)}."
                f"{nearest(name, LEVEL_ARGUMENTS, {'number': 'no', 'colour': 'color'})}"
            )
    return given["name"], given.get("no"), given.get("color"), given.get("icon")


def checked_patcher(patcher: Any) -> Patcher:
    """*patcher*, or TypeError."""
    if not callable(patcher):
        raise TypeError(f"Invalid patcher, it should be a function of the record, not: '{type(patcher).__name__}'")
    found: Patcher = patcher
    return found


def checked_name(name: Any) -> str | None:
    """The *name* of a module, or TypeError."""
    if name is not None and not isinstance(name, str):
        raise TypeError(f"Invalid name, it should be a string (or None), not: '{type(name).__name__}'")
    found: str | None = exact(name)
    return found


def _replace(core: Core, wanted: list[Wanted]) -> list[tuple[Handler, bool]]:
    """Open the handlers that are *wanted*, each with whether it is enqueued, and remove those that are there.

    Raises:
        OSError: a file cannot be opened; the handlers that were there are there.
    """
    with core.lock:
        old = core.handlers()
        opened: dict[int, Handler] = {}
        shared = [handler for handler in old if any(_has_open(core, handler, each) for each in wanted)]
        late = {each.spec.id for each in wanted if any(_has_open(core, handler, each) for handler in shared)}
        emptied = {each.spec.id: path for each in wanted if (path := _emptied(core, each)) is not None}
        late |= emptied.keys()
        try:
            for path in emptied.values():
                os.close(os.open(path, os.O_WRONLY))
            for each in wanted:
                if each.spec.id not in late:
                    opened[each.spec.id] = core.make(each)
        except BaseException:
            _give_up(opened)
            raise
    errors = core.remove_each([handler.id for handler in shared])
    try:
        with core.lock:
            for each in sorted(wanted, key=lambda each: each.spec.id in emptied):
                if each.spec.id in late:
                    opened[each.spec.id] = core.make(each)
    except BaseException:
        _give_up(opened)
        with core.lock:
            for handler in shared:
                _restore(core, handler)
        raise
    errors += core.remove_each([handler.id for handler in old if handler not in shared])
    for handler, error in errors:
        # Not raised: what was asked for is done.
        report.error_in_handler(handler.id, None, error, sink=handler.spec.target)
    return [(opened[each.spec.id], each.given.enqueue) for each in wanted]


def _has_open(core: Core, handler: Handler, wanted: Wanted) -> bool:
    """Whether *handler* has the file here that *wanted* is about, rather than in the process that owns it."""
    mine, theirs, link = handler.spec.file, wanted.spec.file, handler.link
    if mine is None or theirs is None or handler.sink is None:
        return False
    if link is not None and not core.sessions.is_own(link) and not core.sessions.company.is_guest(handler):
        return False
    return os.path.realpath(mine.template.pattern) == os.path.realpath(theirs.template.pattern)


def _emptied(core: Core, wanted: Wanted) -> str | None:
    """The file that loses what is in it when what is *wanted* is opened."""
    file = wanted.spec.file
    if file is None or "w" not in file.mode or core.only_describes:
        return None
    path = file.template.resolve(local_time(wall_time()))
    return path if os.path.isfile(path) else None


def _give_up(opened: dict[int, Handler]) -> None:
    """Leave the files that were opened for nothing. What else is a sink has not been told anything."""
    for handler in opened.values():
        if isinstance(handler.sink, FileSink):
            with contextlib.suppress(Exception):  # The error that has led here is the one to be raised.
                handler.sink.leave()


def _restore(core: Core, handler: Handler) -> None:
    """Have a removed *handler* of a file again."""
    assert handler.spec.file is not None
    spec = dataclasses.replace(handler.spec, file=dataclasses.replace(handler.spec.file, mode="a"))
    try:
        sink = core.open_file(spec, handler.renderer)
    except OSError as error:
        report.error_in_handler(handler.id, None, error, sink=spec.target)
        return
    again = Handler(spec, handler.renderer, sink, name=handler.name, catch=handler.catch, visible_id=handler.id)
    core.enter(again, enqueue=handler.link is not None and core.sessions.is_own(handler.link))
