"""What to write instead of an attribute that the logger does not have."""

from __future__ import annotations

from typing import NoReturn

ELSEWHERE = {
    "getLogger": "There is one logger, and it is ready: logger.bind(name=...) gives one with a name of its own",
    "getChild": "There is one logger; logger.bind(name=...) gives one with a name of its own",
    "warn": "Use logger.warning(...)",
    "fatal": "Use logger.critical(...)",
    "setLevel": "A level belongs to a handler: logger.remove() those with another, then logger.add(sink, level=...)",
    "getEffectiveLevel": "A level belongs to a handler: logger.add(sink, level=...)",
    "isEnabledFor": "Use logger.opt(lazy=True) for arguments that are costly to compute",
    "addHandler": "Use logger.add(handler); it takes a logging.Handler, too",
    "removeHandler": "Use logger.remove(id), with the id that add() returned",
    "handlers": "print(logger) shows them; logger.add() and logger.remove() change them",
    "hasHandlers": "print(logger) shows them",
    "addFilter": "Use logger.add(sink, filter=...)",
    "removeFilter": "Use logger.add(sink, filter=...)",
    "basicConfig": "Use logger.add(sink, level=..., format=...), or logger.configure(handlers=[...])",
    "dictConfig": "Use logger.configure(handlers=[...])",
    "propagate": "Handlers get all records; logger.add(sink, filter=...) or logger.disable(name) say which",
    "disabled": "Use logger.disable(name)",
    "flush": "Use logger.complete(), which waits until everything is in its sinks",
    "close": "Use logger.remove(), which writes what is left and closes all sinks",
    "setFormatter": "Use logger.add(sink, format=...)",
    "new": "Use logger.bind(...)",
    "unbind": "A logger with less bound is the one that was there before bind(...)",
    "addLevelName": "Use logger.level(name, no=...)",
    "set_level": "A level belongs to a handler: logger.add(sink, level=...)",
}
"""What other libraries' loggers have."""


class Missing:
    """In the place of such an attribute: to ask for it is an AttributeError as ever, which says what to write instead.

    Not a `__getattr__` of the logger: with one, Python looks up everything else the slow way, and a call that is not
    logged costs twice as much. A misspelt name gets the nearest right one from Python itself, in its tracebacks.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type | None = None) -> NoReturn:
        raise AttributeError(f"the logger has no attribute '{self._name}'. {ELSEWHERE[self._name]}.")


def mark(logger: type) -> None:
    """Let the class *logger* have none of these, with advice."""
    for name in ELSEWHERE:
        setattr(logger, name, Missing(name))
