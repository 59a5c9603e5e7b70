"""One log file that this process has open: what it is, whose, and who has its lock.

Everything here is called with the sink's mutex held.
"""

from __future__ import annotations

import os
import stat
from typing import Final, TextIO

from mplog._render.times import local_time
from mplog._ring import descriptor
from mplog._ring.clock import wall_time
from mplog._ring.descriptor import GET_MARK, MARK, control
from mplog._sinks import report
from mplog._sinks.file import alarm, birth, opening, presence, series, whose
from mplog._sinks.file.file_lock import FileLock
from mplog._sinks.file.lock import HOW, give_back
from mplog._sinks.file.names import Kind
from mplog._sinks.file.naming import PathTemplate, behind_links, literal
from mplog._sinks.file.options import FileOptions
from mplog._sinks.file.series import Series

EMPTYING_BOUND: Final = 1.0
"""Seconds that an opening which is to empty the file waits for its lock; whoever has it that long lives."""


class OpenFile:
    """The open file of a path template, or none: `fd` is -1 then."""

    __slots__ = (
        "_device",
        "_follows",
        "_inode",
        "_view",
        "due_at",
        "fd",
        "heeds_alarm",
        "holds",
        "is_marked",
        "is_to_be_empty",
        "joined",
        "knows_due",
        "left",
        "lock",
        "lockable",
        "options",
        "path",
        "real",
        "series",
        "shared",
        "size",
        "unannounced",
        "unremovable",
    )

    def __init__(self, options: FileOptions) -> None:
        self.options = options
        self._follows = options.watch or options.gathers
        """Whether the path decides which file is the current one, whoever renamed or removed the old one."""
        self.heeds_alarm = False
        """Whether the path need not be looked at unless the alarm rings."""
        self.path = ""
        self.real = ""
        """The file itself where `path` is a symbolic link to it; that one is rotated, and the link stays."""
        self.fd = -1
        self.lock = FileLock(-1, "")
        self.shared = True
        self.lockable = True
        self.joined = False
        """Whether another program wrote the file when this one wanted to empty it."""
        self.unremovable: set[str] = set()
        """Old files that could not be removed, which has been said."""
        self.series: Series | None = None
        self.due_at: float | None = None
        self.knows_due = False
        self.holds = False
        """Whether the lock is held, or may be."""
        self.is_marked = False
        """Whether the open file can be told from any other, that of the same file included."""
        self.unannounced = False
        self.is_to_be_empty = False
        """Whether the file that is being opened may be emptied in a moment."""
        self._view: TextIO | None = None
        self._device = self._inode = 0
        self.size = 0
        self.left = 0
        """The size after our own last append. Another one now means that somebody else has written since."""

    def path_now(self) -> str:
        """What the template makes of this moment."""
        return self.options.template.resolve(local_time(wall_time()))

    @property
    def template(self) -> PathTemplate:
        """The path template; that of the file behind it where the path is a symbolic link."""
        template = self.options.template
        if not template.is_plain:
            return template
        path = self.path_now()
        real = self.real if self.fd >= 0 else behind_links(path)
        return template if real == path else PathTemplate(literal(real))

    def adopt(self, path: str, real: str, fd: int) -> None:
        """Have *fd*, which was opened as *real*, instead of what was open."""
        self.close()
        turn = FileLock(fd, os.path.dirname(real))
        turn.is_wary = self.lock.is_wary
        # With its lock: a call that interrupts this one may find the file fit for its record.
        self.path, self.real, self.lock, self.fd = path, real, turn, fd
        self.is_marked = descriptor.mark(fd)
        status = os.fstat(fd)
        self._device, self._inode, self.size = status.st_dev, status.st_ino, status.st_size
        whose.open_here[fd, self.identity] = self.template.names()
        # What a user's opener opened takes part when it is the file that the path names.
        # Or that it named, if somebody has rotated it since.
        self.shared = stat.S_ISREG(status.st_mode) and (
            self.options.opener is None or self.is_here() or self.was_rotated()
        )
        if self.shared and self.options.coordination_dir is not None:
            try:
                self.lock.be_taken_in(self.options.coordination_dir)
            except BaseException:
                self.close()  # Nobody may write it by another lock than the others do.
                raise
        self.lockable = self.shared and self.lock.is_supported()
        if self.shared and not self.lockable:
            report.once(
                f"no locks {os.path.dirname(path)}",
                f"{path} is on a file system without locks, so programs cannot take turns in writing it. Log into it "
                "from one program and its workers only; give each other program a file of its own.",
            )
        plain = not self._follows and self.options.rotation is None
        self.heeds_alarm = self.lockable and plain and alarm.reaches(fd, status)
        self.series = None
        self.knows_due = False
        self.left = -1

    def close(self) -> None:
        """Close the descriptor, and with it the lock if it is held. Idempotent."""
        self._view = None
        if self.fd >= 0:
            self.close_descriptor(self.fd, self.identity, self.is_marked)
            self.fd = -1
            self.lock.close()
        self.holds = False

    @staticmethod
    def close_descriptor(fd: int, identity: tuple[int, int], marked: bool) -> None:
        """Close one that is, or was, the open file's."""
        descriptor.close(fd, identity, marked=marked)
        whose.open_here.pop((fd, identity), None)

    def view(self) -> TextIO:
        """The open file as a text file, for a user's function."""
        if self._view is None or self._view.closed:
            self._view = opening.view_of(self.fd, self.path, self.options)
        return self._view

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode of the open file."""
        return self._device, self._inode

    def begin_empty(self) -> bool:
        """Begin with an empty file, unless another process writes it already; then as `presence.announce`.

        All under the lock: of several programs that start at once the first empties the file, and the others see it.
        """
        alone = self.take_lock(EMPTYING_BOUND)
        try:
            if alone and not self._is_written_elsewhere():
                os.ftruncate(self.fd, 0)
                birth.write_birth(self.fd, wall_time())
                series.forget(self.fd)
            else:
                self.join()
            return presence.announce(self.fd)
        finally:
            self.release()

    def _is_written_elsewhere(self) -> bool:
        """Whether another process appends to the open file. Under its lock, so that nobody ends it meanwhile."""
        mine = [fd for fd, identity in list(whose.open_here) if identity == self.identity and fd != self.fd]
        for fd in mine:
            presence.hide(fd)
        try:
            return presence.is_used(self.fd)
        finally:
            for fd in mine:
                presence.announce(fd)

    def join(self) -> None:
        """Another program is alive that writes the file which this one wanted to begin with nothing in it."""
        self.joined = True
        report.once(
            f"joined {self.path}",
            f"{self.path} is written by another program that is alive, so mode={self.options.mode!r} did not empty it, "
            "and records are appended. Stop that program first, or give this one a file of its own.",
        )

    @property
    def is_held_elsewhere(self) -> bool:
        """Whether the file's lock was not to be had: then only whole appends are safe, not what others' bytes mean."""
        return self.lockable and not self.holds

    def take_lock(self, bound: float) -> bool:
        """Lock this very file, where there are locks; False when somebody else kept it for *bound* seconds."""
        if not self.lockable:
            return True
        # Before it: a signal handler may raise when the lock has just been taken. To give back what is not held does no
        # harm, for the lock belongs to this very descriptor.
        self.holds = True
        if not self.lock.acquire(bound):
            self.release()  # A call that interrupted this one may have taken it since.
            return False
        return True

    def release(self) -> None:
        """Give the lock back, if it is held."""
        if self.holds:
            self.holds = False
            give_back(self.lock.fd, HOW)

    def leave_last(self) -> bool:
        """Stop appending; whether nobody else does. Called under the lock; `close` is what comes next."""
        return self.shared and presence.leave_last(self.fd)

    def is_used(self) -> bool:
        """Whether somebody else, in this process or another, has the open file for appending."""
        return self.shared and self.fd >= 0 and presence.is_used(self.fd)

    def was_closed(self) -> bool:
        """Whether the program has closed our descriptor. What it is now is not to be touched: not even its position."""
        try:
            # As `descriptor.is_marked`, here for it is asked before each record.
            if self.is_marked:
                if control(self.fd, GET_MARK) == MARK:
                    return False
            # After an append it stands where that ended, which no other file does. Cheaper than fstat by half a
            # microsecond.
            elif (self.shared and os.lseek(self.fd, 0, os.SEEK_CUR) == self.left) or (
                descriptor.identity_of(self.fd) == self.identity
            ):
                return False
        except OSError:
            pass
        self.close()
        return True

    def is_here(self) -> bool:
        """Whether the path names the open file; notes its size. One system call, for it is made for each record."""
        try:
            there = os.stat(self.path)
        except OSError:
            return False
        self.size = there.st_size
        return there.st_ino == self._inode and there.st_dev == self._device

    def has_moved(self) -> bool:
        """Whether the open file is a regular one that the path does not name any more."""
        return self.fd >= 0 and stat.S_ISREG(os.fstat(self.fd).st_mode) and not self.is_here()

    def was_rotated(self) -> bool:
        """Whether it was a log that renamed or removed the open file: this one may be told to rotate, and we not."""
        marked = series.was_rotated(self.fd, self.options.permissions)
        if marked is not None:
            return marked
        try:
            name = os.readlink(f"/proc/self/fd/{self.fd}")
        except OSError:
            return True
        return name.endswith(" (deleted)") or self.template.names().kind(name) is Kind.ROTATED

    def measure(self) -> None:
        """Look at the size of the open file again."""
        # Cheaper than fstat by a microsecond, and made for each direct call. Where the position is means nothing to a
        # descriptor that appends.
        self.size = os.lseek(self.fd, 0, os.SEEK_END)

    @property
    def is_empty(self) -> bool:
        """Whether there is no record in the file."""
        return self.size <= len(self.options.text.mark)

    def ends_torn(self) -> bool:
        """Whether the file does not end with a line end: an append was cut short, by a kill most likely."""
        if self.is_empty:
            return False
        end = self.options.text.end
        try:
            return os.pread(self.fd, len(end), self.size - len(end)) != end
        except OSError:
            return False  # It cannot be read, or it is no regular file.
