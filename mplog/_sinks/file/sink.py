"""The file sink: direct appends, and batches that are appended exactly once.

Lock order: the sink's mutex (threads of this process), then the file's lock (processes).
"""

from __future__ import annotations

import dataclasses
import errno
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from mplog._capture.record import Message
from mplog._ring.clock import monotonic
from mplog._ring.holding import holding
from mplog._ring.ring import Entry
from mplog._ring.wire import safe_repr
from mplog._sinks import report
from mplog._sinks.file import compression, phase, renewal
from mplog._sinks.file.archiver import Archiver
from mplog._sinks.file.lock import HOW, give_back
from mplog._sinks.file.log_file import LogFile, write_all
from mplog._sinks.file.options import FileOptions
from mplog._sinks.file.outage import Outage
from mplog._sinks.file.progress import Progress
from mplog._sinks.file.slot import MAXIMUM_RINGS, Part, Promise, Slot
from mplog._sinks.file.take_back import Found, take_back
from mplog._sinks.file.turnover import Turnover
from mplog._sinks.inside import inside
from mplog._sinks.limit import Limit

DIRECT_BOUND = 1.0
"""Seconds a direct call waits for the file's lock; then it appends without it, whole but perhaps after the limit."""

BATCH_BOUND = 2.0
"""Seconds the writer waits for the file's lock before it turns to the other sinks and tries again."""

REOPEN_BOUND = 1.0
"""Seconds that `reopen` waits for a write of another thread; that thread opens the file again, then."""

INSIDE_BOUND = 1.0
"""Seconds that a call from inside a sink waits for another thread, which may be waiting for that sink. Then the record
is left to that thread; it is lost if this process dies before."""

COMPANY = 16
"""Direct appends that found something of others behind the last one, before this process looks who they are."""

COMPANY_EVERY = 0.1
"""Seconds between two such looks."""

ENDING_BOUND = 30.0
"""Seconds that the end of a handler waits for archives in the making."""


Result = TypeVar("Result")


def _nothing(_fd: int) -> None:
    """There is no session that could have left something."""


class FileBusy(Exception):
    """Somebody held the file's lock for longer than the bound. Nothing was written."""


class FileSink:
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
        self.options = options
        self._handler = handler
        self._file = LogFile(options)
        self._mutex = threading.RLock()
        self._acquire, self._release = self._mutex.acquire, self._mutex.release
        self._busy = False
        self._reopen_wanted = False
        """Whether the file is to be opened again, as soon as it is not in use."""
        self._deferred: deque[tuple[bytes, float, Message | None]] = deque()
        """What came from inside sinks of another kind while another thread had the file for too long."""
        self._rotates = options.rotation is not None
        self._turnover = Turnover(self._file, lambda fd: self.settle(fd))
        self.archiver = Archiver(options.compression, self._retain, self._report)
        self.closed = False
        self.settle: Callable[[int], None] = _nothing
        """Called with the descriptor, under the file's lock: keeps or takes back what killed sessions promised."""
        self.company: Callable[[FileSink], None] | None = None
        """Called, after a direct append, when other processes append to the file all the time."""
        self._met = 0
        self._look_at = 0.0
        self.unlocked = 0
        self.written = self.failed = self.dropped = 0
        """What has become of the records of direct calls; what `commit` appends is counted by the writer."""
        self._is_written = False
        """Whether the record of the direct call in progress is in the file."""
        self._promised: tuple[Slot, Promise] | None = None
        """What has been promised, while its bytes are not in the file."""
        self.restored: Callable[[str], None] | None = None
        """Called with what there is to say in the log when the file takes records again that it had refused."""
        self._outage: Outage | None = None
        self.of_orphan = False
        """Whether it was opened for what an owner does not write any more, so that no handler counts what it writes."""
        self._trouble: tuple[int, str] | None = None
        if not options.delay:
            self._file.open()
            if self._file.joined:
                self._met = COMPANY  # The first call looks who the others are.
            self._tidy()

    @property
    def emitted(self) -> int:
        """Records of direct calls of which it is known what became of them: so the counts agree at any time."""
        return self.written + self.failed + self.dropped

    @property
    def rotations(self) -> int:
        """How many rotations this process has made."""
        return self._turnover.count

    @property
    def is_open(self) -> bool:
        """Whether the file has been opened: by `add()`, or with `delay` by the first record."""
        return self._file.fd >= 0

    @property
    def path(self) -> str:
        """The path as it is now, or as it was last."""
        return self._file.path

    @property
    def directory(self) -> str:
        """Where the file is, and what rotations make of it."""
        return os.path.dirname(self._file.real)

    def key(self) -> str:
        """The name under which the sessions that write this file find one another."""
        return self._file.key()

    def make_directory(self) -> None:
        """Make the directory by which sessions find one another, also where the file itself is to come later."""
        os.makedirs(self.options.template.names().directory, exist_ok=True)

    @property
    def shared(self) -> bool:
        """Whether this is a regular file, so that locks and slots make sense."""
        return self._file.shared

    @property
    def busy_here(self) -> bool:
        """Whether the calling thread is in the middle of a use of the file."""
        return self._busy and bool(self._mutex._is_owned())  # type: ignore[attr-defined]  # as Condition does

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
                self._write_between(data)
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

    def _write_alone(self, data: bytes, wall: float, message: Message | None) -> None:
        """One record of a direct call, with the mutex held and the file not in use."""
        self._busy = True
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
                give_back(file.fd, HOW)
            if self._reopen_wanted:
                self._catch_up()

    def _write_between(self, data: bytes) -> None:
        """One record of a call that interrupts another use of the file in this thread, at once.

        That use has the file's lock by now or does not need it yet, and is not inside of a system call. Where it is
        just opening or rotating the file, its parts are of no use here, and whatever the path names is.
        """
        if self.closed:
            self.dropped += 1
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
                self.written += 1
                return
            if file.shared:
                if not file.size:
                    self._mark(file)
                elif file.ends_torn():
                    write_all(file.fd, self.options.text.end)
            size = file.size
            write_all(file.fd, data)
            self.written += 1
            if other is None:
                file.measure()
                if self._promised is not None and size == self._promised[1].offset:
                    self._shift()
        except BaseException:
            self.failed += 1
            raise
        finally:
            if other is not None:
                other.release()
                other.close()

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

    def _look_around(self, wall: float) -> None:
        """Tell of the company, when nobody holds the mutex for this call."""
        self._met = 0
        if self._outage is not None and not self._busy:
            self._say_restored(0)
        if self.company is not None and not self._busy and not 0 < self._look_at - wall <= COMPANY_EVERY:
            self._look_at = wall + COMPANY_EVERY
            self.company(self)

    def has_company(self) -> bool:
        """Whether another process has the file open to append to it."""
        return self._file.is_used()

    def write_notice(self, data: bytes, wall: float, message: Message) -> None:
        """As `write`, for what mplog itself has to say: no record of the program, so it is not counted."""
        with self._mutex:
            before = self.written, self.failed, self.dropped
            try:
                self.write(data, wall, message)
            finally:
                self.written, self.failed, self.dropped = before

    def _write(self, data: bytes, wall: float, message: Message | None) -> None:
        if self.closed:
            self.dropped += 1
            return
        file = self._file
        if not file.acquire(DIRECT_BOUND):
            # Somebody stopped while holding the lock. An append is whole without it, too.
            self.unlocked += 1
            file.append_unlocked(data)
            self._is_written = True
            self.written += 1
            return
        rotated: list[str] = []
        try:
            if file.shared and file.size != file.left:
                self._met += 1
                if file.ends_torn():
                    self._mend()
            if self._rotates:
                before = file.identity
                self._turnover.rotate_for(data, wall, message, rotated)
                if file.identity != before:
                    if file.is_held_elsewhere:
                        self.unlocked += 1
                    elif file.ends_torn():
                        self._mend()  # Somebody had the new file's lock before us, and died.
            if not file.size and file.shared:
                self._mark(file)
            if file.is_held_elsewhere:
                file.append_unlocked(data)
            else:
                start, end = file.size, file.size + len(data)
                try:
                    write_all(file.fd, data)
                except BaseException as error:
                    if self._undo(start, data) is not Found.WHOLE:
                        raise
                    if not isinstance(error, OSError):  # Raised by a signal handler: it ends the call, not the record.
                        self._is_written = True
                        self.written += 1
                        raise
                # No call from the append to the counts: none, so that no signal handler raises in between.
                file.left = end
            self._is_written = True
            self.written += 1
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

    def _note(self, error: BaseException) -> None:
        """A direct call fails with *error*, perhaps after its record was written."""
        if self._is_written:
            return
        self.failed += 1
        self._trouble = self.written, safe_repr(error, 500)
        if isinstance(error, OSError):
            self._refused(error).lost += 1
            self._met = COMPANY  # The next call that succeeds looks around.

    def _refused(self, error: OSError) -> Outage:
        if self._outage is None:
            self._outage = Outage(error)
        return self._outage

    def _say_restored(self, waited: int) -> None:
        """The file takes records again: say so in it, behind the first of them."""
        with self._mutex:
            outage, self._outage = self._outage, None
        if outage is None or self.restored is None:
            return
        try:
            self.restored(outage.told(self.path, waited))
        except Exception as error:  # noqa: BLE001 - it refuses again; the records have been written
            self._report(error)

    @property
    def trouble(self) -> str | None:
        """The error of the last direct call, if its record could not be written."""
        trouble = self._trouble
        return trouble[1] if trouble is not None and trouble[0] == self.written else None

    def _finish_rotation(self, rotated: list[str]) -> list[Exception]:
        """After the locks are given back: compress what was rotated. What users' functions raised, here and before."""
        troubles = self._turnover.take_troubles()
        for path in rotated:
            try:
                self.archiver.take(path)
            except Exception as error:  # noqa: BLE001 - a user's function, too; the caller reports or raises it
                troubles.append(error)
        return troubles

    def _mark(self, file: LogFile) -> None:
        """An empty file gets the mark of its encoding, if it has one, before anything is promised about it."""
        mark = self.options.text.mark
        # A call that interrupts this one sees to it, too: nothing runs between this look and the write.
        if mark and not file.size:
            os.write(file.fd, mark)
            file.size += len(mark)

    def _mend(self) -> None:
        """The file ends in the middle of a line: put right what a killed session began, else end the line."""
        self.settle(self._file.fd)
        self._file.measure()
        if self._file.ends_torn():
            write_all(self._file.fd, self.options.text.end)
            self._file.measure()

    def _use(self, action: Callable[[], Result], bound: float = -1) -> Result:
        """Do *action* with the mutex held; calls that interrupt this thread meanwhile write between two steps of it.

        Raises FileBusy when another thread of this process had it for *bound* seconds.
        """
        try:
            # Inside: as in write.
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
                    give_back(file.fd, HOW)
                if self._reopen_wanted:
                    self._catch_up()
        finally:
            try:  # noqa: SIM105 - nothing before it, as in write
                self._release()
            except RuntimeError:
                pass
            if self._deferred:
                self._write_deferred()

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
                give_back(file.fd, HOW)

    def reopen(self) -> None:
        """Open the file that the path names now, making it if need be, and leave the one that was open.

        Nothing happens where the path still names the open file, and to devices, FIFOs and closed sinks. Where the path
        cannot be opened, the old file stays in use, which is reported. Never raises. Safe from a signal handler: in the
        middle of a write of the same thread it is put off to the end of that write.
        """
        self._reopen_wanted = True
        # SYNC reopen -> _use, write: asked before this look; who has the mutex now looks before it gives it back.
        holding(self._mutex, self._catch_up, None, REOPEN_BOUND)

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
                        self._mend()
                    self._commit_under_lock(entries, rings, starts, slot, progress, last_ends, others, rotated)
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

    def _commit_under_lock(
        self,
        entries: Sequence[Entry],
        rings: Sequence[bytes],
        starts: Sequence[int],
        slot: Slot,
        progress: Progress,
        last_ends: Sequence[int] | None,
        others: Callable[[], list[Part]] | None,
        rotated: list[str],
    ) -> None:
        file = self._file
        self._settle_own(slot, progress)
        while progress.done < len(entries):
            first, ends = progress.done, progress.ends
            last = self._turnover.make_room(entries, first, rotated)
            if file.is_held_elsewhere:
                raise FileBusy("somebody else has its lock since it was rotated")
            # The lock changes from file to file in a rotation: somebody was faster, and died.
            self._settle_own(slot, progress)
            if progress.done != first:
                continue
            if not file.size and file.shared:
                self._mark(file)
            part = entries if last - first == len(entries) else entries[first:last]
            if last == len(entries) and last_ends is not None:
                reached = {ring: end for ring, end in enumerate(last_ends) if end != starts[ring]}
            else:
                reached = {entry[1]: entry[2] for entry in part}
            after = {**ends, **reached}
            parts = [Part(rings[ring], ends.get(ring, starts[ring]), end) for ring, end in sorted(after.items())]
            if others is not None:
                mine = {part.ring for part in parts}
                parts += [part for part in others() if part.ring not in mine]
            if len(parts) > MAXIMUM_RINGS:
                raise FileBusy(f"{len(parts)} processes have unwritten records for {file.path} at once")
            if file.shared:
                progress.promise(slot, last, after)
                self._append(part, file.size, parts, slot)
                progress.look(slot)
            else:
                write_all(file.fd, b"".join([entry[7] for entry in part]))
                progress.done = last

    def _settle_own(self, slot: Slot, progress: Progress) -> None:
        """Under the lock: finish or forget a promise that was left open, also one of an attempt that was cut short."""
        if slot.is_undone():
            self.settle(self._file.fd)
            self._file.measure()
            if slot.is_undone():
                slot.take_back()  # Nobody can tell any more: somebody wrote into the slot, or deleted the session.
        progress.look(slot)

    def _append(self, entries: Sequence[Entry], size: int, parts: list[Part], slot: Slot) -> None:
        """Promise, append, keep the promise: the steps that `recovery` knows how to finish."""
        fd = self._file.fd
        data = b"".join([entry[7] for entry in entries])
        promise = Promise(*self._file.identity, size, len(data), tuple(parts))
        try:
            slot.intend(promise)
            self._promised = slot, promise
            if self._file.size != size:
                self._shift()
            phase.at(phase.INTENDED)
            write_all(fd, data)
            self._file.size = self._file.left = self._promised[1].offset + len(data)
            phase.at(phase.APPENDED)
            slot.done()
            phase.at(phase.COMMITTED)
        except BaseException as error:
            if not slot.is_undone():
                raise  # Nothing is promised yet, or the promise is kept.
            size = promise.offset if self._promised is None else self._promised[1].offset
            found = self._undo(size, data)
            if found is Found.WHOLE:
                self._file.size = self._file.left = size + len(data)
                slot.done()
            elif found is not None:
                slot.take_back()
            # Else nothing can be said or done now: the promise stays open, and the next attempt begins with it.
            if found is not Found.WHOLE or not isinstance(error, OSError):
                raise
        finally:
            self._promised = None

    def _shift(self) -> None:
        """A call that has interrupted a commit has appended its record where what is promised was to begin.

        Whoever has to take that back must not take this record for the begin of it, whose text may be the same.
        """
        assert self._promised is not None
        slot, promise = self._promised
        self._promised = slot, dataclasses.replace(promise, offset=self._file.size)
        slot.shrink(self._promised[1])

    def _undo(self, size: int, data: bytes) -> Found | None:
        """After an append that failed: cut off what of it is in the file. None when that cannot be done."""
        if not self._file.shared:
            return None
        try:
            return take_back(self._file.fd, size, data, self.options.text.end)
        except OSError:
            return None

    def locked(self, bound: float, action: Callable[[LogFile], Result]) -> Result:
        """For recovery: do *action* with the sink's mutex and the file's lock, and give it the file.

        Raises:
            FileBusy: one of them was not to be had within *bound* seconds. Not the mutex either: a call that interrupts
                a use of it may wait for the takeover that asks.
        """

        def alone() -> Result:
            if not self._file.acquire(bound):
                raise FileBusy("somebody else has its lock")
            return action(self._file)

        return self._use(alone, bound)

    def _tidy(self) -> None:
        """Finish what a killed process left half compressed."""
        if self.options.compression is not None and self._file.shared:
            for path in compression.sweep(self._file.template, self.options.compression):
                self.archiver.take(path)

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
            if self.options.watch and self._mutex.acquire(timeout=limit.left()):
                try:
                    self._watch_once_more(limit)
                finally:
                    self._mutex.release()
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
        with self._mutex:
            if self.closed:
                return
            self.closed = final
            try:
                self._watch_once_more(limit)
                if self.options.ends_with_handler:
                    self._end_file(limit)
            finally:
                self._file.close()

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
                    compression.archive(file.real, options.compression)
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
        self._mutex = threading.RLock()
        self._acquire, self._release = self._mutex.acquire, self._mutex.release
        self._busy = self._reopen_wanted = False
        self._promised = None
        self._deferred = deque()
        self.written = self.failed = self.dropped = self._turnover.count = 0
        self._trouble = self._outage = None
        self._turnover.take_troubles()
        self.archiver.forget()
        self._file.close()
