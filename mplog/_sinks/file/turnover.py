"""When a record ends the file of a sink, and the rotation then: for direct calls and for batches.

Everything here is called with the sink's mutex and the file's lock held.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mplog._capture.record import Message
from mplog._render.times import local_time
from mplog._ring.clock import monotonic, wall_time
from mplog._ring.ring import Entry
from mplog._sinks import report, signals
from mplog._sinks.file import renewal
from mplog._sinks.file.log_file import LogFile
from mplog._sinks.stray import as_exception

ROTATION_PATIENCE = 60.0
"""Seconds between two attempts of a rotation that is refused, at most."""

ROTATION_ATTEMPTS = 8
"""Rotations for one record, when other processes fill each new file first."""


AHEAD = 60.0
"""Seconds that a record's time may be ahead of the clock. One that is further ahead, because the clock was put back
since or a process wrote anything there, is of now: else no file would be due for as long."""


def _believed(wall: float) -> float:
    """When a record that says *wall* was logged, as far as that can be."""
    now = wall_time()
    return wall if 0.0 <= wall <= now + AHEAD else now


class Line(bytes):
    """The finished bytes of one record that remember the message they were made of, for rotation functions."""

    message: Message | None = None


class Turnover:
    """The rotation rules of one sink at work."""

    def __init__(self, file: LogFile, settle: Callable[[int], None]) -> None:
        """
        Args:
            file: the file to rotate.
            settle: called with the descriptor before a rotation: keeps or takes back what killed sessions promised.
        """
        self.file = file
        self.options = file.options
        self._settle = settle
        self.asks = self.options.rotation is not None and bool(self.options.rotation.functions)
        """Whether functions of the user are to be asked before each record."""
        self._patience = 0.0
        self.retry_from = 0.0
        """`monotonic()` before which a rotation that was refused is not tried again; 0 when none was."""
        self.troubles: list[Exception] = []
        """What functions of the user raised, until somebody says it."""
        self.count = 0

    def take_troubles(self) -> list[Exception]:
        """Those of the last record or batch."""
        troubles, self.troubles = self.troubles, []
        return troubles

    def rotate_for(self, data: bytes, wall: float, message: Message | None, rotated: list[str]) -> None:
        """Rotate before a record as often as it takes."""
        file, done = self.file, False
        for _ in range(ROTATION_ATTEMPTS):
            # Again, when another process has filled the new file before we had its lock.
            if (done and file.is_empty) or not self._is_due(file.size, data, wall, message):
                return
            old = self._rotate(wall)
            done = True
            if old is not None and old not in rotated:
                rotated.append(old)
            if file.is_held_elsewhere:
                return  # Somebody has stopped who was faster in the new file, which is not ours to rotate.

    def make_room(self, entries: Sequence[Entry], first: int, rotated: list[str]) -> int:
        """How many of *entries* go into the current file, after as many rotations as it takes."""
        file = self.file
        for _ in range(ROTATION_ATTEMPTS):
            last = self._fitting(entries, first, file.size)
            if last > first:
                return last
            # Again, when another process has filled the new file before we had its lock.
            old = self._rotate(_believed(entries[first][6]))
            if old is not None:
                rotated.append(old)
            if file.is_empty or file.is_held_elsewhere:
                break
        if self.asks:
            return first + 1
        return max(self._fitting(entries, first, file.size), first + 1)

    def _fitting(self, entries: Sequence[Entry], first: int, size: int) -> int:
        """How far *entries* may go into the current file: up to its size limit and its due time."""
        rotation = self.options.rotation
        if rotation is None or not self._may_rotate():
            return len(entries)
        limit, due = rotation.size_limit, renewal.due(self.file)
        if limit is None and due is None and not self.asks:
            return len(entries)
        for index in range(first, len(entries)):
            entry = entries[index]
            before, size = size, size + len(entry[7])
            if limit is not None and size > limit and (before > len(self.options.text.mark) or not limit):
                return index
            if due is not None and entry[6] >= due and _believed(entry[6]) >= due:
                return index
            if self.asks:
                # One record at a time: a function sees the file with all that came before.
                return index if self._asked(entry[7], entry[6], getattr(entry[7], "message", None)) else index + 1
        return len(entries)

    def _is_due(self, size: int, data: bytes, wall: float, message: Message | None) -> bool:
        rotation = self.options.rotation
        if rotation is None or not self._may_rotate():
            return False
        # A record over the limit goes into an empty file as it is: rotating that would leave an empty one behind.
        limit = rotation.size_limit
        if limit is not None and size + len(data) > limit and (not self.file.is_empty or not limit):
            return True
        due = renewal.due(self.file)
        if due is not None and wall >= due:
            return True
        return self.asks and self._asked(data, wall, message)

    def _asked(self, data: bytes, wall: float, message: Message | None) -> bool:
        """What the user's rotation functions say; they get the message and the open file, as documented."""
        rotation = self.options.rotation
        assert rotation is not None
        if message is None:
            message = Message(data.decode(self.options.text.encoding, "replace"))
            message.record = {"time": local_time(_believed(wall))}
        signals.open_up()
        try:
            view = self.file.view()
            return any(function(message, view) for function in rotation.functions)
        except BaseException as error:  # noqa: BLE001 - the user's function; no rotation then, and no record lost
            self.troubles.append(as_exception(error))
            return False

    def _rotate(self, wall: float) -> str | None:
        """Rotate, and return the old file's name. Where that is refused, the current file grows on for a while."""
        # No rotation while a promise is open: whoever keeps or takes it back would not find its bytes.
        self._settle(self.file.fd)
        rotation = self.options.rotation
        assert rotation is not None
        signals.open_up()  # An opener, a compression or a retention may be the user's own.
        try:
            old = renewal.rotate(self.file, wall, keep_empty=rotation.keeps_empty, troubles=self.troubles)
        except OSError as error:
            if self.file.fd < 0:
                raise  # The old file has lost its name, and there is no new one yet.
            self._patience = min(max(1.0, self._patience * 2), ROTATION_PATIENCE)
            self.retry_from = monotonic() + self._patience
            report.once(
                f"rotate {self.file.path}",
                f"{self.file.path} could not be rotated ({error}); it grows on, and the next attempt is in "
                f"{self._patience:.0f} s. Nothing is lost.",
            )
            return None
        self._patience = self.retry_from = 0.0
        self.count += 1
        return old

    def _may_rotate(self) -> bool:
        # A device or a FIFO is the system's, not ours to rename; nor is what a user's opener put elsewhere.
        return self.file.shared and (not self.retry_from or monotonic() >= self.retry_from)
