"""The file sink: direct appends, and batches that are appended exactly once.

Lock order: the sink's mutex (threads of this process), then the file's lock (processes).
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from mplog._ring.ring import Entry
from mplog._sinks import report
from mplog._sinks.file import compression, lock, phase
from mplog._sinks.file.log_file import FileOptions, LogFile, write_all
from mplog._sinks.file.slot import MAXIMUM_RINGS, Part, Promise, Slot
from mplog._sinks.file.take_back import take_back

DIRECT_BOUND = 1.0
"""Seconds a direct call waits for the file's lock; then it appends without it, whole but perhaps after the limit."""

BATCH_BOUND = 2.0
"""Seconds the writer waits for the file's lock before it turns to the other sinks and tries again."""


ROTATION_PATIENCE = 60.0
"""Seconds between two attempts of a rotation that is refused, at most."""


ROTATION_ATTEMPTS = 8
"""Rotations for one record, when other processes fill each new file first."""


def _nothing(_fd: int) -> None:
    """There is no session that could have left something."""


class FileBusy(Exception):
    """Somebody held the file's lock for longer than the bound. Nothing was written."""


class FileSink:
    """One log file, for the direct calls of this process and for the batches of its writer.

    Safe from any thread; a call that interrupts another one of the same thread (signal handler, `__del__`)
    is written right after it. Any number of processes may have the same file.
    """

    def __init__(self, options: FileOptions) -> None:
        """Open the file, unless `delay`. Raises OSError as the built-in `open`."""
        self.options = options
        lock.prepare()
        self._file = LogFile(options)
        self._mutex = threading.RLock()
        self._busy = False
        self._nested: deque[tuple[bytes, float]] = deque()
        self._rotates = options.rotation is not None
        self._patience = 0.0
        self._rotate_from = 0.0
        self._archiver: threading.Thread | None = None
        self._to_archive: deque[str] = deque()
        self._archiving_paused = False
        self.background = False
        """Whether compression happens in a second thread: yes as soon as a session's writer uses the sink."""
        self.closed = False
        self.settle: Callable[[int], None] = _nothing
        """Called with the descriptor, under the file's lock: keeps or takes back what killed sessions promised."""
        self.rotations = 0
        self.unlocked = 0
        if not options.delay:
            self._file.open()
            self._tidy()

    @property
    def is_open(self) -> bool:
        """Whether the file has been opened: by `add()`, or with `delay` by the first record."""
        return self._file.fd >= 0

    @property
    def path(self) -> str:
        """The path as it is now, or as it was last."""
        return self._file.path

    def key(self) -> str:
        """The name under which the sessions that write this file find one another."""
        return self._file.key()

    @property
    def shared(self) -> bool:
        """Whether this is a regular file, so that locks and slots make sense."""
        return self._file.shared

    def write(self, data: bytes, wall: float) -> None:
        """Append one finished record at once.

        Raises:
            OSError: the file cannot be written; nothing or a part of the record is in it.
        """
        with self._mutex:
            if self._busy:
                self._nested.append((data, wall))
                return
            self._busy = True
            try:
                self._write(data, wall)
            finally:
                self._busy = False
                if self._nested:
                    self._write_nested()

    def _write(self, data: bytes, wall: float) -> None:
        if self.closed:
            return
        file = self._file
        if not file.acquire(DIRECT_BOUND, follow=self._rotates):
            # Somebody stopped while holding the lock. An append is whole without it, too.
            self.unlocked += 1
            write_all(file.fd, data)
            return
        old = None
        rotated: list[str] = []
        try:
            if file.shared:
                if not self._rotates:
                    file.measure()
                if file.size != file.left and file.ends_torn():
                    self._mend()
            for _ in range(ROTATION_ATTEMPTS if self._rotates else 0):
                if not self._rotation_due(file.size, len(data), wall, data) or (old and not file.size):
                    break
                # Again, when another process has filled the new file before we had its lock.
                old = self._rotate(wall) or old
                if old is not None and old not in rotated:
                    rotated.append(old)
            write_all(file.fd, data)
            file.left = file.size + len(data)
        finally:
            file.release()
        for path in rotated:
            self._archive(path)

    def _mend(self) -> None:
        """The file ends in the middle of a line: put right what a killed session began, else end the line."""
        self.settle(self._file.fd)
        self._file.measure()
        if self._file.ends_torn():
            write_all(self._file.fd, b"\n")
            self._file.measure()

    def _write_nested(self) -> None:
        while self._nested:
            try:
                item = self._nested.popleft()
            except IndexError:
                return
            self.write(*item)

    def _rotation_due(self, size: int, length: int, wall: float, data: bytes) -> bool:
        rotation = self.options.rotation
        if rotation is None or not self._may_rotate():
            return False
        # A record over the limit goes into an empty file as it is: rotating that would leave an empty one behind.
        if (
            rotation.size_limit is not None
            and size + length > rotation.size_limit
            and (size or not rotation.size_limit)
        ):
            return True
        due = self._file.due()
        if due is not None and wall >= due:
            return True
        return bool(rotation.functions) and self._asked(data, wall)

    def _asked(self, data: bytes, wall: float) -> bool:
        """What the user's rotation functions say; they get the text and the open file, as documented."""
        from mplog._capture.record import Message
        from mplog._render.times import local_time

        rotation = self.options.rotation
        assert rotation is not None
        message = Message(data.decode(self.options.encoding, "replace"))
        message.record = {"time": local_time(wall)}
        try:
            with open(self._file.path, "a+", encoding=self.options.encoding) as file:
                return any(function(message, file) for function in rotation.functions)
        except Exception:  # noqa: BLE001 - the user's function; no rotation then, and no record lost
            report.error_in_handler(-1, None)
            return False

    def _rotate(self, wall: float) -> str | None:
        """Rotate, and return the old file's name. Where that is refused, the current file grows on for a while."""
        # No rotation while a promise is open: whoever keeps or takes it back would not find its bytes.
        self.settle(self._file.fd)
        try:
            old = self._file.rotate(wall)
        except OSError as error:
            if self._file.fd < 0:
                raise  # The old file is renamed already, and there is no new one yet.
            self._patience = min(max(1.0, self._patience * 2), ROTATION_PATIENCE)
            self._rotate_from = time.monotonic() + self._patience
            report.once(
                f"rotate {self.path}",
                f"{self.path} could not be rotated ({error}); it grows on, and the next attempt is in "
                f"{self._patience:.0f} s. Nothing is lost.",
            )
            return None
        self._patience = self._rotate_from = 0.0
        self.rotations += 1
        return old

    def _may_rotate(self) -> bool:
        return not self._rotate_from or time.monotonic() >= self._rotate_from

    def commit(
        self,
        entries: Sequence[Entry],
        rings: Sequence[bytes],
        starts: Sequence[int],
        slot: Slot,
        finish: Callable[[int], None],
        carried: dict[int, int] | None = None,
        last_ends: Sequence[int] | None = None,
    ) -> None:
        """Append *entries*, each exactly once whatever dies.

        Args:
            entries: sorted; their `ring` indexes *rings* (keys) and *starts* (positions before this round).
            slot: the session's slot for this file.
            finish: called with the number of entries that are committed so far, after each commit.
            carried: per ring how far earlier commits have come while no head has moved since (a split batch that is
                tried again, recovery). Each promise repeats it; it is brought up to date as commits are made.
            last_ends: per ring a position that no later record for this file is before, once all *entries* are in it.

        Raises:
            FileBusy: the lock was not to be had. What `finish` has not counted is unwritten.
            OSError: the file cannot be written. What `finish` has not counted is unwritten and cut off again.
        """
        with self._mutex:
            file = self._file
            if not file.acquire(BATCH_BOUND):
                raise FileBusy(f"{file.path} was locked by another process for more than {BATCH_BOUND} s")
            rotated: list[str] = []
            try:
                ends = carried if carried is not None else {}
                first = 0
                if file.shared and file.size != file.left and file.ends_torn():
                    self._mend()
                while first < len(entries):
                    last = self._make_room(entries, first, rotated)
                    size = file.size
                    part = entries if last - first == len(entries) else entries[first:last]
                    if last == len(entries) and last_ends is not None:
                        reached = {ring: end for ring, end in enumerate(last_ends) if end != starts[ring]}
                    else:
                        reached = {entry[1]: entry[2] for entry in part}
                    after = {**ends, **reached}
                    parts = [
                        Part(rings[ring], ends.get(ring, starts[ring]), end) for ring, end in sorted(after.items())
                    ]
                    self._append(part, size, parts, slot)
                    ends.update(after)
                    first = last
                    finish(last)
            finally:
                file.release()
        for old in rotated:
            self._archive(old)

    def _make_room(self, entries: Sequence[Entry], first: int, rotated: list[str]) -> int:
        """How many of *entries* go into the current file, after as many rotations as it takes."""
        file = self._file
        for _ in range(ROTATION_ATTEMPTS):
            last = self._fitting(entries, first, file.size)
            if last > first:
                return last
            # Again, when another process has filled the new file before we had its lock.
            old = self._rotate(entries[first][6])
            if old is not None:
                rotated.append(old)
                if not file.size:
                    break
        return max(self._fitting(entries, first, file.size), first + 1)

    def _fitting(self, entries: Sequence[Entry], first: int, size: int) -> int:
        """How far *entries* may go into the current file: up to its size limit and its due time."""
        rotation = self.options.rotation
        if rotation is None or not self._may_rotate():
            return len(entries)
        limit, due = rotation.size_limit, self._file.due()
        if limit is None and due is None and not rotation.functions:
            return len(entries)
        for index in range(first, len(entries)):
            entry = entries[index]
            before, size = size, size + len(entry[7])
            if limit is not None and size > limit and (before or not limit):
                return index
            if due is not None and entry[6] >= due:
                return index
            if rotation.functions and self._asked(entry[7], entry[6]):
                return index
        return len(entries)

    def _append(self, entries: Sequence[Entry], size: int, parts: list[Part], slot: Slot) -> None:
        """Promise, append, keep the promise: the steps that `recovery` knows how to finish."""
        fd = self._file.fd
        data = b"".join([entry[7] for entry in entries])
        if not self._file.shared:
            write_all(fd, data)
            return
        device, inode = self._file.identity
        assert len(parts) <= MAXIMUM_RINGS
        slot.intend(Promise(device, inode, size, len(data), tuple(parts)))
        phase.at(phase.INTENDED)
        try:
            write_all(fd, data)
        except OSError:
            with contextlib.suppress(OSError):
                take_back(fd, size, data)
            slot.take_back()
            raise
        self._file.size = self._file.left = size + len(data)
        phase.at(phase.APPENDED)
        slot.done()
        phase.at(phase.COMMITTED)

    def locked(self, bound: float) -> _Locked:
        """For recovery: the file's lock as a context; `with sink.locked(5.0) as file`."""
        return _Locked(self, bound)

    def _archive(self, path: str) -> None:
        if self.options.compression is None:
            return
        if not self.background:
            compression.archive(path, self.options.compression)
            return
        self._to_archive.append(path)
        self.resume_archiving()

    def _archive_all(self) -> None:
        while True:
            with self._mutex:
                if not self._to_archive or self._archiving_paused:
                    self._archiver = None
                    return
                path = self._to_archive[0]
            try:
                if self.options.compression is not None:
                    compression.archive(path, self.options.compression, unwanted=self._is_paused)
            except Exception:  # noqa: BLE001 - a user's function too; the source is whole, the next holder finishes it
                report.error_in_handler(-1, None)
            if not self._archiving_paused:
                self._to_archive.popleft()

    def _is_paused(self) -> bool:
        return self._archiving_paused

    def pause_archiving(self, deadline: float) -> None:
        """Before a fork: end the second thread, by `time.monotonic()` *deadline*. What it had begun is begun again."""
        self._archiving_paused = True
        thread = self._archiver
        if thread is not None:
            thread.join(max(0.0, deadline - time.monotonic()))

    def resume_archiving(self) -> None:
        """Start the second thread when there is something for it."""
        self._archiving_paused = False
        with self._mutex:
            if self._archiver is None and self._to_archive:
                self._archiver = threading.Thread(target=self._archive_all, name="mplog-archiver", daemon=True)
                try:
                    self._archiver.start()
                except RuntimeError:  # Threads cannot start late in the interpreter's end.
                    self._archiver = None
                    while self._to_archive and self.options.compression is not None:
                        compression.archive(self._to_archive.popleft(), self.options.compression)

    def _tidy(self) -> None:
        """Finish what a killed process left half compressed."""
        if self.options.compression is not None and self._file.shared:
            for path in compression.sweep(self.options.template, self.options.compression):
                self._archive(path)

    def wait_archived(self, deadline: float) -> bool:
        """Wait for the second thread until `time.monotonic()` reaches *deadline*; whether it is done."""
        while True:
            thread = self._archiver
            if thread is None:
                return True
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                return False

    def finish(self) -> None:
        """At the end of the process: as `close`, but keep the file open for what is still logged after it."""
        options = self.options
        if options.rotation is None and (options.compression or options.retention):
            self.close()
        else:
            self.wait_archived(time.monotonic() + 30.0)

    def close(self, deadline: float | None = None) -> None:
        """Finish archives and close. Without rotation, compression and retention happen now, as documented."""
        self.wait_archived(time.monotonic() + 30.0 if deadline is None else deadline)
        with self._mutex:
            if self.closed:
                return
            self.closed = True
            file = self._file
            options = self.options
            ends_here = options.rotation is None and (options.compression or options.retention)
            if ends_here and file.fd >= 0 and file.shared:
                path = file.path
                file.close()
                if options.compression is not None and os.path.exists(path):
                    compression.archive(path, options.compression)
                file.retain()
            file.close()

    def forget(self) -> None:
        """In a forked child: close the inherited descriptor, and start with fresh locks.

        Close, never unlock: the lock belongs to the open file that is shared with the parent, and a copy that stays
        open would keep the lock alive after the parent's death.
        """
        self._mutex = threading.RLock()
        self._busy = False
        self._nested = deque()
        self._archiver = None
        self._to_archive = deque()
        self._archiving_paused = False
        self._file.close()


class _Locked:
    """The sink's mutex and the file's lock together."""

    def __init__(self, sink: FileSink, bound: float) -> None:
        self._sink = sink
        self._bound = bound

    def __enter__(self) -> LogFile:
        self._sink._mutex.acquire()
        try:
            if not self._sink._file.acquire(self._bound):
                raise FileBusy(f"{self._sink.path} was locked by another process for more than {self._bound} s")
        except BaseException:
            self._sink._mutex.release()
            raise
        return self._sink._file

    def __exit__(self, *_: object) -> None:
        self._sink._file.release()
        self._sink._mutex.release()
