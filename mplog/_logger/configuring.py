"""`configure()`: all of what it is given, or nothing of it.

Everything is checked before anything changes. Files are opened before the old handlers go, except those that an old
handler has open: what that does with its file at its end (compression, say) must not happen to the new handler's.
A file that is to be emptied is opened last of all, for that cannot be taken back.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterable, Mapping
from typing import Any

from mplog._capture.patching import Patcher
from mplog._logger import levels as level_table
from mplog._logger.core import Core, Wanted
from mplog._logger.handler import Handler
from mplog._logger.levels import Level
from mplog._logger.options import OPTIONS, Given
from mplog._logger.switches import switch
from mplog._render.markup import level_color
from mplog._render.times import local_time
from mplog._ring.clock import wall_time
from mplog._ring.wire import exact
from mplog._session.queue_options import QueueOptions
from mplog._sinks import report
from mplog._sinks.file.sink import FileSink


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
        settings["extra"] = dict(extra)
    if strict is not None:
        settings["strict"] = switch("strict", strict)
    rules = [
        (checked_name(name), switch("activation", enabled))
        for name, enabled in (activation if activation is not None else ())
    ]
    if handlers is not None:
        with core.lock:
            core.settle_interpreter()
    wanted = None if handlers is None else [core.check(*_described(each), table) for each in handlers]
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


def _described(arguments: Mapping[str, Any]) -> tuple[Any, Given]:
    """The arguments of an `add()`."""
    rest = dict(arguments)
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
    for arguments in levels if levels is not None else ():
        change = _level_arguments(**arguments)
        made = level_table.get_or_change(table, *change)
        level_color(made.color)
        table[made.name] = made
        changes.append(change)
    return table, changes


def _level_arguments(
    name: str, no: int | None = None, color: str | None = None, icon: str | None = None
) -> tuple[str, int | None, str | None, str | None]:
    return name, no, color, icon


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
        emptied = {each.spec.id: path for each in wanted if (path := _emptied(each)) is not None}
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


def _emptied(wanted: Wanted) -> str | None:
    """The file that loses what is in it when what is *wanted* is opened."""
    file = wanted.spec.file
    if file is None or "w" not in file.mode:
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
