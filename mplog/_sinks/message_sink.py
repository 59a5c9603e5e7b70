"""Sinks that take one message at a time and promise nothing when their process dies: all kinds but files."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from mplog._capture.record import Message
from mplog._ring.clock import monotonic
from mplog._ring.holding import holding
from mplog._ring.wire import safe_repr
from mplog._sinks import report
from mplog._sinks.inside import inside

PATIENCE = 5.0
"""Seconds that the end of the program waits for the message in progress, at most; a sink may hang for ever."""


Result = TypeVar("Result")


class Unfinished(Protocol):
    """Something that goes on in an event loop after the log call, for `await complete()` to wait for."""

    async def wait(self, timeout: float | None) -> bool:
        """Wait, in the loop that asks; at once where it belongs to another loop. False when time was up.

        Raises:
            Exception: what the user's own `complete()` raises; errors of tasks are not raised here.
        """


class MessageSink:
    """The mutex that serialises the messages of one handler; what is done with one is up to the kind of sink.

    Safe from any thread. A message logged from inside the target by the same thread is handed over after the one in
    progress, so that a sink may log; a sink that answers each message with another one is cut off at DEPTH. Where a
    signal handler logs while the thread is in this sink and not in its target, or that can take it all the same (see
    `_take_between`), its message is handed over at once. From inside another sink nothing waits for this one: whoever
    is busy with it hands the message over afterwards.
    """

    DEPTH = 100

    end_of_line = "\n"
    """What a message to this sink ends with."""

    def __init__(self, target: Any, *, number: int = -1, catch: bool = True) -> None:
        """*number* and *catch* are those of the handler, for errors that no call can be given."""
        self.target = target
        self.number = number
        self.catch = catch
        self._mutex = threading.RLock()
        self._busy = False
        self._nested: deque[Message] = deque()
        self._deferred: deque[Message] = deque()
        """What came from inside other sinks while another thread was busy with this one."""
        self._in_pieces = False
        """Whether a message is under way of which the target has a part."""
        self._stop_wanted = False
        self.closed = False
        self.cut_off = 0
        self.written = self.failed = self.dropped = 0
        """What has become of the messages of direct calls; what comes from an outlet is counted there."""
        self.lost = 0
        """Messages of both ways for which there was no target, such as a closed event loop; no error is raised."""
        self._trouble: tuple[int, str] | None = None

    # What a kind of sink defines

    def _hand_over(self, message: Message) -> None:
        """Give *message* to the target, whose errors pass through."""
        raise NotImplementedError

    def _stop(self) -> None:
        """Tell the target that nothing follows; its errors pass through."""

    def another(self, target: Any) -> MessageSink:
        """A sink as this one is, for *target*; what this one is doing stays here."""
        return type(self)(target, number=self.number, catch=self.catch)

    @property
    def stops(self) -> bool:
        """Whether the target wants to be told about the end of the program."""
        return False

    def unfinished(self) -> list[Unfinished]:
        """What `await complete()` has to wait for, as of now."""
        return []

    def _take_between(self, message: Message) -> bool:
        """Give *message* to the target, in which this thread may be just now; whether that has taken it."""
        return False

    # What all have in common

    @property
    def shown(self) -> str:
        """How a report names the target. Never raises."""
        for name in ("name", "__name__"):
            with contextlib.suppress(Exception):  # The user's object is asked.
                found = getattr(self.target, name, None)
                if isinstance(found, str) and found:
                    return found
        return safe_repr(self.target, 200)

    @property
    def emitted(self) -> int:
        """Messages of direct calls: those of which it is known what became of them, and those that wait."""
        return self.written + self.failed + self.dropped + len(self._nested) + len(self._deferred)

    def write(self, message: Message, *, direct: bool = True) -> None:
        """Hand *message* over. Whatever the target raises passes through; the sink stays usable.

        Args:
            direct: it comes from a log call of this process, and is counted here.
        """
        waits = not direct or inside.message is None
        wait = -1 if waits else 0
        try:
            refused = self._deferred and not waits
            # The mutex of now: a target that forks comes back in a child, too, where the sink has another one.
            if refused or not holding(self._mutex, lambda: self._accept(message, direct), False, wait):
                self._deferred.append(message)
        finally:
            if self._deferred:
                # SYNC defer -> release: put there before this look; who had the mutex looks after giving it back.
                self._deliver_deferred()
        if self._stop_wanted:
            self._in_turn(self._stop_if_wanted, None)

    def _accept(self, message: Message, direct: bool) -> bool:
        """One message, with the mutex held."""
        if self._busy:
            self._accept_between(message, direct)
            return True
        if self.closed:
            self.dropped += direct
            return True
        self._busy = True
        before, inside.message = inside.message, message
        try:
            self._hand_over_all(message, direct)
        finally:
            inside.message = before
            self._busy = False
        return True

    def _accept_between(self, message: Message, direct: bool) -> None:
        """One message that was logged while this thread is in this sink already."""
        try:
            taken = not self.closed and self._take_between(message)
        except BaseException:
            self.failed += direct
            raise
        if taken:
            self.written += direct
        elif len(self._nested) < self.DEPTH:
            self._nested.append(message)
        else:
            self.cut_off += 1
            self.dropped += direct

    def _in_turn(self, action: Callable[[], Result], refused: Result, timeout: float = -1) -> Result:
        """Do *action* with the mutex held; *refused* when another thread had it for *timeout* seconds."""
        try:
            return holding(self._mutex, action, refused, timeout)
        finally:
            if self._deferred:
                self._deliver_deferred()

    def _deliver_deferred(self) -> None:
        """Hand over what others have left, unless somebody is busy, who does it then."""
        while holding(self._mutex, self._deliver_first, refused=False, timeout=0):
            pass

    def _deliver_first(self) -> bool:
        """With the mutex held: the oldest of what others have left; False where somebody else does it."""
        if self._busy or self._in_pieces or not self._deferred:
            return False
        message = self._deferred.popleft()
        try:
            self._accept(message, direct=True)
        except Exception:  # noqa: BLE001 - of another call than the one that it would be raised in
            report.error_in_handler(self.number, getattr(message, "record", str(message)), sink=self.shown)
        return True

    def _hand_over_all(self, own: Message, direct: bool) -> None:
        """Hand over *own*, then what was logged from inside meanwhile. The first error of a call's own is raised."""
        failure: Exception | None = None
        message = own
        if self._nested:
            # Left there by a KeyboardInterrupt or the like. It is older.
            self._nested.append(own)
            inside.message = message = self._nested.popleft()
        for _ in range(self.DEPTH + 1):
            counts, lost = direct or message is not own, self.lost
            try:
                self._hand_over(message)
                if self.lost == lost:
                    self.written += counts
                else:
                    self.dropped += counts
            except Exception as error:  # noqa: BLE001 - raised below, or reported with its own record
                self.failed += counts
                self._trouble = self.written, safe_repr(error, 500)
                if message is own or not self.catch:
                    failure = failure or error
                else:
                    report.error_in_handler(self.number, getattr(message, "record", str(message)), sink=self.shown)
            except BaseException:  # KeyboardInterrupt and the like: what is nested waits for the next call.
                self.failed += counts
                raise
            if self.closed:
                self.dropped += len(self._nested)
                self._nested.clear()
            if not self._nested:
                break
            inside.message = message = self._nested.popleft()
        else:
            self.cut_off += 1 + len(self._nested)
            self.dropped += 1 + len(self._nested)
            self._nested.clear()
        if self.cut_off:
            self._say_cut_off()
        if failure is not None:
            raise failure

    def _say_cut_off(self) -> None:
        report.once(
            f"cut off {id(self)}",
            f"the sink {self.target!r} logs to itself while it is written to; after {self.DEPTH} such records "
            f"{self.cut_off} were dropped. Let it log to other handlers only, with a filter.",
        )
        self.cut_off = 0

    def write_patiently(self, message: Message, give_up: Callable[[], bool]) -> bool:
        """As `write`, in the thread of an outlet: without ever waiting where nobody could end it.

        A thread that hangs could not be ended before a fork or at the end of the interpreter. Returns False, with an
        unknown part written, when *give_up* said so.
        """
        self.write(message, direct=False)
        return True

    def close(self, deadline: float | None = None, *, patient: bool = False) -> None:
        """Stop: later messages vanish. Errors of the target's own stop pass through.

        Called from inside the sink, or when the message in progress takes longer than until *deadline* (by
        `monotonic()`): the target is stopped when that message is done, by the thread that wrote it.

        Args:
            patient: wait for the message in progress, however long it takes.
        """
        patience = 2.0 if deadline is None else min(PATIENCE, deadline - monotonic())
        if not self._in_turn(self._close_now, False, -1 if patient else max(0.0, patience)):
            self._stop_wanted = True
            self.closed = True
            # SYNC close -> write: the flag is set before this look, and `write` looks at it after its release.
            self._in_turn(self._close_now, False, 0)

    def _close_now(self) -> bool:
        if self._busy:
            self._stop_wanted = True
            self.closed = True
        elif not self.closed or self._stop_wanted:
            self._stop_wanted = False
            self.closed = True
            self._stop()
        return True

    @property
    def is_in_this_thread(self) -> bool:
        """Whether the calling thread is inside of this sink."""
        return bool(self._mutex._is_owned())  # type: ignore[attr-defined]  # as threading.Condition does

    def _stop_if_wanted(self) -> None:
        if self._stop_wanted and not self._busy:
            self._stop_wanted = False
            self._stop()

    @property
    def trouble(self) -> str | None:
        """The error of the last direct call, if its message was not taken."""
        trouble = self._trouble
        return trouble[1] if trouble is not None and trouble[0] == self.written else None

    def forget(self) -> None:
        """In a forked child: fresh locks, for a thread of the parent may have held them."""
        self.written = self.failed = self.dropped = self.lost = 0
        self._trouble = None
        self._mutex = threading.RLock()
        self._busy = self._in_pieces = False
        self._nested, self._deferred = deque(), deque()
