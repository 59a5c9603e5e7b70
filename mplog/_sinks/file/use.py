"""Whose turn it is at a log file: one use at a time in this process, and what comes in the middle of one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from mplog._capture.record import Message
from mplog._ring.holding import holding
from mplog._sinks import report
from mplog._sinks.file.lock import HOW, give_back
from mplog._sinks.file.log_file import LogFile
from mplog._sinks.file.options import FileOptions

DIRECT_BOUND = 1.0
"""Seconds a direct call waits for the file's lock; then it appends without it, whole but perhaps after the limit."""

BATCH_BOUND = 2.0
"""Seconds the writer waits for the file's lock before it turns to the other sinks and tries again."""

REOPEN_BOUND = 1.0
"""Seconds that `reopen` waits for a write of another thread; that thread opens the file again, then."""

Result = TypeVar("Result")


def _nothing(_fd: int) -> None:
    """There is no session that could have left something."""


class FileBusy(Exception):
    """Somebody held the file's lock for longer than the bound. Nothing was written."""


class FileUse:
    """One log file and the mutex of those who use it in this process.

    Lock order: the mutex (threads of this process), then the file's lock (processes).
    """

    def __init__(self, options: FileOptions, handler: int) -> None:
        """*options* are what `add()` was told; errors that no caller can be given are reported under *handler*."""
        self.options = options
        self._handler = handler
        self._file = LogFile(options)
        self._mutex = threading.RLock()
        self._acquire, self._release = self._mutex.acquire, self._mutex.release
        self._busy = False
        self._reopen_wanted = False
        """Whether the file is to be opened again, as soon as it is not in use."""
        self._deferred: deque[tuple[bytes, float, Message | None]] = deque()
        """What whoever has the file writes when that one is done: records that came from inside of sinks of another
        kind while another thread had it for too long, and in the middle of a use that has no file for them yet."""
        self.closed = False
        self.settle: Callable[[int], None] = _nothing
        """Called with the descriptor, under the file's lock: keeps or takes back what killed sessions promised."""

    def _write_alone(self, data: bytes, wall: float, message: Message | None, weight: int = 1) -> None:
        """One record of a direct call, with the mutex held and the file not in use; it counts *weight*."""
        raise NotImplementedError

    def _begin_again(self) -> None:
        """In a forked child: nobody has the file, and nothing waits for it."""
        self._mutex = threading.RLock()
        self._acquire, self._release = self._mutex.acquire, self._mutex.release
        self._busy = self._reopen_wanted = False
        self._deferred = deque()

    @property
    def path(self) -> str:
        """The path as it is now, or as it was last."""
        return self._file.path

    @property
    def busy_here(self) -> bool:
        """Whether the calling thread is in the middle of a use of the file."""
        return self._busy and bool(self._mutex._is_owned())  # type: ignore[attr-defined]  # as Condition does

    def _use(self, action: Callable[[], Result], bound: float = -1) -> Result:
        """Do *action* with the mutex held; calls that interrupt this thread meanwhile write between two steps of it.

        Raises FileBusy when another thread of this process had it for *bound* seconds.
        """
        try:
            # Inside: a signal handler may raise right after the mutex has been taken.
            if not self._acquire(True, bound):
                raise FileBusy("another thread uses it")
            before, self._busy = self._busy, True
            try:
                return action()
            finally:
                # First this: what interrupts from now on gives the file's lock back by itself.
                self._busy = before
                file = self._file
                if file.holds and not before:
                    file.holds = False
                    give_back(file.lock.fd, HOW)
                if self._reopen_wanted:
                    self._catch_up()
        finally:
            try:  # noqa: SIM105 - nothing before it that might raise
                self._release()
            except RuntimeError:
                pass
            if self._deferred:
                self._write_deferred()

    def _in_turn(self, action: Callable[[], Result], refused: Result, bound: float) -> Result:
        """Do *action* with the mutex held; *refused* when another thread had it for *bound* seconds.

        Unlike in `_use`, calls that interrupt it in this thread find the file in no use.
        """
        try:
            return holding(self._mutex, action, refused, bound)
        finally:
            if self._deferred:
                self._write_deferred()

    def _write_deferred(self) -> None:
        """Write what others have left, unless somebody is busy, who does it then."""
        while holding(self._mutex, self._write_first_deferred, refused=False, timeout=0):
            pass

    def _write_first_deferred(self) -> bool:
        """With the mutex held: the oldest of what others have left; False where somebody else does it."""
        if self._busy or not self._deferred:
            return False
        data, wall, message = self._deferred.popleft()
        try:
            self._write_alone(data, wall, message)
        except Exception as error:  # noqa: BLE001 - of another call than the one that it would be raised in
            self._report(error, data)
        return True

    def locked(self, bound: float, action: Callable[[LogFile], Result]) -> Result:
        """Do *action* with the sink's mutex and the file's lock, and give it the file.

        Raises:
            FileBusy: one of them was not to be had within *bound* seconds. Not the mutex either: a call that interrupts
                a use of it may wait for the takeover that asks.
        """

        def alone() -> Result:
            if not self._file.acquire(bound):
                raise FileBusy("somebody else has its lock")
            return action(self._file)

        return self._use(alone, bound)

    def reopen(self) -> None:
        """Open the file that the path names now, making it if need be, and leave the one that was open.

        Nothing happens where the path still names the open file, and to devices, FIFOs and closed sinks. Where the path
        cannot be opened, the old file stays in use, which is reported. Never raises. Safe from a signal handler: in the
        middle of a write of the same thread it is put off to the end of that write.
        """
        self._reopen_wanted = True
        # SYNC reopen -> _use, write: asked before this look; who has the mutex now looks before it gives it back.
        self._in_turn(self._catch_up, None, REOPEN_BOUND)

    def _catch_up(self) -> None:
        """With the mutex held: open the file again if that was asked for, unless this thread uses it further up."""
        if self._busy:
            return
        self._busy = True
        try:
            while self._reopen_wanted:
                self._reopen_wanted = False
                self._reopen()
        finally:
            self._busy = False
            file = self._file
            if file.holds:
                file.holds = False
                give_back(file.lock.fd, HOW)

    def _reopen(self) -> None:
        file = self._file
        if self.closed or not file.has_moved():
            return
        try:
            if file.shared and file.acquire(DIRECT_BOUND, follow=False):
                try:
                    # No promise about the old file stays open: nobody would look for its bytes there any more.
                    self.settle(file.fd)
                finally:
                    file.release()
            file.reopen()
        except Exception as error:  # noqa: BLE001 - a user's opener, too; there is a file to go on with
            report.once(
                f"reopen {file.path}",
                f"{file.path} could not be opened again ({error!r}); records go on into the file that was open. "
                "Put that right and call reopen() again.",
            )

    def _report(self, error: Exception, data: bytes | None = None) -> None:
        """Say on standard error what no caller can be given. *data*: the record that met it, if it was one."""
        text = None if data is None else repr(data.decode(self.options.text.encoding, "replace"))
        report.error_in_handler(self._handler, text, error, sink=self.path)
