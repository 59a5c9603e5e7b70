"""Direct calls: one record, in the file when the call returns."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

from mplog._capture.record import Message
from mplog._ring.wire import safe_repr
from mplog._sinks.file import content, renewal
from mplog._sinks.file.archiver import Archiver
from mplog._sinks.file.commit import Commits
from mplog._sinks.file.lock import HOW, give_back
from mplog._sinks.file.log_file import LogFile, write_all
from mplog._sinks.file.options import FileOptions
from mplog._sinks.file.outage import Outage
from mplog._sinks.file.take_back import Found
from mplog._sinks.file.turnover import Turnover
from mplog._sinks.file.use import BATCH_BOUND, DIRECT_BOUND, FileBusy, FileUse
from mplog._sinks.inside import inside

INSIDE_BOUND = 1.0
"""Seconds that a call from inside a sink waits for another thread, which may be waiting for that sink. Then the record
is left to that thread; it is lost if this process dies before."""

COMPANY = 16
"""Direct appends that found something of others behind the last one, before this process looks who they are."""

COMPANY_EVERY = 0.1
"""Seconds between two such looks."""


class DirectCalls(FileUse):
    """The records of this process itself, the rotations that they cause, and what becomes of both."""

    def __init__(self, options: FileOptions, handler: int) -> None:
        super().__init__(options, handler)
        self._rotates = options.rotation is not None
        self._turnover = Turnover(self._file, lambda fd: self.settle(fd))
        self._commits = Commits(self._file, self._turnover, lambda fd: self.settle(fd))
        self.archiver = Archiver(options.compression, self._retain, self._report, options.permissions)
        self.company: Callable[[Any], None] | None = None
        """Called with the sink, after a direct append, when other processes append to the file all the time."""
        self._met = 0
        self._look_at = 0.0
        self.unlocked = 0
        self.written = self.failed = self.dropped = 0
        """What has become of the records of direct calls; what `commit` appends is counted by the writer."""
        self._weight = 1
        """What the record of the direct call in progress counts: 0 where mplog itself has something to say, else 1."""
        self._is_written = False
        """Whether the record of the direct call in progress is in the file."""
        self._is_ending = False
        """Whether the file is just dealt with for good, as the end of the handler says."""
        self.restored: Callable[[str], None] | None = None
        """Called with what there is to say in the log when the file takes records again that it had refused."""
        self._outage: Outage | None = None
        self._trouble: tuple[int, str] | None = None

    @property
    def emitted(self) -> int:
        """Records of direct calls of which it is known what became of them: so the counts agree at any time."""
        return self.written + self.failed + self.dropped

    @property
    def trouble(self) -> str | None:
        """The error of the last direct call, if its record could not be written."""
        trouble = self._trouble
        return trouble[1] if trouble is not None and trouble[0] == self.written else None

    def write(self, data: bytes, wall: float, message: Message | None = None) -> None:
        """Append one finished record at once.

        Args:
            data: the record as bytes.
            wall: its time, seconds since the epoch.
            message: what it was made of; only rotation functions look at it.

        Raises:
            OSError: the file cannot be written; nothing or a part of the record is in it.
            Exception: whatever a user's rotation, compression or retention raised; the record is in the file then.
        """
        wait = -1 if inside.message is None else 0 if self._deferred else INSIDE_BOUND
        try:
            # Inside: a signal handler may raise right after the mutex has been taken.
            if not self._acquire(True, wait):
                self._deferred.append((data, wall, message))
            elif self._busy:
                self._write_between(data, wall, message)
            else:
                self._write_alone(data, wall, message)
        finally:
            # Nothing before this: it might raise. Not ours is a mutex that was refused, or for which this call was
            # interrupted as it waited.
            try:  # noqa: SIM105 - cheaper than a context, on the hot path
                self._release()
            except RuntimeError:
                pass
            if self._deferred:
                # SYNC defer -> release: put there before this look; who had the mutex looks after giving it back.
                self._write_deferred()
        if self._met >= COMPANY:
            self._look_around(wall)

    def _write_alone(self, data: bytes, wall: float, message: Message | None, weight: int = 1) -> None:
        """One record of a direct call, with the mutex held and the file not in use; it counts *weight*."""
        self._busy = True
        self._weight = weight
        self._is_written = False
        try:
            try:
                self._write(data, wall, message)
            except OSError as error:
                if error.errno not in (errno.ESTALE, errno.EBADF) or self._is_written:
                    raise
                # Its server does not know it any more, or another thread has closed it just now: what the path names
                # is opened.
                self._file.close()
                self._write(data, wall, message)
        except BaseException as error:
            self._note(error)
            raise
        finally:
            # In this order, and nothing before it: see _use.
            self._busy = False
            file = self._file
            if file.holds:
                file.holds = False
                give_back(file.lock.fd, HOW)
            if self._reopen_wanted:
                self._catch_up()

    def _write_between(self, data: bytes, wall: float, message: Message | None, weight: int = 1) -> None:
        """One record of a call that interrupts another use of the file in this thread, at once.

        That use has the file's lock by now or does not need it yet, and is not inside of a system call. Where it is
        just opening or rotating the file, its parts are of no use here, and whatever the path names is. What it is just
        going to empty, or to give to a compression at the end of the log, is no place for a record: it comes after it.
        """
        if self.closed:
            self.dropped += weight
            return
        if self._is_ending or self._file.is_to_be_empty:
            self._deferred.append((data, wall, message))
            return
        file, other = self._file, None
        try:
            if not file.is_ready_between():
                other = file = LogFile(self.options)
                file.path = self._file.path
                file.acquire(DIRECT_BOUND)
            if file.is_held_elsewhere:
                self.unlocked += 1
                file.append_unlocked(data)
                self.written += weight
                return
            if file.shared:
                if not file.size:
                    content.mark(file)
                elif file.ends_torn():
                    write_all(file.fd, self.options.text.end)
            size = file.size
            write_all(file.fd, data)
            self.written += weight
            if other is None:
                file.measure()
                if self._commits.promised is not None and size == self._commits.promised[1].offset:
                    self._commits.shift()
        except BaseException:
            self.failed += weight
            raise
        finally:
            if other is not None:
                other.release()
                other.close()

    def _write(self, data: bytes, wall: float, message: Message | None) -> None:
        if self.closed:
            self.dropped += self._weight
            return
        file = self._file
        if not file.acquire(DIRECT_BOUND):
            # Somebody stopped while holding the lock. An append is whole without it, too.
            self.unlocked += 1
            file.append_unlocked(data)
            self._is_written = True
            self.written += self._weight
            return
        rotated: list[str] = []
        try:
            if file.shared and file.size != file.left:
                self._met += 1
                if file.ends_torn():
                    content.mend(file, self.settle)
            if self._rotates:
                before = file.identity
                self._turnover.rotate_for(data, wall, message, rotated)
                if file.identity != before:
                    if file.is_held_elsewhere:
                        self.unlocked += 1
                    elif file.ends_torn():
                        content.mend(file, self.settle)  # Somebody had the new file's lock before us, and died.
            if not file.size and file.shared:
                content.mark(file)
            if file.is_held_elsewhere:
                file.append_unlocked(data)
            else:
                start, end = file.size, file.size + len(data)
                try:
                    write_all(file.fd, data)
                except BaseException as error:
                    if content.undo(file, start, data) is not Found.WHOLE:
                        raise
                    if not isinstance(error, OSError):  # Raised by a signal handler: it ends the call, not the record.
                        self._is_written = True
                        self.written += self._weight
                        raise
                # No call from the append to the counts: none, so that no signal handler raises in between.
                file.left = end
            self._is_written = True
            self.written += self._weight
        except BaseException:
            file.release()
            for trouble in self._finish_rotation(rotated):
                self._report(trouble)
            raise
        file.release()
        if rotated or self._turnover.troubles:
            troubles = self._finish_rotation(rotated)
            for other in troubles[1:]:
                self._report(other)
            if troubles:
                raise troubles[0]

    def write_notice(self, data: bytes, wall: float, message: Message) -> None:
        """As `write`, for what mplog itself has to say: no record of the program, so it is not counted.

        Raises FileBusy, too: it came from inside of a sink, and another thread has the file for too long.
        """

        def uncounted() -> bool:
            write = self._write_between if self._busy else self._write_alone
            write(data, wall, message, 0)
            return True

        if not self._in_turn(uncounted, False, -1 if inside.message is None else INSIDE_BOUND):
            raise FileBusy("another thread uses it")

    def _finish_rotation(self, rotated: list[str]) -> list[Exception]:
        """After the locks are given back: compress what was rotated. What users' functions raised, here and before."""
        troubles = self._turnover.take_troubles()
        for path in rotated:
            try:
                self.archiver.take(path)
            except Exception as error:  # noqa: BLE001 - a user's function, too; the caller reports or raises it
                troubles.append(error)
        return troubles

    def _retain(self) -> None:
        """After a compression: remove what the retention says, agreed with all processes of the file."""
        if self.options.retention is None:
            return
        self._use(self._retain_now)

    def _retain_now(self) -> None:
        locked = self._file.acquire(BATCH_BOUND)
        try:
            if locked:
                renewal.retain(self._file, exclude=self._file.path)
        finally:
            self._file.release()

    def _note(self, error: BaseException) -> None:
        """A direct call fails with *error*, perhaps after its record was written."""
        if self._is_written:
            return
        self.failed += self._weight
        self._trouble = self.written, safe_repr(error, 500)
        if isinstance(error, OSError):
            self._refused(error).lost += self._weight
            self._met = COMPANY  # The next call that succeeds looks around.

    def _refused(self, error: OSError) -> Outage:
        if self._outage is None:
            self._outage = Outage(error)
        return self._outage

    def _say_restored(self, waited: int) -> None:
        """The file takes records again: say so in it, behind the first of them."""
        outage = self._in_turn(self._take_outage, None, 0)
        if outage is None or self.restored is None:
            return
        try:
            self.restored(outage.told(self.path, waited))
        except Exception as error:  # noqa: BLE001 - it refuses again; the records have been written
            self._report(error)

    def _take_outage(self) -> Outage | None:
        outage, self._outage = self._outage, None
        return outage

    def _look_around(self, wall: float) -> None:
        """Say that the file takes records again, and tell of the company, when nobody holds the mutex for this call."""
        if self._busy:
            return  # The next call looks.
        self._met = 0
        if self._outage is not None:
            self._say_restored(0)
            if self._outage is not None:
                self._met = COMPANY  # Somebody had the mutex just then, or it refuses again.
        if self.company is not None and not 0 < self._look_at - wall <= COMPANY_EVERY:
            self._look_at = wall + COMPANY_EVERY
            self.company(self)

    def has_company(self) -> bool:
        """Whether another process has the file open to append to it."""
        return self._file.is_used()
