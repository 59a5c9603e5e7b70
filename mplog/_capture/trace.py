"""An exception as plain data: what every handler, in whichever process, renders its traceback from.

`to_data` and `from_data` are its way through a ring. What arrives there is not trusted: it is checked, and bounded.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from mplog._capture.frames import Frame
from mplog._capture.values import Value

WIDEST = 15
"""Exceptions of one group that are shown."""

DEEPEST = 10
"""Groups inside groups that are shown."""

ALONE, CAUSE, CONTEXT = "", "cause", "context"
"""What the exception before this one in its chain is to it."""


class Error(NamedTuple):
    """One exception of a chain."""

    lines: tuple[str, ...]
    """What `traceback.format_exception_only` says."""
    frames: tuple[Frame, ...] = ()
    """From the catching point down to the error."""
    callers: tuple[Frame, ...] = ()
    """Above the catching point, from the outermost; only of the exception that was logged."""
    marked: bool = False
    """Whether the catching point is among the frames, and is marked where its callers are shown."""
    caught_above: bool = False
    """Whether the catching point is the last of `callers`, and not the first of `frames`."""
    follows: str = ALONE
    has_type: bool = True
    is_bare_assertion: bool = False
    group: tuple[tuple[Error, ...], ...] | None = None
    """The chains of a group's exceptions; None when it is no group."""
    more: int = 0
    """Exceptions of the group beyond `WIDEST`."""


class Trace(NamedTuple):
    """A chain of exceptions, causes and contexts first, the logged one last."""

    errors: tuple[Error, ...]

    def to_data(self) -> list[Any]:
        """Lists, strings and numbers, nowhere nested deeper than a frame's values."""
        rows: list[Any] = []
        _put(rows, self.errors, -1, 0)
        return rows

    @classmethod
    def from_data(cls, rows: Any) -> Trace:
        """What `to_data` made.

        Raises:
            ValueError: it cannot have been made by it.
        """
        try:
            return cls(_take(rows))
        except (TypeError, IndexError, AttributeError, OverflowError) as error:
            raise ValueError(f"this is no traceback: {error!r}") from error


def _put(rows: list[Any], chain: tuple[Error, ...], parent: int, slot: int) -> None:
    for error in chain:
        index = len(rows)
        rows.append(
            [
                parent,
                slot,
                error.follows,
                list(error.lines),
                [_frame_data(frame) for frame in error.frames],
                [_frame_data(frame) for frame in error.callers],
                [error.marked, error.caught_above, error.has_type, error.is_bare_assertion, error.group is not None],
                error.more,
            ]
        )
        for number, inner in enumerate(error.group or ()):
            _put(rows, inner, index, number)


def _frame_data(frame: Frame) -> list[Any]:
    values = [part for value in frame.values for part in value]
    return [frame.file, frame.line, frame.function, frame.source, frame.times, values]


class _Row:
    """An error whose group is still growing."""

    __slots__ = ("chains", "depth", "error", "is_group")

    def __init__(self, error: Error, depth: int, *, is_group: bool) -> None:
        self.error = error
        self.depth = depth
        self.is_group = is_group
        self.chains: list[list[_Row]] = []

    def finished(self) -> Error:
        if not self.is_group:
            return self.error
        group = tuple(tuple(row.finished() for row in chain) for chain in self.chains)
        return self.error._replace(group=group)


def _take(data: Any) -> tuple[Error, ...]:
    rows: list[_Row] = []
    top: list[_Row] = []
    for parent, slot, follows, lines, frames, callers, switches, more in _checked(data, list):
        if follows not in (ALONE, CAUSE, CONTEXT):
            raise ValueError(f"no way to follow an exception: {follows!r:.100}")
        marked, caught_above, has_type, is_bare_assertion, is_group = (_checked(switch, bool) for switch in switches)
        error = Error(
            lines=tuple(_checked(line, str) for line in _checked(lines, list)),
            frames=tuple(_frame(frame) for frame in _checked(frames, list)),
            callers=tuple(_frame(frame) for frame in _checked(callers, list)),
            marked=marked,
            caught_above=caught_above,
            follows=follows,
            has_type=has_type,
            is_bare_assertion=is_bare_assertion,
            more=_count(more, 0),
        )
        if _checked(parent, int) == -1:
            row = _Row(error, 0, is_group=is_group)
            top.append(row)
        elif 0 <= parent < len(rows):
            above = rows[parent]
            row = _Row(error, above.depth + 1, is_group=is_group)
            if not above.is_group or row.depth > DEEPEST + 1 or not 0 <= _checked(slot, int) < WIDEST:
                raise ValueError(f"exception {len(rows)} cannot be exception {slot} of exception {parent}")
            if slot == len(above.chains):
                above.chains.append([])
            elif slot != len(above.chains) - 1:
                raise ValueError(f"exception {len(rows)} comes out of order")
            above.chains[slot].append(row)
        else:
            raise ValueError(f"exception {len(rows)} is part of exception {parent}, which is not there")
        rows.append(row)
    return tuple(row.finished() for row in top)


def _frame(data: Any) -> Frame:
    file, line, function, source, times, flat = _checked(data, list)
    for text in (file, function, source):
        _checked(text, str)
    values = []
    for column, text in zip(flat[::2], flat[1::2], strict=True):
        if not 0 <= _checked(column, int) <= len(source):
            raise ValueError(f"column {column!r:.100} in a line of {len(source)}")
        values.append(Value(column, _checked(text, str)))
    return Frame(file, _count(line, 0), function, source, tuple(values), _count(times, 1))


def _checked(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError(f"where {kind.__name__} belongs stands {value!r:.100}")
    return value


def _count(value: Any, least: int) -> int:
    if type(value) is not int or not least <= value < 2**63:
        raise ValueError(f"no number of that kind: {value!r:.100}")
    return value
