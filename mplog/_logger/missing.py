"""What to write instead of an attribute that the logger does not have."""

from __future__ import annotations

from collections.abc import Iterable

from mplog._render.nearest import nearest

_STANDARD = {
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


def advice(name: str, methods: Iterable[str]) -> str:
    """The text of the AttributeError for *name*."""
    found = _STANDARD.get(name)
    right = f". {found}." if found else nearest(name, methods).replace(" Did", ". Did", 1)
    return f"the logger has no attribute '{name}'{right}"
