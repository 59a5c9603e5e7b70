"""The way of one log call: gate, capture, render, deliver. This is the hot path.

A call site that has run once under a configuration is remembered with one compiled line per handler; then a call is
a few look-ups, one f-string and one delivery. Whatever is out of the ordinary goes `fully`, where a record is built.
"""

from __future__ import annotations

import os
import sys
from time import time
from types import FrameType
from typing import TYPE_CHECKING, Any

from mplog._capture import exception as exceptions
from mplog._capture import process
from mplog._capture.callsite import CallSite
from mplog._capture.details import Details
from mplog._capture.record import RecordFile, RecordLevel, RecordProcess, RecordThread
from mplog._logger import levels
from mplog._logger.levels import Level
from mplog._logger.state import FastSite, State, Target
from mplog._render.times import local_time
from mplog._ring.layout import GENERATION
from mplog._ring.wire import safe_repr
from mplog._sinks import report

if TYPE_CHECKING:
    from mplog._logger.logger import Logger

_getframe = sys._getframe
STARTED = local_time(time())
"""When mplog was imported in this process; a forked child keeps its parent's. `elapsed` counts from here."""

MARK = "<not formatted>"

HALF = 0.5e-6
"""Half a microsecond: a record's time is rounded to microseconds, so its text must be, too."""
LAST_HALF = 1.0 - HALF


def log(
    view: Logger,
    state: State,
    name: str,
    message: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    depth: int = 2,
) -> None:
    """One call with a level's name; the caller is *depth* frames above this one: two for a level's own method."""
    if state.words[GENERATION] != state.generation or state.provisional:
        state = view._core.renew()
        if state.levels[name].no < state.threshold:
            return
    frame = _getframe(depth)
    code = frame.f_code
    site = state.sites.get(id(code) + frame.f_lasti)
    if (
        site is None
        or site.code is not code
        or site.level != name
        or site.globals is not frame.f_globals
        or kwargs
        or not view._plain
        or len(args) != site.count
        or (message != site.message if args else type(message) is not str)
    ):
        fully(view, state, name, message, args, kwargs, frame)
        return
    now = time()
    clock = site.clock
    shown = clock.state
    try:
        fraction = now - shown[0]
        if not 0.0 <= fraction < LAST_HALF:
            shown = clock.refresh(int(now + HALF))
            fraction = now - shown[0]
        if args:
            text = site.line(shown[1], int((fraction + HALF) * clock.scale), shown[2], *args)
            for value in args:
                kind = type(value)
                if kind is int or kind is float or (kind is str and value.isprintable()):
                    continue
                if not text[:-1].isprintable():
                    raise ValueError("needs escaping")
        else:
            text = site.line(shown[1], int((fraction + HALF) * clock.scale), shown[2], message)
            if not message.isprintable():
                raise ValueError("needs escaping")
        others = [_text_for(other, now, args or (message,)) for other in site.others] if site.others else ()
    except Exception:  # noqa: BLE001 - a user's __format__, or text that needs care: the full way deals with it
        fully(view, state, name, message, args, kwargs, frame)
        return
    try:
        site.emit(text, now, site.number)
    except Exception as error:  # noqa: BLE001 - the sink's: reported, or raised again
        _failed(site.target, error)
    for other, line in zip(site.others, others):  # noqa: B905 - made from one another
        try:
            other.emit(line, now, site.number)
        except Exception as error:  # noqa: BLE001 - as above
            _failed(other, error)


def _text_for(target: Target, now: float, values: tuple[Any, ...]) -> str:
    clock = target.clock
    shown = clock.state
    fraction = now - shown[0]
    if not 0.0 <= fraction < LAST_HALF:
        shown = clock.refresh(int(now + HALF))
        fraction = now - shown[0]
    return target.line(shown[1], int((fraction + HALF) * clock.scale), shown[2], *values)


def _failed(target: Target, error: Exception) -> None:
    """The sink raised *error*, which is being handled: report it, or let the caller have it."""
    if not target.handler.catch:
        raise error
    report.error_in_handler(target.handler.id, None)


def log_level(view: Logger, level: Any, message: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """One call of `log(level, ...)`, whose level may be a name or a number."""
    state = view._core.state
    if not state.handlers and not state.provisional and state.words[GENERATION] == state.generation:
        return
    if isinstance(level, str) and level in state.levels:
        if state.levels[level].no >= state.threshold or state.words[GENERATION] != state.generation:
            log(view, state, level, message, args, kwargs, 3)
        return
    if state.words[GENERATION] != state.generation or state.provisional:
        state = view._core.renew()
    found = levels.resolve(state.levels, level)
    if found.no >= state.threshold:
        fully(view, state, found, message, args, kwargs, _getframe(2))


def fully(
    view: Logger,
    state: State,
    level: str | Level,
    message: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    frame: FrameType | None,
    exception: Any = None,
) -> None:
    """Build the record and give it to every handler that wants it."""
    found = state.levels[level] if isinstance(level, str) else level
    site = CallSite(frame)
    now = time()
    shown = RecordLevel(found.name, found.no, found.icon)
    moment = local_time(now)
    text, failure = _message(site, message, args, kwargs)
    extra = {**state.extra, **view._extra, **kwargs}
    if failure is not None:
        extra["mplog_error"] = failure
    triple = exceptions.capture(exception if exception is not None else view._exception)
    record: dict[str, Any] = {
        "elapsed": moment - STARTED,
        "exception": triple,
        "extra": extra,
        "file": RecordFile(site.file_name, site.file_path),
        "function": site.function,
        "level": shown,
        "line": site.line,
        "message": text,
        "module": site.module,
        "name": site.name,
        "process": RecordProcess(process.pid(), process.name()),
        "thread": RecordThread(process.thread_id(), process.thread_name()),
        "time": moment,
    }
    details = Details(found.color, exceptions.describe(triple))
    for handler in state.handlers:
        if found.no < handler.level:
            continue
        try:
            handler.handle(record, details)
        except Exception:
            if not handler.catch:
                raise
            report.error_in_handler(handler.id, record)
    if frame is not None and not kwargs and view._plain and type(message) is str and isinstance(level, str):
        _learn(state, level, found.no, shown, site, message, args, frame)


def strict() -> bool:
    """Whether errors in messages are raised to the caller (MPLOG_STRICT=1)."""
    return os.environ.get("MPLOG_STRICT", "") in ("1", "true", "yes", "on")


def _message(site: CallSite, message: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, str | None]:
    """The message's text, and what went wrong with it. A log call does not raise because of what it was given."""
    try:
        if args or kwargs:
            try:
                return str.__str__(message.format(*args, **kwargs)), None
            except (KeyError, IndexError, AttributeError, ValueError) as error:
                raise ValueError(
                    f"The logging message could not be formatted: {error!r}. Its text is {safe_repr(message, 200)}, "
                    f"with {len(args)} arguments and the keywords {sorted(kwargs)}; double the braces that are literal."
                ) from error
        return str.__str__(str(message)), None
    except Exception as error:
        if strict():
            raise
        report.once(
            f"message {site.file_path}:{site.line}",
            f"{site.file_path}:{site.line}: {error!r}. The record is logged with the text as it was given.",
        )
        # Not isinstance(): that asks the message for its class, which may raise.
        raw = str.__str__(message) if issubclass(type(message), str) else safe_repr(message)
        return f"{raw} {MARK}", repr(error)[:500]


def _learn(
    state: State,
    name: str,
    number: int,
    level: RecordLevel,
    site: CallSite,
    message: str,
    args: tuple[Any, ...],
    frame: FrameType,
) -> None:
    """Remember the call site when every handler that wants its records can take the fast way."""
    key = id(frame.f_code) + frame.f_lasti
    if not state.may_learn(key):
        return
    targets = []
    for handler in state.handlers:
        if number < handler.level:
            continue
        passes = handler.renderer.passes_site(site.name)
        if passes is None:
            return
        if not passes:
            continue
        emit, clock, template = handler.emitter(), handler.clock, handler.renderer.template
        if emit is None or clock is None or template is None:
            return
        line = template.compile_line(site, level, message if args else None, len(args))
        if line is None:
            return
        targets.append(Target(line, clock, emit, handler))
    if not targets:
        return
    assert site.code is not None
    assert site.globals is not None
    state.remember(key, FastSite(site.code, site.globals, name, number, message if args else None, len(args), targets))
