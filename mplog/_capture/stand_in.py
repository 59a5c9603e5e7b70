"""Exceptions of other processes, of which only the name and the text have travelled.

A sink gets what the annotations of a record promise: a class, and an instance that shows the text. Where a built-in
exception has the name, the class is one of its kind, so that `isinstance` and `issubclass` say what they said there;
nothing else is looked up, imported or called for a name.
"""

from __future__ import annotations

import builtins
import copyreg
import functools
from typing import Any


class _Kind(type):
    """The class of the classes below: two of the same name are one kind, in every process."""

    def __eq__(cls, other: object) -> bool:
        return type(other) is _Kind and cls.__name__ == other.__name__

    def __hash__(cls) -> int:
        return hash(cls.__name__)


class _Shown:
    """What an instance has: the text that its exception had."""

    _text: str

    def __init__(self, text: str = "") -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._text!r})"

    def __eq__(self, other: object) -> bool:
        return type(self) == type(other) and str(self) == str(other)  # noqa: E721 - kinds of one name are equal

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> tuple[Any, ...]:
        return exception, (type(self).__name__, self._text)


@functools.lru_cache(256)
def kind(name: str) -> type[BaseException]:
    """The class of an exception whose class had this *name*."""
    known = getattr(builtins, name, None)
    base = known if isinstance(known, type) and issubclass(known, BaseException) else Exception
    for each in (base, Exception):
        try:
            made: Any = _Kind(name, (_Shown, each), {"__module__": "builtins", "__doc__": None})
            made.__new__(made)
        except (TypeError, ValueError):  # One that is made in a way of its own, as groups are; or no name at all.
            continue
        found: type[BaseException] = made
        return found
    return Exception


def exception(name: str, text: str) -> BaseException:
    """An exception of `kind(name)` that shows *text*."""
    found = kind(name)
    made = found.__new__(found)
    made.__init__(text)  # type: ignore[misc]  # as the class's own call does; its base's may want other arguments
    if isinstance(made, SyntaxError):
        made.msg = text  # What `traceback` shows of one.
    return made


def _reduced(found: _Kind) -> tuple[Any, ...]:
    return kind, (found.__name__,)


# Classes are pickled by where they are found, and these are found nowhere.
copyreg.pickle(_Kind, _reduced)
