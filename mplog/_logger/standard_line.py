"""Standard records whose lines can be compiled: one look-up, one f-string, one delivery, as for mplog's own calls.

What a compiled line shows of a record is its time, level, name, place and message. All else, and all that is out of
the ordinary, is for the full way, to which this module leaves the record untouched.
"""

from __future__ import annotations

import logging
from math import floor
from typing import Any

from mplog._capture import process
from mplog._capture.callsite import MAXIMUM, CallSite
from mplog._logger.call import HALF, LAST_HALF, PRINTABLE
from mplog._logger.state import Kind, State, Target
from mplog._ring.layout import GENERATION, HIGHEST_LEVEL
from mplog._sinks import report
from mplog._sinks.inside import inside

_here = process.here


def log_line(record: logging.LogRecord, view: Any) -> bool:
    """Log *record* with *view*, and return True; or do nothing, and return False.

    Raises what a sink with `catch=False` raises, and nothing else.
    """
    try:
        made = _made(record, view)
    except Exception:  # noqa: BLE001 - records are of anybody's making: the full way can tell what is wrong
        return False
    if made is None:
        return False
    texts, now, number = made
    for target, text in texts:
        try:
            target.emit(text, now, number)
        except Exception as error:
            if not target.handler.catch:
                raise
            report.error_in_handler(target.handler.id, None, error, sink=target.handler.spec.target)
    return True


def _made(record: logging.LogRecord, view: Any) -> tuple[list[tuple[Target, str]], float, int] | None:
    """The lines of *record* for each handler that wants it, its time, and its level's number."""
    if type(record) is not logging.LogRecord or not view._plain or inside.message is not None:
        return None
    state: State = view._core.state
    if state.words[GENERATION] != state.generation or state.silenced is not None or state.patches:
        return None
    fields = record.__dict__
    if fields["exc_info"] or fields["exc_text"] or fields["stack_info"]:
        return None
    text, args, now = fields["msg"], fields["args"], fields["created"]
    if type(text) is not str or type(now) is not float:
        return None
    if args:
        if type(args) is not tuple:
            return None
        for value in args:
            if type(value) is not str and type(value) not in PRINTABLE:
                return None  # Its text runs the program's code, which may fork, log or raise.
        text = text % args
    if not text.isprintable():
        return None
    name, path, function, level = fields["name"], fields["pathname"], fields["funcName"], fields["levelname"]
    line = fields["lineno"]
    if (
        type(name) is not str  # A name of mplog's own is none: such a record came from there.
        or type(path) is not str
        or type(function) is not str
        or type(level) is not str
        or type(line) is not int
    ):
        return None
    key = name, line, path, function, level
    try:
        targets = state.standard[key]
    except KeyError:
        if key not in state.met:
            # What comes once only, such as from a logger of one request, is not worth it, and has perhaps no end.
            if len(state.met) < MAXIMUM:
                state.met.add(key)
            return None
        targets = state.standard[key] = _learned(state, key, fields["filename"], fields["module"])
    if targets is None:
        return None
    if not _here[0]:
        return None
    lines = []
    for target in targets:
        clock = target.clock
        shown = clock.state
        fraction = now - shown[0]
        if not 0.0 <= fraction < LAST_HALF:
            shown = clock.refresh(floor(now + HALF))
            fraction = now - shown[0]
        lines.append((target, target.line(shown[1], int((fraction + HALF) * clock.scale), shown[2], text)))
    return lines, now, min(state.levels[level].no, HIGHEST_LEVEL)


def _learned(state: State, key: Kind, file_name: Any, module: Any) -> tuple[Target, ...] | None:
    """What each handler that wants them does with records of that kind; None where one needs the whole record."""
    name, line, path, function, level = key
    found = state.levels.get(level)
    if found is None or type(file_name) is not str or type(module) is not str:
        return None
    site = CallSite(None)
    site.name, site.line, site.file_path, site.function = name, line, path, function
    site.file_name, site.module = file_name, module
    targets = state.targets(found, site, None, 0)
    return None if targets is None else tuple(targets)
