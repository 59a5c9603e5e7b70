"""One log file as this process has it open: open, lock, follow, rotate, retain.

Everything here but `open` and `close` is called with the sink's mutex held; `rotate` and `retain` with the file's lock
held too.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
from collections.abc import Iterator
from typing import Final, TextIO

from mplog._render.times import local_time
from mplog._ring import descriptor
from mplog._ring.clock import monotonic, wall_time
from mplog._ring.descriptor import GET_MARK, MARK, control
from mplog._sinks import report, signals
from mplog._sinks.file import alarm, birth, claim, lock, opening, presence, series, whose
from mplog._sinks.file.names import Kind
from mplog._sinks.file.naming import PathTemplate, behind_links, literal, rotated_name
from mplog._sinks.file.options import FileOptions
from mplog._sinks.file.retention import OwnedFile
from mplog._sinks.file.series import Series
from mplog._sinks.stray import as_exception

HOPS: Final = 100
"""Files that are followed from one to the next, at most."""

ENDING_PATIENCE: Final = 1.0
"""Seconds that an opening waits for another process that is just ending the very file."""

EMPTYING_BOUND: Final = 1.0
"""Seconds that an opening which is to empty the file waits for its lock; whoever has it that long lives."""

NEXT_BOUND: Final = 0.4
"""Seconds that a call waits for the lock of the file with which it goes on after a rotation or a move: briefly, for it
comes on top of the wait for the lock of the first one, and no call may take two seconds."""

_ENDING_STEP: Final = 0.005
_GATHERING_BOUND: Final = 1.0


class LogFile:
    """The current file of a path template, and the way to the next one."""

    __slots__ = (
        "_device",
        "_due",
        "_follows",
        "_heeds_alarm",
        "_inode",
        "_knows_due",
        "_marked",
        "_series",
        "_unannounced",
        "_unremovable",
        "_view",
        "fd",
        "holds",
        "joined",
        "left",
        "lockable",
        "options",
        "path",
        "real",
        "shared",
        "size",
    )

    def __init__(self, options: FileOptions) -> None:
        self.options = options
        self._follows = options.watch or options.gathers
        """Whether the path decides which file is the current one, whoever renamed or removed the old one."""
        self._heeds_alarm = False
        """Whether the path need not be looked at unless the alarm rings."""
        self.path = ""
        self.real = ""
        """The file itself where `path` is a symbolic link to it; that one is rotated, and the link stays."""
        self.fd = -1
        self.shared = True
        self.lockable = True
        self.joined = False
        """Whether another program wrote the file when this one wanted to empty it."""
        self._unremovable: set[str] = set()
        """Old files that could not be removed, which has been said."""
        self._series: Series | None = None
        self._due: float | None = None
        self._knows_due = False
        self.holds = False
        """Whether the lock is held, or may be."""
        self._marked = False
        """Whether the open file can be told from any other, that of the same file included."""
        self._unannounced = False
        self._view: TextIO | None = None
        self._device = self._inode = 0
        self.size = 0
        self.left = 0
        """The size after our own last append. Another one now means that somebody else has written since."""

    def key(self) -> str:
        """A name for "this log file" that all processes agree on, whatever rotation does to the file.

        It is made of the directory that holds it (device and inode) and the shape of the names in it.
        """
        names = self.template.names()
        status = os.stat(names.directory)
        key = f"{status.st_dev}-{status.st_ino}-{names.shape}"
        return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:32]

    @property
    def template(self) -> PathTemplate:
        """The path template; that of the file behind it where the path is a symbolic link."""
        template = self.options.template
        if not template.is_plain:
            return template
        path = self._path_now()
        real = self.real if self.fd >= 0 else behind_links(path)
        return template if real == path else PathTemplate(literal(real))

    # Opening

    def open(self, *, again: bool = False) -> None:
        """Open the current file, making it and its directories where needed.

        Args:
            again: follow a rotation by somebody else or by a fork: the same path; never truncate, never insist on
                creating.

        Raises:
            OSError: as the built-in `open`.
        """
        if again and self.path:
            self._open(self.path, again=True)
            return
        path = self._path_now()
        if not self.options.gathers:
            self._open(path, again=again)
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with self._gathering():
            for _ in range(HOPS):
                # With *again* the file that was open is gone, and so are those that followed it.
                other = self._file_of_others(or_last=again)
                if other is None:
                    break
                with contextlib.suppress(FileNotFoundError):  # It has just been rotated and removed.
                    self._open(other, again=True, make=False)
                    if "w" in self.options.mode and not again:
                        self._join()
                    return
            self._open(path, again=again)

    def _path_now(self) -> str:
        return self.options.template.resolve(local_time(wall_time()))

    def _open(self, path: str, *, again: bool, make: bool = True) -> None:
        if make:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        for _ in range(int(ENDING_PATIENCE / _ENDING_STEP)):
            # A link where a new file is insisted on is no new file.
            real = path if "x" in self.options.mode and not again else behind_links(path)
            fd, created = opening.open_file(real, self.options, again=again, make=make)
            self._adopt(path, real, fd)
            if created:
                birth.write_birth(fd, wall_time())
            empties = "w" in self.options.mode and not again and not created
            self._unannounced = self.shared and not (self._empty() if empties else presence.announce(fd))
            if not self._unannounced:
                self._sign(created=created)
                break
            # Somebody is making an archive of this very file, and removes it then.
            again = True
            time.sleep(_ENDING_STEP)

    def _sign(self, *, created: bool) -> None:
        """Note in the open file whose it is, unless another log that has other names for it writes it already."""
        shape = self.template.names().shape
        if self.shared and (created or not (series.has_shape(self.fd, shape) or presence.is_used(self.fd))):
            series.write_shape(self.fd, shape)

    def has_moved(self) -> bool:
        """Whether the open file is a regular one that the path does not name any more."""
        return self.fd >= 0 and stat.S_ISREG(os.fstat(self.fd).st_mode) and not self._is_here()

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
        self._open(self.path, again=True)

    def _adopt(self, path: str, real: str, fd: int) -> None:
        self.close()
        self.path, self.real, self.fd = path, real, fd
        self._marked = descriptor.mark(fd)
        status = os.fstat(fd)
        self._device, self._inode, self.size = status.st_dev, status.st_ino, status.st_size
        whose.open_here[fd, self.identity] = self.template.names()
        # What a user's opener opened takes part when it is the file that the path names.
        # Or that it named, if somebody has rotated it since.
        self.shared = stat.S_ISREG(status.st_mode) and (
            self.options.opener is None or self._is_here() or self._was_rotated()
        )
        self.lockable = self.shared and lock.supported(fd)
        if self.shared and not self.lockable:
            report.once(
                f"no locks {os.path.dirname(path)}",
                f"{path} is on a file system without locks, so programs cannot take turns in writing it. Log into it "
                "from one program and its workers only; give each other program a file of its own.",
            )
        plain = not self._follows and self.options.rotation is None
        self._heeds_alarm = self.lockable and plain and alarm.reaches(fd, status)
        self._series = None
        self._knows_due = False
        self.left = -1

    def _empty(self) -> bool:
        """Begin with an empty file, unless another process writes it already; then as `presence.announce`.

        All under the lock: of several programs that start at once the first empties the file, and the others see it.
        """
        alone = self.acquire(EMPTYING_BOUND, follow=False)
        try:
            if alone and not self._is_written_elsewhere():
                os.ftruncate(self.fd, 0)
                birth.write_birth(self.fd, wall_time())
                series.forget(self.fd)
            else:
                self._join()
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

    def _join(self) -> None:
        """Another program is alive that writes the file which this one wanted to begin with nothing in it."""
        self.joined = True
        report.once(
            f"joined {self.path}",
            f"{self.path} is written by another program that is alive, so mode={self.options.mode!r} did not empty it, "
            "and records are appended. Stop that program first, or give this one a file of its own.",
        )

    def close(self) -> None:
        """Close the descriptor, and with it the lock if it is held. Idempotent."""
        self._view = None
        if self.fd >= 0:
            self._close(self.fd, self.identity, self._marked)
            self.fd = -1
        self.holds = False

    @staticmethod
    def _close(fd: int, identity: tuple[int, int], marked: bool) -> None:
        descriptor.close(fd, identity, marked=marked)
        whose.open_here.pop((fd, identity), None)

    def view(self) -> TextIO:
        """The open file as a text file, for a user's function."""
        if self._view is None or self._view.closed:
            self._view = opening.view_of(self.fd, self.path, self.options)
        return self._view

    # Processes that have no common name for the current file

    @contextlib.contextmanager
    def _gathering(self) -> Iterator[None]:
        """Only one process at a time looks for the current file and makes it where there is none. Bounded."""
        with claim.kept(os.open(self.options.template.names().directory, os.O_RDONLY | os.O_CLOEXEC)) as fd:
            with contextlib.suppress(OSError):  # Directories cannot be locked everywhere.
                lock.acquire(fd, _GATHERING_BOUND)
            yield

    def _file_of_others(self, *, or_last: bool = False) -> str | None:
        """The current file of this template in another living process; None when there is none.

        Args:
            or_last: else the one in which the log has ended, for a process that has had part in it and goes on: a new
                file would be an end too many, and stay empty when there is nothing but a retention to do.
        """
        names = self.options.template.names()
        seen: set[str] = set()
        for _ in range(HOPS):
            live = {path for path, kind in names.files() if kind is Kind.LIVE}
            found = []
            for path in live:
                with contextlib.suppress(OSError):
                    status = os.stat(path)
                    if not whose.is_open_here(status):
                        found.append((status.st_mtime, path))
            found.sort(reverse=True)
            for _, path in found:
                if whose.is_current(path, names):
                    return path
            # A rotation makes the new file before it leaves the old one, so who finds all left looks for new ones.
            if live <= seen:
                return next((path for _, path in found if or_last and whose.is_last(path, names)), None)
            seen = live
        return None

    def _has_left(self) -> bool:
        """Whether the log went on elsewhere while the open file kept its name."""
        target = series.successor(self.fd)
        if target is None or target == self.path:
            return False
        if os.path.lexists(target) or self._file_of_others() is not None:
            return True
        series.forget(self.fd)  # Nothing is left of what came after: it is the current one again.
        return False

    def _open_next(self) -> None:
        """Open the file that somebody else has made the current one."""
        target = series.successor(self.fd) if self.options.gathers else None
        if target is not None:
            with contextlib.suppress(FileNotFoundError):
                self._open(target, again=True, make=False)
                return
            self.path = ""  # It was rotated in turn and removed.
        self.open(again=True)

    # Locking

    def acquire(self, bound: float, *, follow: bool = True) -> bool:
        """Lock the current file within *bound* seconds: another one than before when a log rotated that, or removed it.

        A file that somebody else renamed or replaced stays the current one without `watch`, and one that somebody
        removed without `watch` and rotation.
        Returns False when somebody held the lock that long, or that of such another file for `NEXT_BOUND`; the file is
        open all the same. With *follow*, `size` is that of the file afterwards.

        Raises:
            OSError: the file cannot be opened again.
        """
        if self.fd < 0 or self._was_closed():
            self.open(again=bool(self.path))
        follow = follow or self._unannounced
        if not self.lockable:
            if follow and self.shared and not self._is_here() and not self._stays():
                self._open_next()
            return True
        # Before it: a signal handler may raise when the lock has just been taken. To give back what is not held does no
        # harm, for the lock belongs to this very descriptor.
        self.holds = True
        if not lock.acquire(self.fd, bound):
            self.holds = False
            return False
        return not follow or self._is_current() or self._stays() or self._follow(min(bound, NEXT_BOUND))

    def _was_closed(self) -> bool:
        """Whether the program has closed our descriptor. What it is now is not to be touched: not even its position."""
        try:
            # As `descriptor.is_marked`, here for it is asked before each record.
            if self._marked:
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

    def _is_here(self) -> bool:
        """Whether the path names the open file; notes its size. One system call, for it is made for each record."""
        try:
            there = os.stat(self.path)
        except OSError:
            return False
        self.size = there.st_size
        return there.st_ino == self._inode and there.st_dev == self._device

    def _is_current(self) -> bool:
        if self._heeds_alarm and not self._unannounced and not alarm.is_ringing(self.fd):
            self.measure()
            return True
        return self._is_here() and not (self.options.gathers and self._has_left())

    def _stays(self) -> bool:
        """Whether the open file goes on being the log although the path does not name it; notes its size."""
        if self._follows or self._unannounced or self._was_rotated():
            return False
        if self.options.rotation is not None and not os.fstat(self.fd).st_nlink:
            return False  # Its next rotation would begin a new file; what is written until then nobody could read.
        self.measure()
        return True

    def _was_rotated(self) -> bool:
        """Whether it was a log that renamed or removed the open file: this one may be told to rotate, and we not."""
        marked = series.was_rotated(self.fd)
        if marked is not None:
            return marked
        try:
            name = os.readlink(f"/proc/self/fd/{self.fd}")
        except OSError:
            return True
        return name.endswith(" (deleted)") or self.template.names().kind(name) is Kind.ROTATED

    def _follow(self, bound: float) -> bool:
        """Somebody rotated, or replaced or removed the file: open what is current now, and lock that."""
        until = monotonic() + bound
        for _ in range(HOPS):
            self._open_next()
            self.holds = True
            if not lock.acquire(self.fd, until - monotonic()):
                self.holds = False
                return False
            if self._is_current():
                break
        is_foreign = not birth.has_birth(self.fd) and not presence.is_used(self.fd)
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

    @property
    def is_held_elsewhere(self) -> bool:
        """Whether the file's lock was not to be had: then only whole appends are safe, not what others' bytes mean."""
        return self.lockable and not self.holds

    def release(self) -> None:
        """Give the lock back, if it is held."""
        if self.holds:
            self.holds = False
            lock.give_back(self.fd, lock.HOW)

    def is_ready_between(self) -> bool:
        """For a call that interrupts another use of this object: whether the open file can take its record as it is.

        Its lock is taken, where nobody else has it, and left to the interrupted use to give back. Nothing else is
        changed but `size`.
        """
        if not descriptor.is_still(self.fd, self.identity):
            return False
        if self.lockable:
            self.holds = True
            if not lock.acquire(self.fd, 0.0):
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

    def leave_last(self) -> bool:
        """Stop appending; whether nobody else does. Called under the lock; `close` is what comes next."""
        return self.shared and presence.leave_last(self.fd)

    def is_used(self) -> bool:
        """Whether somebody else, in this process or another, has the open file for appending."""
        return self.shared and self.fd >= 0 and presence.is_used(self.fd)

    # What the open file is

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

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode of the open file."""
        return self._device, self._inode

    def due(self) -> float | None:
        """Epoch second from which a record belongs to the next file; every process computes the same."""
        if not self._knows_due:
            rotation = self.options.rotation
            if rotation is not None and rotation.times:
                if self._series is None:
                    self._series = series.read_series(self.fd, rotation)
                self._due = self._series.next_due(rotation)
            else:
                self._due = None
            self._knows_due = True
        return self._due

    # Rotation and retention

    def rotate(self, moment: float, *, keep_empty: bool, troubles: list[Exception]) -> str | None:
        """Rename the file and open the next one, with its lock. Returns the name of the old file, if it has content.

        Called under the lock; returns under the lock of the new file, unless somebody else has that for `NEXT_BOUND`.
        Where there is no compression to wait for, retention happens here, before the new file is there.

        Args:
            moment: the time of the record that caused it.
            keep_empty: rotate also a file without a record, instead of letting it begin anew.
            troubles: gets what the retention raised; the rotation goes on.

        Raises:
            OSError: it could not be done. The old file is still open, and its lock held as before, unless its path
                names another file or none by now: then `fd` is -1.
        """
        rotation = self.options.rotation
        assert rotation is not None
        assert self.shared  # Never rename a device.
        if not self.options.gathers and not self._is_here():
            # Somebody has moved it away already, and what the path names, if anything, is not ours to rename.
            self._follow(NEXT_BOUND)
            self.measure()
            return None
        self.due()
        following = Series(self._series.first, max(self._series.after, moment)) if self._series is not None else None
        new_path = self._path_now()
        drop = self.is_empty and not keep_empty
        if drop and new_path == self.path:
            self._begin_anew(following)
            return None
        old_path, old_fd, old_identity, old_marked = self.path, self.fd, self.identity, self._marked
        real = rotated = self.real
        if new_path == old_path:
            suffixes = (self.options.compression.suffix,) if self.options.compression else ()
            rotated = rotated_name(real, birth.read_birth(old_fd), suffixes=tuple(filter(None, suffixes)))
            # Before the rename: whoever finds the path changed has to know by whom, also when we die in between.
            series.mark_rotated(old_fd, rotated)
            try:
                os.rename(real, rotated)
            except OSError:
                series.unmark_rotated(old_fd)
                raise
        # The old lock is held until the new one is: in between nobody else can append to either.
        held, self.holds, self.fd, self._view = self.holds, False, -1, None
        try:
            self.path = new_path
            raised: list[Exception] = []
            if self.options.compression is None:
                try:
                    self.retain(exclude=new_path, ours=rotated)
                except BaseException as error:  # noqa: BLE001 - a user's function, or files that are not ours to remove
                    raised.append(as_exception(error))
            self._open(new_path, again=True)
            troubles += raised
            if self.options.gathers:
                series.forget(self.fd)
                series.set_successor(old_fd, new_path)
            self._begin_anew(following)
            self.acquire(NEXT_BOUND)
            self.measure()
        except BaseException:
            if self.fd < 0 and self._is_put_back(rotated, real, old_path):
                self.real = real
                series.unmark_rotated(old_fd)
                self.fd, self._marked, self.holds, old_fd = old_fd, old_marked, held, -1
            raise
        finally:
            if old_fd >= 0:
                if drop and new_path != old_path:
                    with contextlib.suppress(OSError):
                        # Again: a call that has interrupted this one may have appended something.
                        if os.fstat(old_fd).st_size <= len(self.options.text.mark):
                            os.unlink(real)
                self._close(old_fd, old_identity, old_marked)
        return rotated if not drop and os.path.lexists(rotated) else None

    def _is_put_back(self, rotated: str, real: str, path: str) -> bool:
        """After a rotation that cannot open its new file: whether the old one is, again, the one that *path* names."""
        if rotated != real:
            with contextlib.suppress(OSError):
                os.link(rotated, real)  # Unlike `rename` it never replaces what somebody else has made meanwhile.
                os.unlink(rotated)
        self.path = path
        return self._is_here()

    def _begin_anew(self, following: Series | None) -> None:
        """The open file begins now."""
        rotation = self.options.rotation
        birth.write_birth(self.fd, wall_time())
        if following is not None and rotation is not None:
            series.write_series(self.fd, following, rotation)
        self._series, self._knows_due = following, False

    def retain(self, exclude: str | None = None, ours: str | None = None) -> None:
        """Remove what the retention says, never *exclude* nor the current file of any process.

        Args:
            exclude: a file that does not count, because it is the new one.
            ours: a file that counts although this process still has it open.

        Raises whatever the user's function raises.
        """
        retention = self.options.retention
        if retention is None:
            return
        signals.open_up()  # It may be the user's own function.
        names = self.template.names()
        exclude = None if exclude is None else behind_links(exclude)
        owned = []
        for path, _ in names.files(self.options.endings):
            if path != exclude:
                with contextlib.suppress(FileNotFoundError):
                    owned.append(OwnedFile(path, os.stat(path).st_mtime))
        refused = []
        for path in retention.expired(owned, wall_time(), lambda path: path == ours or whose.is_old(path, names)):
            try:
                os.remove(path)
            except FileNotFoundError:
                pass
            except OSError as error:
                refused.append((path, error))
        self._say_unremovable(refused)

    def _say_unremovable(self, refused: list[tuple[str, OSError]]) -> None:
        """Say of each old file once that it stays, all of one retention together."""
        new = [(path, error) for path, error in refused if path not in self._unremovable]
        self._unremovable = {path for path, _ in refused}
        if new:
            path, error = new[0]
            others = f" and {len(new) - 1} other old files" if len(new) > 1 else ""
            report.once(
                f"retention {path}",
                f"{path}{others} could not be removed ({error}), as the retention of {self.path} wants it; the rest is "
                "removed all the same. Remove it by hand, or let this user write to its directory.",
            )


def write_all(fd: int, data: bytes) -> None:
    """Append *data* with one write; the rest of a short write follows at once."""
    done = os.write(fd, data)
    if done != len(data):
        view = memoryview(data)
        while done < len(data):
            done += os.write(fd, view[done:])
