"""Batches, appended so that each record is in the file exactly once, whatever dies or raises.

Everything here is called with the sink's mutex and the file's lock held.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from mplog._ring.ring import Entry
from mplog._sinks.file import content
from mplog._sinks.file.log_file import LogFile, write_all
from mplog._sinks.file.progress import Progress
from mplog._sinks.file.slot import MAXIMUM_RINGS, Part, Promise, Slot
from mplog._sinks.file.take_back import Found
from mplog._sinks.file.turnover import Turnover
from mplog._sinks.file.use import FileBusy


class Commits:
    """The batches of one sink. What the arguments are, `FileSink.commit` says."""

    def __init__(self, file: LogFile, turnover: Turnover, settle: Callable[[int], None]) -> None:
        """*settle* is called with the descriptor: keeps or takes back what killed sessions promised."""
        self._file = file
        self._turnover = turnover
        self._settle = settle
        self.promised: tuple[Slot, Promise] | None = None
        """What has been promised, while its bytes are not in the file."""

    def write(
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
        """Append what *progress* says is left; *rotated* gets the names of files that were rotated on the way."""
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
                content.mark(file)
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
                progress.keep()
            else:
                write_all(file.fd, b"".join([entry[7] for entry in part]))
                progress.done = last

    def _settle_own(self, slot: Slot, progress: Progress) -> None:
        """Under the lock: finish or forget a promise that was left open, also one of an attempt that was cut short."""
        if slot.is_undone():
            self._settle(self._file.fd)
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
            self.promised = slot, promise
            if self._file.size != size:
                self.shift()
            write_all(fd, data)
            self._file.size = self._file.left = self.promised[1].offset + len(data)
            slot.done()
        except BaseException as error:
            if not slot.is_undone():
                raise  # Nothing is promised yet, or the promise is kept.
            size = promise.offset if self.promised is None else self.promised[1].offset
            found = content.undo(self._file, size, data)
            if found is Found.WHOLE:
                self._file.size = self._file.left = size + len(data)
                slot.done()
            elif found is not None:
                slot.take_back()
            # Else nothing can be said or done now: the promise stays open, and the next attempt begins with it.
            if found is not Found.WHOLE or not isinstance(error, OSError):
                raise
        finally:
            self.promised = None

    def shift(self) -> None:
        """A call that has interrupted a commit has appended its record where what is promised was to begin.

        Whoever has to take that back must not take this record for the begin of it, whose text may be the same.
        """
        assert self.promised is not None
        slot, promise = self.promised
        self.promised = slot, dataclasses.replace(promise, offset=self._file.size)
        slot.shrink(self.promised[1])
