"""How mplog speaks of its own troubles: on standard error, briefly, and never by raising.

The first trouble of a kind is said in full. Those that follow are counted, and their number is said at most once a
minute and at the end of the process: a sink that fails fails for every record.

Log calls come here from threads, signal handlers and `__del__`, and a child may be forked while another thread is
here. So nothing takes a lock: a kind is made by one atomic step of its dictionary, and counted by one of its counter.
Who looks at the time twice at once says a number twice, which is all that can go wrong.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import sys
import traceback
from collections.abc import Callable, Hashable
from types import TracebackType
from typing import Any, NamedTuple

from mplog._capture import process
from mplog._render.escape import one_line
from mplog._render.times import local_time
from mplog._ring.clock import monotonic, wall_time
from mplog._ring.wire import safe_repr
from mplog._sinks.readiness import PIECE, can_block, is_writable

EVERY = 60.0
"""Seconds between two reports of the same kind of trouble."""

AGAIN = 1.0
"""Seconds after which a first report is tried again that standard error did not take."""

KINDS = 200
"""How many kinds are told apart; the others are one more kind, together."""

FORGOTTEN = 3600.0
"""Seconds after which a kind that is not met any more may make room for another."""

LONGEST_RECORD = 10_000
"""Characters that are shown of a record."""

_OTHERS = "others"


class Trouble(NamedTuple):
    """Something that was, or would have been, said."""

    at: float
    """Seconds since the epoch."""
    text: str


class _Kind:
    """One kind of trouble, and how much of it was not said yet."""

    __slots__ = ("at", "counted", "due", "met", "said", "shown", "since", "text")

    def __init__(self, counted: bool) -> None:
        self.counted = counted
        """Whether the end of the process says how many there were."""
        self.at = 0.0
        """When (`monotonic()`) it was met last."""
        self.due = 0.0
        """When (`monotonic()`) something may be said again."""
        self.shown = False
        """Whether it was said in full."""
        self.since = 0.0
        """When (epoch) something was said last."""
        self.text = ""
        """What it was, the last time."""
        self.start()

    def start(self) -> None:
        """Count from the beginning."""
        self.met = itertools.count(1)  # Counting with it is one step, which nothing interrupts.
        self.said = 0

    def unsaid(self) -> int:
        """How many were met and not said; they count as said from now on."""
        number = next(self.met)  # There is no other way to look at a counter; this one was no trouble.
        unsaid, self.said = number - self.said - 1, number
        return unsaid


last: Trouble | None = None
"""The last trouble of this process; a forked child begins with its parent's."""

_said: dict[Hashable, _Kind] = {}
"""A forked child knows what its parent has said, and has its own counts."""

_counted_by = 0
"""The process whose counts they are."""

_look_at = 0.0
"""When (`monotonic()`) it is looked for counts that are due."""


def error_in_handler(
    handler: int, record: dict[str, Any] | str | None, error: BaseException | None = None, *, sink: str = ""
) -> None:
    """Report *error*, or the exception being handled, as the error of *handler*.

    Args:
        handler: the handler's id; -1 where it is a part of mplog that failed, and goes on.
        record: that which met it; its finished text where there is nothing else.
        sink: what the handler writes to; the file's path, if it is one.
    """
    trouble = sys.exc_info()[1] if error is None else error
    shown = safe_repr(trouble, 500)
    who = sink or "a thread of mplog" if handler < 0 else f"handler {handler}" + (f" ({sink})" if sink else "")
    _remember(f"{who}: {shown}")

    def full() -> str:
        return ("" if record is None else f"Record was: {_record(record)}\n") + _failure(trouble)

    key = handler, sink, type(trouble), _place(trouble)
    _meet(key, f"{who} failed with {shown}. {_remedy(handler, trouble, sink)}", full)


def once(kind: str, text: str, *, counted: bool = False) -> None:
    """Say *text*, unless something of this *kind* was said in the last minute. Never waits for a lock.

    Args:
        counted: it is the trouble of a record, so that the end of the process says how many had it.
    """
    _remember(text)
    _meet(kind, text, lambda: "", counted=counted)


def notice(text: str) -> None:
    """Say *text*, which is no trouble: it takes the place of none, nor is it the last one. Whoever calls says it once.

    What standard error does not take now is not said.
    """
    with contextlib.suppress(Exception):
        _say(text)


def end() -> None:
    """At the end of the process: say what was only counted."""
    with contextlib.suppress(Exception):  # The interpreter may be half gone.
        _restart_in_child()
        for kind in list(_said.values()):
            if kind.counted:
                _say_count(kind, kind.unsaid())


def _meet(key: Hashable, text: str, full: Callable[[], str], *, counted: bool = True) -> None:
    """Something of the kind *key* has happened, which *text* says in a line and *full* in as many as it takes."""
    global _look_at
    try:
        _restart_in_child()
        now = monotonic()
        kind = _kind(key, now, counted)
        kind.at, kind.text = now, text
        number = next(kind.met)
        if now < kind.due:
            return
        if kind.shown:
            unsaid, kind.said = number - kind.said, number
            kind.due = now + EVERY
            _say_count(kind, unsaid)
        elif sys.stderr is not None:
            kind.due = now + AGAIN
            before = number - kind.said - 1
            if _say(f"{text} ({before} before it could not be said.)" if before else text, full()):
                kind.due = now + EVERY
                kind.shown, kind.said, kind.since = True, number, wall_time()
        if now >= _look_at:
            _look_at = now + EVERY
            for other in list(_said.values()):
                if other.counted and other.shown and now >= other.due:
                    other.due = now + EVERY
                    _say_count(other, other.unsaid())
    except Exception:  # noqa: BLE001 - a clock that tests replace, say: whoever has a trouble must not get another
        pass


def _kind(key: Hashable, now: float, counted: bool) -> _Kind:
    found = _said.get(key)
    if found is not None:
        return found
    if len(_said) >= KINDS:
        for other, kind in list(_said.items()):
            if now - kind.at > FORGOTTEN:
                if kind.counted:
                    _say_count(kind, kind.unsaid())
                _said.pop(other, None)
    return _said.setdefault(key, _Kind(counted)) if len(_said) < KINDS else _said.setdefault(_OTHERS, _Kind(True))


def _restart_in_child() -> None:
    """Forget the counts of the process that has forked this one; it says them itself."""
    global _counted_by
    if _counted_by != process.pid():
        _counted_by = process.pid()
        for kind in list(_said.values()):
            kind.start()


def _say_count(kind: _Kind, count: int) -> None:
    if count > 0:
        since = f" since {_clock(kind.since)}" if kind.since else ""
        kind.since = wall_time()
        _say(f"{count} more{since}: {kind.text}")


def _clock(moment: float) -> str:
    return f"{local_time(moment):YYYY-MM-DD HH:mm:ss.SSS}"


def _place(error: BaseException | None) -> tuple[str, int] | None:
    """Where *error* was raised; None where that is not known."""
    try:
        trace: TracebackType | None = None if error is None else error.__traceback__
        if trace is None:
            return None
        while trace.tb_next is not None:
            trace = trace.tb_next
        return trace.tb_frame.f_code.co_filename, trace.tb_lineno
    except Exception:  # noqa: BLE001 - the exception is the user's, and so may be this attribute
        return None


def _record(record: dict[str, Any] | str | None) -> str:
    try:
        text = str(record)
    except Exception:  # noqa: BLE001 - the user's objects are in it
        return "/!\\ Unprintable record /!\\"
    left = len(text) - LONGEST_RECORD
    return text if left <= 0 else f"{text[:LONGEST_RECORD]}... <{left} more characters>"


def _failure(error: BaseException | None) -> str:
    try:
        return "" if error is None else "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001 - the exception is the user's, too
        return "/!\\ Unprintable error /!\\\n"


def _remedy(handler: int, error: BaseException | None, sink: str) -> str:
    """What to do now."""
    if handler < 0:
        return "It goes on; please report this fault of mplog with what follows."
    number = _number(error)
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "Make room on that file system; until then what this process logs there is lost."
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "Let this user write there, or log to another place."
    if number in (errno.EMFILE, errno.ENFILE):
        return "Raise the limit of open files (ulimit -n)."
    if number in (errno.EPIPE, errno.EBADF) or (type(error) is ValueError and "closed file" in safe_repr(error)):
        return f"Nobody reads what is written there any more: logger.remove({handler}) ends it."
    if issubclass(type(error), UnicodeError):
        return "Give add() an encoding= that has such characters, or errors='backslashreplace'."
    return "Correct what the traceback names; with catch=False, add() lets the log call raise it."


def _number(error: BaseException | None) -> int | None:
    """The number of an error of the system. `isinstance` would ask the error, which is the user's, for its class."""
    try:
        number: Any = getattr(error, "errno", None) if issubclass(type(error), OSError) else None
    except Exception:  # noqa: BLE001 - a property of the user's
        return None
    return number if type(number) is int else None


def _remember(text: str) -> None:
    global last
    last = Trouble(wall_time(), text)


def _say(text: str, more: str = "") -> bool:
    """Say *text* in a line that begins with time and process, and *more* below it; whether anything was taken."""
    head = f"mplog: {_clock(wall_time())} process {process.pid()} ({process.name()}): {text}"
    lines = (one_line(line) for line in (head, *more.splitlines()))
    return _write(sys.stderr, "\n    ".join(lines) + "\n")


def _write(stream: Any, text: str) -> bool:
    """Write *text* in pieces, as long as nobody has to wait for a reader of standard error."""
    try:
        if not can_block(stream):
            stream.write(text)
            return True
        for start in range(0, len(text), PIECE):
            if not is_writable(stream, 0.0):
                return start > 0
            stream.write(text[start : start + PIECE])
            stream.flush()  # Else a long line gathers in the stream, which gives it on in pieces that have no room.
    except Exception:  # noqa: BLE001 - whatever a user's own stream raises: the writer's thread comes here, too
        return False
    return True
