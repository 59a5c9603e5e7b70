"""The lock of a file, whoever else can lock it, too.

It is the kernel lock on the file itself (see `lock`) as long as only those take it who write the file. Whoever may read
the file can take that lock as well, and keep it. Where somebody does, all who write the file take the lock of another
file in its stead, which nobody else can open (see `lock_file`). How all of them change over without two ever having
the lock at once:

1. The first one finds the file locked by somebody who cannot write it (see `holders`). It says on the file that the
   private lock counts: by a shared kernel lock on a byte of it, which ends with its maker and which none but a writer
   could refuse.
2. Who has taken the lock of the file looks for that word, unless he has looked less than NOTICE ago. So when the first
   one has waited for that long and then sees once more that somebody has the lock who cannot write, no writer has it,
   and none will have it and not see the word.
3. Who sees the word under the lock of the file says it, too, waits for as long, and then gives that lock back.

That word can be said by anybody who may read the file: it makes writers change over, and no more. It is not taken back
while a writer needs it, as each that has changed over keeps it said.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from typing import Final

from mplog._ring import byte_lock, descriptor
from mplog._ring.byte_lock import PRIVATE
from mplog._ring.clock import monotonic
from mplog._sinks.file import claim, holders, lock, lock_file
from mplog._sinks.file.lock import take

LOOK_AFTER: Final = 0.003
"""Seconds that somebody has the lock before it is asked who that is. Writers need microseconds, mostly."""

NOTICE: Final = 0.0005
"""Seconds for which a writer may believe that the lock of the file counts, since he has looked: a look costs about a
microsecond."""

_LONGEST_STEP: Final = 0.25
_ATTEMPTS: Final = 100


class FileLock:
    """The lock of one open file. Not for several threads at once.

    It belongs to descriptors, so that it ends with the process, and a forked child must close its copies.
    """

    __slots__ = (
        "_believed_until",
        "_directory",
        "_file",
        "_identity",
        "_is_marked",
        "_maker",
        "_path",
        "_shared",
        "fd",
        "is_wary",
    )

    def __init__(self, fd: int, directory: str) -> None:
        """*fd* is the file, which is in *directory*."""
        self._file = fd
        self.fd = fd
        """Whose lock counts, and is to be given back: by the kernel's function and none around it."""
        self._directory = directory
        self._shared: str | None = None
        self._path = ""
        self._identity = descriptor.NOTHING
        self._is_marked = False
        self._maker = 0
        self._believed_until = 0.0
        self.is_wary = False
        """Whether the last file of this log was one that others lock, so that this is asked at once."""

    def be_taken_in(self, directory: str) -> None:
        """Count from now on in *directory*, where other users take it, too, in the stead of the file's.

        Raises:
            OSError: there is none to be had there.
        """
        self._shared = directory
        self.fd = self._opened()

    def is_supported(self) -> bool:
        """Whether there are such locks where it is."""
        return lock.supported(self.fd)

    def acquire(self, bound: float) -> bool:
        """Take it within *bound* seconds; False when somebody else who writes kept it that long."""
        if self.fd == self._file and take(self.fd):  # Here, for it is done for each record.
            return monotonic() < self._believed_until or self._is_right(bound)
        return self._acquire_patiently(bound)

    def _acquire_patiently(self, bound: float) -> bool:
        if self.fd != self._file:
            return self._acquire_private(bound)
        patience = 0.0 if self.is_wary else min(bound, LOOK_AFTER)
        if not lock.acquire(self._file, patience):
            return bound > patience and self._outwait(bound - patience)
        return monotonic() < self._believed_until or self._is_right(bound)

    def take_again(self) -> bool:
        """For a call that interrupts whoever is taking or has it: take it if nobody else has it now."""
        return take(self.fd)

    def _outwait(self, bound: float) -> bool:
        """Somebody has it, and does not give it back soon."""
        step = LOOK_AFTER
        while True:
            readers: dict[int, bool] = {}
            if self._may_change() and self._is_read(readers) and self._change(readers):
                return self._acquire_private(bound)
            if bound <= 0:
                return False
            step = min(step * 4, _LONGEST_STEP, bound)
            if lock.acquire(self.fd, step):
                return monotonic() < self._believed_until or self._is_right(bound)
            bound -= step

    def _is_right(self, bound: float) -> bool:
        """With the lock of the file: go on with it, unless the private one counts."""
        now = monotonic()
        # SYNC is_right -> change: looked after it was taken. See the module.
        if byte_lock.is_held(self._file, PRIVATE) and self._may_change():
            try:
                changed = self._change(None)
            except OSError:
                # The others can have the private lock, and this process cannot now, so none is right here.
                lock.give_back(self._file, lock.HOW)
                return False
            if changed:
                return self._acquire_private(bound)
        self._believed_until = now + NOTICE
        self.is_wary = False
        return True

    def _may_change(self) -> bool:
        return holders.has_one_writer(os.fstat(self._file))

    def _is_read(self, readers: dict[int, bool]) -> bool:
        return holders.is_held_by_a_reader(self._file, os.fstat(self._file), readers)

    def _change(self, readers: dict[int, bool] | None) -> bool:
        """Have the private lock count, which is not taken yet; False where that is not possible, or not any more.

        Args:
            readers: those who were found to have the lock of the file, and cannot write; None where it is held.

        Raises:
            OSError: it is held, and this process has no descriptor left, or no memory.
        """
        private = -1
        try:
            try:
                private = self._opened()
            except OSError as error:
                if readers is None and descriptor.is_none_left(error):
                    raise
                return False
            if not byte_lock.share_surely(self._file, PRIVATE):
                return False
            # SYNC change -> is_right: said before this wait.
            until = monotonic() + NOTICE
            while (left := until - monotonic()) > 0:
                time.sleep(left)
            if readers is not None and not self._is_read(readers):
                byte_lock.release(self._file, PRIVATE)
                return False
            self.fd, self.is_wary, private = private, True, -1
            return True
        finally:
            if private >= 0:
                self._put_away(private)

    def _acquire_private(self, bound: float) -> bool:
        if self._shared is None:
            # Perhaps held since we changed over, also by a call that interrupted that, or that raised there.
            lock.give_back(self._file, lock.HOW)
        for _ in range(_ATTEMPTS):
            if descriptor.is_still(self.fd, self._identity):
                step = 0.0
                while not (taken := lock.acquire(self.fd, step)) and lock_file.is_in_place(self.fd):
                    bound -= step
                    if bound <= 0:
                        return False
                    step = min(max(step * 4, LOOK_AFTER), _LONGEST_STEP, bound)
                if taken and lock_file.is_in_place(self.fd):
                    return True
            # Somebody was the last one to have it, and has removed it, perhaps with the lock, which a process may keep
            # that was forked just then; or the program has closed our descriptor.
            fd, identity, is_marked = self.fd, self._identity, self._is_marked
            try:
                self.fd = self._opened()
            except OSError:
                return False
            claim.let_go(fd)
            descriptor.close(fd, identity, marked=is_marked)
        return False

    def _opened(self) -> int:
        """The file of the private lock, opened anew."""
        opened = lock_file.open_own if self._shared is None else lock_file.open_shared
        fd, self._path = opened(self._shared or self._directory, os.fstat(self._file))
        fd = descriptor.raised(fd)
        self._identity, self._is_marked, self._maker = descriptor.identity_of(fd), descriptor.mark(fd), os.getpid()
        claim.keep(fd)  # A child that is forked at any moment must not have it.
        return fd

    def _put_away(self, fd: int) -> None:
        """Close the file of the private lock, and remove it where nobody else has it locked."""
        is_ours = descriptor.is_still(fd, self._identity)
        try:
            # A child has not made it, and shares what its parent has locked.
            if is_ours and self._maker == os.getpid():
                self._remove(fd, self._path)
        finally:
            claim.let_go(fd)  # Now that nothing is locked through it.
            if is_ours:
                descriptor.close(fd, self._identity, marked=self._is_marked)

    def tidy(self) -> None:
        """Remove the file of the private lock where nobody needs it now: ours, and what killed processes have left.

        To be called by who does not have the lock, and at the end: who goes on makes it anew.
        """
        with contextlib.suppress(OSError):
            if self.fd == self._file:
                found = lock_file.found(self._directory, os.fstat(self.fd))
                if found is not None:
                    with claim.kept(found[0]) as fd:
                        self._remove(fd, found[1])
                return
            if self._shared is None:
                lock_file.sweep_beside(self._directory)
            if descriptor.is_still(self.fd, self._identity):
                self._remove(self.fd, self._path)

    @staticmethod
    def _remove(fd: int, path: str) -> None:
        """Remove the file *fd* of a private lock where nobody else has it locked. It is not locked here any more then:
        a child that has its descriptor would keep it so."""
        try:
            with contextlib.suppress(OSError):
                if take(fd):
                    lock_file.remove(fd, path)
        finally:
            lock.give_back(fd, lock.HOW)

    def close(self) -> None:
        """Let go of all but the file itself. It is given back with that, or before."""
        if self.fd != self._file:
            fd, self.fd = self.fd, self._file
            self._put_away(fd)


@contextlib.contextmanager
def locked(fd: int, directory: str, shared: str | None, bound: float) -> Iterator[bool]:
    """With the lock of the file *fd*, which is in *directory*; gives False where it was not to be had within *bound*.

    The caller closes *fd*, and the lock ends with that.

    Args:
        shared: the `coordination_dir` of the log, if it has one.

    Raises:
        OSError: there is none to be had.
    """
    turn = FileLock(fd, directory)
    try:
        if shared is not None:
            turn.be_taken_in(shared)
        yield turn.acquire(bound)
    finally:
        turn.close()
