"""The way of one log call: gate, capture, render, deliver. This is the hot path.

A call site that has run once under a configuration is remembered with one compiled line per handler; then a call is
a few look-ups, one f-string and one delivery. Whatever is out of the ordinary goes `fully`, where a record is built.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from math import floor
from types import FrameType
from typing import TYPE_CHECKING, Any

from mplog._capture import exception as exceptions
from mplog._capture import process
from mplog._capture.callsite import CallSite
from mplog._capture.details import Details
from mplog._capture.record import RecordException, RecordFile, RecordLevel, RecordProcess, RecordThread
from mplog._logger import context, habits, levels
from mplog._logger import message as messages
from mplog._logger.levels import Level
from mplog._logger.nesting import WITH_EXCEPTIONS, making
from mplog._logger.state import FastSite, State, Target
from mplog._logger.views import Options
from mplog._render.escape import needs_care
from mplog._render.times import local_time
from mplog._ring.clock import shown as shown_time
from mplog._ring.clock import wall_time
from mplog._ring.layout import GENERATION
from mplog._ring.wire import safe_repr
from mplog._session import fork
from mplog._sinks import report

if TYPE_CHECKING:
    from mplog._logger.logger import Logger

_getframe = sys._getframe
_here = process.here
STARTED = local_time(wall_time())
"""When mplog was imported in this process; a forked child keeps its parent's. `elapsed` counts from here."""

HALF = 0.5e-6
"""Half a microsecond: a record's time is rounded to microseconds, so its text must be, too."""
LAST_HALF = 1.0 - HALF


PRINTABLE = frozenset((int, float, bool, type(None)))
"""Types whose text has no character that would need escaping, whatever the format specification."""


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
    if state.words[GENERATION] != state.generation:
        state = view._core.following.renew()
        if state.levels[name].no < state.threshold:
            return
    try:
        frame = _getframe(depth)
    except Exception:  # noqa: BLE001 - nobody of Python's is above: a callback of C, `atexit.register(logger.info, ...)`
        fully(view, state, name, message, args, kwargs, None)
        return
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
        or (
            (message is not site.message and (type(message) is not str or message != site.message))
            if args
            else type(message) is not str
        )
    ):
        fully(view, state, name, message, args, kwargs, frame)
        return
    clock = site.clock
    shown = clock.state
    odd = False
    try:
        now = time.time()
        if type(now) is not float:
            raise TypeError("no clock")  # A double of a program's tests.
        fraction = now - shown[0]
        if not 0.0 <= fraction < LAST_HALF:
            shown = clock.refresh(floor(now + HALF))
            fraction = now - shown[0]
        if args:
            for value in args:
                if type(value) in PRINTABLE or (type(value) is str and value.isprintable()):
                    continue
                odd = True
                break
            if odd:
                text = _line_of_odd(site, shown, fraction, args)
            else:
                text = site.line(shown[1], int((fraction + HALF) * site.scale), shown[2], args)
        else:
            text = site.line(shown[1], int((fraction + HALF) * site.scale), shown[2], message)
            if not message.isprintable():
                raise ValueError("needs escaping")
        others = [_text_for(other, now, args or message, odd) for other in site.others] if site.others else None
    except Exception:  # noqa: BLE001 - a user's __format__, a clock that is none, text that needs care: the full way's
        fully(view, state, name, message, args, kwargs, frame)
        return
    if not _here[0]:  # A child that was forked without hooks, perhaps by a value's `__format__` just now.
        fully(view, state, name, message, args, kwargs, frame)
        return
    try:
        site.emit(text, now, site.number)
    except Exception as error:  # noqa: BLE001 - the sink's: reported, or raised again
        _failed(site.target, error, view, state, name, message, args, frame, now)
    if others is None:
        return
    for other, line in zip(site.others, others):  # noqa: B905 - made from one another
        try:
            other.emit(line, now, site.number)
        except Exception as error:  # noqa: BLE001 - as above
            _failed(other, error, view, state, name, message, args, frame, now)


def _text_for(target: Target, now: float, given: Any, odd: bool) -> str:
    """The line of a further handler. *odd*: some value is of a kind whose text must be looked at."""
    clock = target.clock
    shown = clock.state
    fraction = now - shown[0]
    if not 0.0 <= fraction < LAST_HALF:
        shown = clock.refresh(floor(now + HALF))
        fraction = now - shown[0]
    if odd:
        return _line_of_odd(target, shown, fraction, given)
    return target.line(shown[1], int((fraction + HALF) * clock.scale), shown[2], given)


def _line_of_odd(target: FastSite | Target, shown: tuple[int, str, str], fraction: float, given: Any) -> str:
    """A line with values of any kind, whose text runs the user's code and must be looked at.

    Raises:
        ValueError: only the full way will do: the text needs escaping, or another call is making its record.
        Exception: the user's.
    """
    if making.depth:
        raise ValueError("needs escaping")
    making.depth = 1
    try:
        line = target.line(shown[1], int((fraction + HALF) * target.clock.scale), shown[2], given)
    finally:
        making.depth = 0
    if needs_care(line, target.own):
        raise ValueError("needs escaping")
    return line


def _failed(
    target: Target,
    error: Exception,
    view: Logger,
    state: State,
    name: str,
    message: Any,
    args: tuple[Any, ...],
    frame: FrameType,
    now: float,
) -> None:
    """The sink raised *error*, which is being handled: report it with the record, or let the caller have it."""
    if not target.handler.catch:
        raise error
    record: dict[str, Any] | None
    try:
        record = _new_record(view, state, state.levels[name], CallSite(frame), now, None)
        record["message"] = str(message.format(*args) if args else message)
    except Exception:  # noqa: BLE001 - a user's __format__, which did well a moment ago
        record = None
    report.error_in_handler(target.handler.id, record, error, sink=target.handler.spec.target)


def log_level(view: Logger, level: Any, message: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """One call of `log(level, ...)`, whose level may be a name or a number."""
    state = view._core.state
    if not state.handlers and not state.provisional and state.words[GENERATION] == state.generation:
        return
    level = levels.exact(level)
    if type(level) is str and level in state.levels:
        if state.levels[level].no >= state.threshold or state.words[GENERATION] != state.generation:
            log(view, state, level, message, args, kwargs, 3)
        return
    if state.words[GENERATION] != state.generation or state.provisional:
        state = view._core.following.renew()
    found = levels.resolve(state.levels, level)
    if found.no >= state.threshold:
        fully(view, state, found, message, args, kwargs, caller(2))


def caller(depth: int) -> FrameType | None:
    """The frame *depth* above that of the function which asks; None where there is none."""
    try:
        return _getframe(depth + 1)
    except Exception:  # noqa: BLE001 - ValueError, or what an audit hook of the program raises
        return None


def caught(
    view: Logger, level: Any, message: Any, frame: FrameType | None, triple: RecordException, *, decorated: bool
) -> None:
    """Log what a `catch()` has caught. The level is looked at when some handler may want it."""
    state = view._core.state
    if state.words[GENERATION] != state.generation or state.provisional:
        state = view._core.following.renew()
    if not state.handlers:
        return
    found = levels.resolve(state.levels, level)
    if found.no >= state.threshold:
        options = view._options._replace(exception=triple, record=True)
        fully(view, state, found, message, (), {}, frame, options, decorated=decorated)


def fully(
    view: Logger,
    state: State,
    level: str | Level,
    message: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    frame: FrameType | None,
    options: Options | None = None,
    *,
    decorated: bool = False,
) -> None:
    """Build the record and give it to every handler that wants it.

    Args:
        frame: that of the caller; the option `depth` counts from it.
        options: instead of the view's own.
        decorated: whether the exception was caught by a decorator, whose caller *frame* is.
    """
    if not _here[0]:
        again = partial(fully, view, state, level, message, args, kwargs, frame, options, decorated=decorated)
        if not fork.arrive(again):
            return
        state = view._core.state
    own = options is None
    if options is None:
        options = view._options
    if options.depth:
        frame = _above(frame, options.depth)
    if state.silenced is not None and not state.allows(frame):
        return
    found = state.levels[level] if isinstance(level, str) else level
    now, clock_error = shown_time()
    triple = _triple(state, options.exception)
    depth = making.depth
    if depth and not making.may():
        _cut_off(state, found, frame)
        return
    site = CallSite(frame)
    record = _new_record(view, state, found, site, now, triple)
    shown = record["level"]
    if (args and type(message) is str and "%" in message) or (kwargs and not habits.KEYWORDS.isdisjoint(kwargs)):
        habits.look(site, found.name, message, args, kwargs, has_exception=triple is not None)
    making.depth = depth + 1
    try:
        colored = messages.compose(state, options, site, message, args, kwargs, record)
        if clock_error is not None:
            messages.mark_clock(site, record, clock_error)
            colored = None
        if view._patchers or state.settings.patcher is not None:
            text = record["message"]
            messages.patched(state, site, record, view._patchers)
            patched = record.get("message")
            if type(patched) is not str or patched != text:
                colored = None
            triple = record.get("exception")
        trace = None
        if triple is not None:
            # No values of an exception that is logged while values are shown: showing them may log it again.
            trace = exceptions.describe(
                triple,
                values=state.shows_values and not depth,
                decorated=decorated,
                bare=depth >= WITH_EXCEPTIONS,
            )
        details = Details(
            found.color,
            trace,
            colored,
            options.raw,
            state.settings.owner_patches,
        )
    finally:
        making.depth = depth
    if not _here[0]:  # The message was made by something that forks.
        fork.arrive()
        state = view._core.state
    for handler in state.handlers:
        try:
            if record["level"].no >= handler.level:
                handler.handle(record, details)
        except Exception:
            if not handler.catch:
                raise
            report.error_in_handler(handler.id, record, sink=handler.spec.target)
    if (
        frame is not None
        and own
        and not kwargs
        and view._plain
        and type(message) is str
        and isinstance(level, str)
        and not state.patches
    ):
        try:
            state.learn(level, found.no, shown, found.color, site, message, args, frame)
        except Exception:  # noqa: BLE001 - no room on the stack, no memory: the record is out, and is all that counts
            return


def _cut_off(state: State, level: Level, frame: FrameType | None) -> None:
    """Count a call that is not made because it is inside of too many."""
    for handler in state.handlers:
        if level.no >= handler.level:
            handler.unmade.add()
    site = CallSite(frame)
    report.once(
        f"nested {site.file_path}:{site.line}",
        f"{site.file_path}:{site.line}: this call is made while other calls make their records, {making.depth} inside "
        "of one another: something that they show logs itself when it is shown. Calls like this one are left out, and "
        "counted as failed. Let __repr__, __str__, patchers, filters and formats not log what calls them.",
    )


def _new_record(
    view: Logger, state: State, level: Level, site: CallSite, now: float, triple: RecordException | None
) -> dict[str, Any]:
    """A record without its message."""
    moment = local_time(now)
    return {
        "elapsed": moment - STARTED,
        "exception": triple,
        "extra": {**state.settings.extra, **context.current(), **view._extra},
        "file": RecordFile(site.file_name, site.file_path),
        "function": site.function,
        "level": RecordLevel(level.name, level.no, level.icon),
        "line": site.line,
        "message": "",
        "module": site.module,
        "name": site.name,
        "process": RecordProcess(process.pid(), process.name()),
        "thread": RecordThread(process.thread_id(), process.thread_name()),
        "time": moment,
    }


def _above(frame: FrameType | None, depth: int) -> FrameType | None:
    for _ in range(depth):
        if frame is None:
            return None
        frame = frame.f_back
    return frame


def _triple(state: State, option: Any) -> RecordException | None:
    """The exception that the option means. What is no exception is reported, outside strict mode."""
    if option is None or option is False:
        return None
    try:
        if isinstance(option, tuple) and option and len(option) != 3:
            raise ValueError(f"The exception is no triple (type, value, traceback), but has {len(option)} parts.")
        return exceptions.capture(option or None if isinstance(option, tuple) else option)
    except Exception as error:
        if messages.strict(state):
            raise
        report.once(
            "exception option",
            f"opt(exception=...) was given {safe_repr(option, 200)}: {error!r}. The record is logged without "
            "an exception. Give an exception, a triple (type, value, traceback), or True for the current one.",
            counted=True,
        )
        return None
