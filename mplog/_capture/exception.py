"""Exceptions: the triple of a call, and what it says as plain data, made in the caller before anything is queued."""

from __future__ import annotations

import builtins
import sys
import traceback
from typing import Any

from mplog._capture.frames import FARTHEST, Frame, Place, above, as_data, of_traceback, own_limit
from mplog._capture.record import RecordException, WithoutCallers
from mplog._capture.trace import ALONE, CAUSE, CONTEXT, DEEPEST, WIDEST, Error, Trace
from mplog._ring.wire import class_name, safe_repr

LONGEST = 100_000
"""Characters of what one exception says."""

LONGEST_CHAIN = 200
"""Causes and contexts of one exception; of a longer chain the middle is left out."""

MOST = 1000
"""Exceptions of one record, those in groups included."""

MOST_FRAMES = 8000
"""Frames of one record; further exceptions of it are shown without theirs."""

_MOST_WALKED = 200_000
"""Frames of one record that are looked at, those included that are only counted as equal to the ones before."""

_FARTHEST = 1000
"""Exceptions that are looked at along one chain."""


def capture(option: Any) -> RecordException | None:
    """The exception that a call means by *option*: an exception, a triple, or anything true for the current one.

    Never raises: a tuple that is no triple counts as something true.
    """
    if option is None or option is False:
        return None
    if isinstance(option, BaseException):
        return RecordException(type(option), option, _attribute(option, "__traceback__"))
    if isinstance(option, tuple) and len(option) == 3:
        return option if type(option) is WithoutCallers else RecordException(*option)
    try:
        if not option:
            return None
    except Exception:  # noqa: BLE001 - who cannot say that it is false is true
        pass
    return RecordException(*sys.exc_info())


def describe(exception: Any, *, values: bool = False, decorated: bool = False, bare: bool = False) -> Trace | None:
    """The exception as plain data, or None without one. Frames of mplog itself are left out.

    Raises nothing, whatever the exception is; only what ends a program (KeyboardInterrupt, SystemExit) passes through,
    for a signal may come while some `__repr__` runs.

    Args:
        exception: a triple (type, value, traceback).
        values: whether some handler shows the values of variables; they are looked at only then.
        decorated: whether the error was caught by a decorator, so that the caller of the decorated function is where
            it was caught.
        bare: name its type alone, for which nothing of the program's is run: what it says logs exceptions itself.
    """
    if exception is None:
        return None
    try:
        kind, value, trace = exception
    except Exception:  # noqa: BLE001 - a patcher may have put anything here
        return Trace((Error((f"{safe_repr(exception, LONGEST)}\n",), has_type=False),))
    if bare:
        return Trace((Error((f"{_name_of(kind)}: <not shown: it was logged while others were being shown>\n",)),))
    try:
        logged = type(exception) is not WithoutCallers
        return Trace(_Describing(values=values).chain(kind, value, trace, logged=logged, decorated=decorated))
    except Exception as error:  # noqa: BLE001 - RecursionError near the limit, or an exception worse than foreseen
        return Trace((Error((_unprintable(kind, error),)),))


class _Describing:
    """The making of one trace: what has been shown, and how much may still be."""

    def __init__(self, *, values: bool) -> None:
        self._values = values
        self._limit = own_limit()
        self._seen: set[int] = set()
        self._left = MOST
        self._frames_left = MOST_FRAMES
        self._walk_left = _MOST_WALKED
        # Exceptions made while they are asked for must live as long as their identities are remembered.
        self._alive: list[Any] = []

    def chain(
        self, kind: Any, value: Any, trace: Any, *, logged: bool = False, decorated: bool = False, depth: int = 0
    ) -> tuple[Error, ...]:
        """The exception with its causes and contexts, in the order in which they are shown."""
        links = self._links(value)
        left_out = 0
        if len(links) > LONGEST_CHAIN:
            half = LONGEST_CHAIN // 2
            left_out = len(links) - 2 * half
            links = links[:half] + links[-half:]
        errors: list[Error] = []
        for number, (cause, follows) in enumerate(reversed(links)):
            if left_out and number == LONGEST_CHAIN // 2:
                errors.append(_left_out(left_out, follows))
            if cause is value:
                errors.append(self._error(kind, value, trace, follows, depth, logged=logged, decorated=decorated))
            else:
                errors.append(self._error(type(cause), cause, _attribute(cause, "__traceback__"), follows, depth))
        return tuple(errors)

    def _links(self, value: Any) -> list[tuple[Any, str]]:
        """*value* and what led to it, the last first; each with what the one before it is to it."""
        links: list[tuple[Any, str]] = []
        for _ in range(_FARTHEST):
            self._seen.add(id(value))
            self._alive.append(value)
            cause = self._unseen(_attribute(value, "__cause__"))
            context = self._unseen(_attribute(value, "__context__"))
            if cause is not None:
                links.append((value, CAUSE))
                value = cause
            elif context is not None and not _attribute(value, "__suppress_context__"):
                links.append((value, CONTEXT))
                value = context
            else:
                links.append((value, ALONE))
                return links
        return [*links, (value, ALONE)]

    def _unseen(self, value: Any) -> BaseException | None:
        return value if isinstance(value, BaseException) and id(value) not in self._seen else None

    def _error(
        self,
        kind: Any,
        value: Any,
        trace: Any,
        follows: str,
        depth: int,
        *,
        logged: bool = False,
        decorated: bool = False,
    ) -> Error:
        self._left -= 1
        lines = _lines(kind, value)
        frames, callers, whole = self._frames(trace, logged=logged, decorated=decorated)
        group, more = self._group(value, depth)
        return Error(
            lines=lines,
            frames=frames,
            callers=callers,
            marked=logged and whole,
            caught_above=decorated,
            follows=follows,
            is_bare_assertion=_is_bare_assertion(kind, value),
            group=group,
            more=more,
        )

    def _frames(
        self, trace: Any, *, logged: bool, decorated: bool
    ) -> tuple[tuple[Frame, ...], tuple[Frame, ...], bool]:
        """The frames of *trace*, for the exception that is logged those above it, and whether *trace* is whole.

        There are as many as Python may show.
        """
        if self._frames_left <= 0 or self._walk_left <= 0 or trace is None:
            return (), (), False
        all_places = of_traceback(trace, min(FARTHEST, self._walk_left))
        self._walk_left -= len(all_places)
        places = self._last(all_places, self._limit)
        callers: list[Place] = []
        if logged:
            callers = self._last(above(trace), None if self._limit is None else self._limit - len(places))
        # The catching point is an entry of its own, for it may be shown alone, or marked.
        data = self._data(places[:1]) + self._data(places[1:])
        upper = self._data(callers[:-1]) + self._data(callers[-1:]) if decorated else self._data(callers)
        self._frames_left -= len(data) + len(upper)
        return data, upper, len(places) == len(all_places)

    def _data(self, places: list[Place]) -> tuple[Frame, ...]:
        return as_data(places, values=self._values)

    @staticmethod
    def _last(places: list[Place], limit: int | None) -> list[Place]:
        return places if limit is None else places[-limit:] if limit > 0 else []

    def _group(self, value: Any, depth: int) -> tuple[tuple[tuple[Error, ...], ...] | None, int]:
        """The chains of a group's exceptions, and how many there are beyond those; None for what is no group."""
        if not _is_group(value):
            return None, 0
        inner = _attribute(value, "exceptions")
        if not isinstance(inner, (tuple, list)) or depth > DEEPEST:
            return None if inner is None else (), 0
        chains: list[tuple[Error, ...]] = []
        for exception in inner[:WIDEST]:
            if self._left <= 0:
                chains.append((_left_out(1, ALONE),))
            else:
                trace = _attribute(exception, "__traceback__")
                chains.append(self.chain(type(exception), exception, trace, depth=depth + 1))
        return tuple(chains), max(0, len(inner) - WIDEST)


def _left_out(number: int, follows: str) -> Error:
    return Error(
        (f"... <{number} more exception{'s' if number > 1 else ''} left out>\n",), follows=follows, has_type=False
    )


def _attribute(value: Any, name: str) -> Any:
    try:
        return getattr(value, name, None)
    except Exception:  # noqa: BLE001 - a property of the user's
        return None


def _lines(kind: Any, value: Any) -> tuple[str, ...]:
    """What Python says about the exception without its traceback, cut at `LONGEST` characters."""
    try:
        said = _said(kind, value)
    except Exception as error:  # noqa: BLE001 - hostile __str__, __notes__ ...: the record must arrive
        if traceback.format_exception_only is not _FORMAT:
            return (_unprintable(kind, error),)
        try:
            said = [f"{type(value).__qualname__}: {value}\n"]
        except Exception:  # noqa: BLE001 - its text is hostile, too: the record must arrive
            return (_unprintable(kind, error),)
    left = LONGEST
    lines: list[str] = []
    for line in said:
        if len(line) > left:
            lines.append(f"{line[:left]}... <{sum(map(len, said)) - LONGEST} more characters>\n")
            break
        lines.append(line)
        left -= len(line)
    return tuple(lines)


def _said(kind: Any, value: Any) -> list[str]:
    """As `traceback.format_exception_only`, which looks at all that the exception leads to, each time and unbounded."""
    if traceback.format_exception_only is not _FORMAT:  # A program has put its own there.
        return [str.__str__(line) for line in traceback.format_exception_only(kind, value)]
    if _LOOKS_ALONE:
        return [str.__str__(line) for line in _alone(value).format_exception_only()]
    if not isinstance(value, BaseException) or value.__cause__ or value.__context__ or _is_group(value):
        raise TypeError("it leads to others")
    return [str.__str__(line) for line in _FORMAT(kind, value)]


def _alone(value: Any) -> traceback.TracebackException:
    made = traceback.TracebackException(type(value), value, None, _seen=set())
    # Python 3.13 asks for it, and has it only of exceptions that are met for the first time.
    made.exceptions = None  # type: ignore[attr-defined]  # since Python 3.11
    return made


def _looks_alone() -> bool:
    """Whether an exception is looked at alone that is said to have been met already; no documentation promises it."""
    error = ValueError("probe")
    error.__cause__ = KeyError("cause")
    try:
        made = _alone(error)
        said = list(made.format_exception_only())
        return said == ["ValueError: probe\n"] and getattr(made, "__cause__", None) is None
    except Exception:  # noqa: BLE001 - some other Python
        return False


_FORMAT = traceback.format_exception_only
_LOOKS_ALONE = _looks_alone()


def _unprintable(kind: Any, error: Exception) -> str:
    return f"{_name_of(kind)}: <unprintable exception: {class_name(error)} while formatting it>\n"


def _name_of(kind: Any) -> str:
    name = _attribute(kind, "__name__")
    return name if isinstance(name, str) else class_name(kind)


def _is_bare_assertion(kind: Any, value: Any) -> bool:
    try:
        return issubclass(kind, AssertionError) and not str(value)
    except Exception:  # noqa: BLE001 - no class, or a hostile __str__
        return False


def _is_group(value: Any) -> bool:
    kind = getattr(builtins, "ExceptionGroup", None)
    if kind is None:  # Python 3.10, where a package of that name may bring it.
        kind = getattr(sys.modules.get("exceptiongroup"), "ExceptionGroup", None)
    return kind is not None and isinstance(value, kind)
