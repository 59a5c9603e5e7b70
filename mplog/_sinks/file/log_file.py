"""The log file of a sink: which file is the current one, open it, lock it, and follow when the log goes on elsewhere.

Everything here but `open` and `close` is called with the sink's mutex held.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from typing import Final

from mplog._ring import descriptor
from mplog._ring.clock import monotonic, wall_time
from mplog._ring.digest import sha256
from mplog._sinks.file import alarm, belief, birth, gathering, opening, presence, series
from mplog._sinks.file.naming import behind_links
from mplog._sinks.file.open_file import OpenFile

HOPS: Final = 100
"""Files that are followed from one to the next, at most."""

ENDING_PATIENCE: Final = 1.0
"""Seconds that an opening waits for another process that is just ending the very file."""

NEXT_BOUND: Final = 0.4
"""Seconds that a call waits for the lock of the file with which it goes on after a rotation or a move: briefly, for it
comes on top of the wait for the lock of the first one, and no call may take two seconds."""

_ENDING_STEP: Final = 0.005


class LogFile(OpenFile):
    """The current file of a path template, and the way to the next one."""

    __slots__ = ()

    def key(self) -> str:
        """A name for "this log file" that all processes agree on, whatever rotation does to the file.

        It is made of the directory that holds it (device and inode) and the shape of the names in it.
        """
        names = self.template.names()
        status = os.stat(names.directory)
        key = f"{status.st_dev}-{status.st_ino}-{names.shape}"
        return sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:32]

    def open(self, *, again: bool = False) -> None:
        """Open the current file, making it and its directories where needed.

        Args:
            again: follow a rotation by somebody else or by a fork: the same path; never truncate, never insist on
                creating.

        Raises:
            OSError: as the built-in `open`.
        """
        if again and self.path:
            self.open_path(self.path, again=True)
            return
        self.is_to_be_empty = not again and "a" not in self.options.mode
        try:
            self._open_current(again=again)
        finally:
            self.is_to_be_empty = False

    def _open_current(self, *, again: bool) -> None:
        path = self.path_now()
        if not self.options.gathers:
            self.open_path(path, again=again)
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        names = self.options.template.names()
        with gathering.alone(names, self.options.coordination_dir):
            for _ in range(HOPS):
                # With *again* the file that was open is gone, and so are those that followed it.
                other = gathering.file_of_others(names, self.options.permissions, or_last=again)
                if other is None:
                    break
                with contextlib.suppress(FileNotFoundError):  # It has just been rotated and removed.
                    self.open_path(other, again=True, found=True)
                    if "w" in self.options.mode and not again:
                        self.join()
                    return
            self.open_path(path, again=again)

    def open_path(self, path: str, *, again: bool, found: bool = False) -> None:
        """Open the file at *path* as the current one; arguments and errors as of `opening.open_file`.

        Args:
            found: it is the file of another process, neither named nor made by this one. FileNotFoundError is raised
                when by now there is something in its place that is not to be continued.
        """
        if not found:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        for _ in range(int(ENDING_PATIENCE / _ENDING_STEP)):
            # A link where a new file is insisted on is no new file.
            real = path if found or ("x" in self.options.mode and not again) else behind_links(path)
            if not found:
                try:
                    status = os.stat(real)
                except OSError:
                    status = None  # There is nothing, or the opening says what is wrong.
                self._check_named(status, path)  # Before: to open a FIFO may take for ever.
            fd, created = opening.open_file(real, self.options, again=again, found=found)
            try:
                self._check(fd, path, found=found, created=created)
            except BaseException:
                os.close(fd)
                raise
            self.adopt(path, real, fd)
            if created:
                birth.write_birth(fd, wall_time())
            empties = "w" in self.options.mode and not again and not created
            self.unannounced = self.shared and not (self.begin_empty() if empties else presence.announce(fd))
            if not self.unannounced:
                self._sign(created=created)
                break
            # Somebody is making an archive of this very file, and removes it then.
            again = True
            time.sleep(_ENDING_STEP)

    def _check(self, fd: int, path: str, *, found: bool, created: bool) -> None:
        """Before anything is done to *fd*: refuse what others have put where this program expects a log of its own."""
        if found:
            if not belief.may_continue(os.fstat(fd), self.options.permissions):
                raise FileNotFoundError(errno.ENOENT, "It is no file of this log any more", path)
        elif not created:
            self._check_named(os.fstat(fd), path)

    def _check_named(self, status: os.stat_result | None, path: str) -> None:
        """Nobody but the program has made the name of a path without `{time}`, or the result of an opener."""
        template = self.options.template
        if not template.is_plain and self.options.opener is None:
            belief.check_named(status, path, template.names(), self.options.permissions)

    def _sign(self, *, created: bool) -> None:
        """Note in the open file whose it is, unless another log that has other names for it writes it already."""
        shape = self.template.names().shape
        has_shape = not created and series.has_shape(self.fd, shape, self.options.permissions)
        if self.shared and (created or not (has_shape or presence.is_used(self.fd))):
            series.write_shape(self.fd, shape)

    def reopen(self) -> None:
        """Open what the path names now, and close the file that was open.

        Raises:
            OSError: that cannot be opened, or is no regular file; the old file is still open.
            Exception: whatever the user's opener raises; the same.
        """
        with contextlib.suppress(FileNotFoundError):
            mode = os.stat(self.path).st_mode
            if not stat.S_ISREG(mode):
                # Opening a FIFO would wait for a reader.
                raise OSError(f"it is no regular file any more (mode {stat.filemode(mode)})")
        self.open_path(self.path, again=True)

    def _has_left(self) -> bool:
        """Whether the log went on elsewhere while the open file kept its name."""
        target = self._successor()
        if target is None or target == self.path:
            return False
        if os.path.lexists(target):
            return True
        if gathering.file_of_others(self.options.template.names(), self.options.permissions) is not None:
            return True
        series.forget(self.fd)  # Nothing is left of what came after: it is the current one again.
        return False

    def _successor(self) -> str | None:
        return series.successor(self.fd, self.options.template.names, self.options.permissions)

    def _open_next(self) -> None:
        """Open the file that somebody else has made the current one."""
        target = self._successor() if self.options.gathers else None
        if target is not None:
            with contextlib.suppress(FileNotFoundError):
                self.open_path(target, again=True, found=True)
                return
            self.path = ""  # It was rotated in turn and removed.
        self.open(again=True)

    def acquire(self, bound: float, *, follow: bool = True) -> bool:
        """Lock the current file within *bound* seconds: another one than before when a log rotated that, or removed it.

        A file that somebody else renamed or replaced stays the current one without `watch`, and one that somebody
        removed without `watch` and rotation.
        Returns False when somebody held the lock that long, or that of such another file for `NEXT_BOUND`; the file is
        open all the same. With *follow*, `size` is that of the file afterwards.

        Raises:
            OSError: the file cannot be opened again.
        """
        if self.fd < 0 or self.was_closed():
            self.open(again=bool(self.path))
        follow = follow or self.unannounced
        if not self.lockable:
            if follow and self.shared and not self.is_here() and not self._stays():
                self._open_next()
            return True
        self.holds = True  # As in `take_lock`, here for it is done for each record.
        if not self.lock.acquire(bound):
            self.release()  # As there.
            return False
        return not follow or self._is_current() or self._stays() or self.follow(min(bound, NEXT_BOUND))

    def _is_current(self) -> bool:
        if self.heeds_alarm and not self.unannounced and not alarm.is_ringing(self.fd):
            self.measure()
            return True
        return self.is_here() and not (self.options.gathers and self._has_left())

    def _stays(self) -> bool:
        """Whether the open file goes on being the log although the path does not name it; notes its size."""
        if self._follows or self.unannounced or self.was_rotated():
            return False
        if self.options.rotation is not None and not os.fstat(self.fd).st_nlink:
            return False  # Its next rotation would begin a new file; what is written until then nobody could read.
        self.measure()
        return True

    def follow(self, bound: float) -> bool:
        """Somebody rotated, or replaced or removed the file: open what is current now, and lock that."""
        until = monotonic() + bound
        for _ in range(HOPS):
            self._open_next()
            if not self.take_lock(until - monotonic()):
                return False
            if self._is_current():
                break
        is_foreign = not birth.has_birth(self.fd, self.options.permissions) and not presence.is_used(self.fd)
        if self.options.watch and "w" in self.options.mode and is_foreign:
            # Not made by a log: somebody put it there, and this mode empties what it finds.
            os.ftruncate(self.fd, 0)
            birth.write_birth(self.fd, wall_time())
            self.size = 0
        return True

    def append_unlocked(self, data: bytes) -> None:
        """Append without the lock, which somebody else keeps: whole all the same, and never to a file that is archived.

        Raises:
            OSError: the file cannot be opened or written.
        """
        for _ in range(HOPS):
            fd = self.fd
            # SYNC append_unlocked -> archive: announced before this look. Who archives the file has renamed it or said
            # where the log goes on, and only then waits for those announced: one of the two sees the other.
            presence.begin_unlocked(fd)
            try:
                if self._is_current() or self._stays():
                    write_all(fd, data)
                    return
            finally:
                presence.end_unlocked(fd)
            self._open_next()
        write_all(self.fd, data)

    def is_ready_between(self) -> bool:
        """For a call that interrupts another use of this object: whether the open file can take its record as it is.

        Its lock is taken, where nobody else has it, and left to the interrupted use to give back. Nothing else is
        changed but `size`.
        """
        if not descriptor.is_still(self.fd, self.identity):
            return False
        if self.lockable:
            self.holds = True  # As in `take_lock`.
            if not self.lock.take_again():
                self.holds = False
                return False
        if not self.shared:
            return True
        try:
            there = descriptor.identity_of_path(self.path) == self.identity
        except OSError:
            there = False
        if there or self._stays():
            self.measure()
            return True
        return False


def write_all(fd: int, data: bytes) -> None:
    """Append *data* with one write; the rest of a short write follows at once."""
    done = os.write(fd, data)
    if done != len(data):
        view = memoryview(data)
        while done < len(data):
            done += os.write(fd, view[done:])
