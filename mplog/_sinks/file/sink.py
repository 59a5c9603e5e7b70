"""The file sink: direct appends, batches that are appended exactly once, and the end of both."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Sequence

from mplog._ring.clock import monotonic
from mplog._ring.ring import Entry
from mplog._sinks.file import archive, content, renewal, unfinished
from mplog._sinks.file.direct import COMPANY, DirectCalls
from mplog._sinks.file.options import FileOptions
from mplog._sinks.file.progress import Progress
from mplog._sinks.file.slot import Part, Slot
from mplog._sinks.file.use import BATCH_BOUND, DIRECT_BOUND, FileBusy
from mplog._sinks.limit import Limit

ENDING_BOUND = 30.0
"""Seconds that the end of a handler waits for archives in the making."""


class FileSink(DirectCalls):
    """One log file, for the direct calls of this process and for the batches of its writer.

    Safe from any thread. The record of a call that interrupts another use in the same thread (signal handler,
    `__del__`) is written at once, between two steps of that; all else, such as a rotation, and opening the file again,
    is left to the interrupted one. Any number of processes may have the same file.
    """

    def __init__(self, options: FileOptions, handler: int = -1) -> None:
        """Open the file, unless `delay`. Raises OSError as the built-in `open`.

        Args:
            options: what `add()` was told.
            handler: the id under which errors are reported that no caller can be given.
        """
        super().__init__(options, handler)
        self.of_orphan = False
        """Whether it was opened for what an owner does not write any more, so that no handler counts what it writes."""
        if options.delay:
            return
        try:
            self._file.open()
            if self._file.joined:
                self._met = COMPANY  # The first call looks who the others are.
            self._tidy()
        except BaseException:
            self._file.close()
            raise

    @property
    def rotations(self) -> int:
        """How many rotations this process has made."""
        return self._turnover.count

    @property
    def is_open(self) -> bool:
        """Whether the file is open: from `add()` on, or with `delay` from the first record on, until it is left."""
        return self._file.fd >= 0

    @property
    def directory(self) -> str:
        """Where the file is, and what rotations make of it."""
        return os.path.dirname(self._file.real)

    @property
    def shared(self) -> bool:
        """Whether this is a regular file, so that locks and slots make sense."""
        return self._file.shared

    def key(self) -> str:
        """The name under which the sessions that write this file find one another."""
        return self._file.key()

    def make_directory(self) -> None:
        """Make the directory by which sessions find one another, also where the file itself is to come later."""
        os.makedirs(self.options.template.names().directory, exist_ok=True)

    def commit(
        self,
        entries: Sequence[Entry],
        rings: Sequence[bytes],
        starts: Sequence[int],
        slot: Slot,
        progress: Progress,
        last_ends: Sequence[int] | None = None,
        others: Callable[[], list[Part]] | None = None,
        bound: float = BATCH_BOUND,
    ) -> None:
        """Append what *progress* says is left of *entries*, each exactly once whatever dies or raises.

        Args:
            entries: sorted; their `ring` indexes *rings* (keys) and *starts* (positions before this round).
            slot: the session's slot for this file.
            progress: how far this batch has come; brought up to date. An attempt that failed is repeated with the same.
            last_ends: per ring a position that no later record for this file is before, once all *entries* are in it.
            others: where other processes use the slot, too (recovery): how far it says that they have come with their
                rings. Asked before each promise, which repeats it.
            bound: seconds to wait for another thread of this process, and for the lock.

        Raises:
            FileBusy: the lock was not to be had, or a promise about so many rings has no room in its bank until some
                of them are gone. What *progress* has not counted is unwritten.
            OSError: the file cannot be written. What *progress* has not counted is unwritten and cut off again.
        """
        rotated: list[str] = []
        try:

            def append() -> None:
                file = self._file
                if not file.acquire(bound):
                    raise FileBusy("somebody else has its lock")
                try:
                    if file.shared and file.size != file.left and file.ends_torn():
                        content.mend(file, self.settle)
                    self._commits.write(entries, rings, starts, slot, progress, last_ends, others, rotated)
                except OSError as error:
                    self._refused(error)
                    if error.errno == errno.ESTALE:
                        file.close()  # The next attempt opens what the path names then.
                    raise
                finally:
                    progress.look(slot)
                    file.release()

            self._use(append, bound)
        finally:
            # Also where the new file cannot be written: nobody else knows of the old one.
            for trouble in self._finish_rotation(rotated):
                self._report(trouble)
        if self._outage is not None:
            self._say_restored(len(entries))

    def _tidy(self) -> None:
        """Finish what a killed process left half compressed."""
        options = self.options
        if options.compression is not None and self._file.shared:
            for path in unfinished.sweep(self._file.template, options.compression, options.permissions):
                unfinished.archive_left(path, self.archiver.take)

    def finish(self, limit: Limit, archives: float, *, final: bool) -> None:
        """At the end of the process: as `close`, but keep the file open for what is still logged after it.

        Args:
            limit: for everything but archives in progress.
            archives: `monotonic()` until which those are waited for.
            final: nothing follows in a file that compression or retention have now had; else the next record begins
                it anew.
        """
        try:
            if self.options.ends_with_handler:
                self.close(archives, limit, final=final)
                return
            self.archiver.wait(archives)
            if self.options.watch:
                self._in_turn(lambda: self._watch_once_more(limit), None, limit.left())
            if not self._busy:
                with contextlib.suppress(FileBusy):
                    self._use(self._leave_no_lock, limit.left())
        except Exception as error:  # noqa: BLE001 - there is no caller, and other sinks want to be finished, too
            self._report(error)

    def close(self, deadline: float | None = None, limit: Limit | None = None, *, final: bool = True) -> None:
        """Finish archives and close. Without rotation, compression and retention happen now, as documented.

        Raises whatever they raise; the file is closed all the same.

        Args:
            deadline: `monotonic()` until which archives in progress are waited for.
            limit: for the file's lock.
            final: later records vanish; else they open the file again.
        """
        limit = limit or Limit(BATCH_BOUND)
        self.archiver.wait(monotonic() + ENDING_BOUND if deadline is None else deadline)
        self._use(lambda: self._close(limit, final=final))

    def _close(self, limit: Limit, *, final: bool) -> None:
        if self.closed:
            return
        self.closed = final
        self._is_ending = self.options.ends_with_handler
        try:
            self._watch_once_more(limit)
            if self.options.ends_with_handler:
                self._end_file(limit)
        finally:
            self._leave_no_lock()
            self._file.close()
            self._is_ending = False

    def _leave_no_lock(self) -> None:
        if self._file.fd >= 0:
            self._file.lock.tidy()

    def _watch_once_more(self, limit: Limit) -> None:
        if self.options.watch and self._file.fd >= 0:
            self._file.acquire(limit.left(DIRECT_BOUND))
            self._file.release()

    def _end_file(self, limit: Limit) -> None:
        """Compression and retention of a file that no rotation ends: by the last process that has it open."""
        file, options = self._file, self.options
        if file.fd >= 0:
            if not file.shared:
                return
            if not file.acquire(limit.left(BATCH_BOUND)):
                return  # Somebody stopped while holding the lock, so we are not the last.
            try:
                if not file.leave_last():
                    return
                if options.compression is not None and os.path.exists(file.real):
                    archive.archive(file.real, options.compression, options.permissions)
                # Closed before the retention, which spares what anybody has open.
                file.close()
                renewal.retain(file)
            finally:
                file.release()
            return
        renewal.retain(file)

    def leave(self) -> None:
        """Close the descriptor, because another process writes this file from now on, and do nothing else to the file.

        A call of another thread that still comes here opens it again, so that its record is not lost.
        """
        self.archiver.wait(monotonic() + ENDING_BOUND)
        self._use(self._file.close)

    def forget(self) -> None:
        """In a forked child: close the inherited descriptor, and start with fresh locks.

        Close, never unlock: the lock belongs to the open file that is shared with the parent, and a copy that stays
        open would keep the lock alive after the parent's death.
        """
        self._begin_again()
        self._is_ending = self._file.is_to_be_empty = False
        self._commits.promised = None
        self.written = self.failed = self.dropped = self._turnover.count = 0
        self._trouble = self._outage = None
        self._turnover.take_troubles()
        self.archiver.forget()
        self._file.close()
