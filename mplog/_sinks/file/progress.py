"""How far one batch has come into its file: whatever ends an attempt, the next one neither repeats nor skips."""

from __future__ import annotations

from mplog._sinks.file.slot import Slot


class Progress:
    """Of one batch. An exception, such as that of a signal handler, may end `FileSink.commit` at any place; what the
    slot says then is what counts. Else it is not asked: every process of its user can store into it.
    """

    __slots__ = ("_open", "done", "ends")

    def __init__(self, ends: dict[int, int] | None = None) -> None:
        """*ends*: per ring how far earlier commits have come while no head has moved since. Each promise repeats it; it
        is brought up to date as promises are kept."""
        self.ends = {} if ends is None else ends
        self.done = 0
        """How many of its records are in the file for good."""
        self._open: tuple[int, int, dict[int, int]] | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a promise of which it is not known whether it was kept."""
        return self._open is not None

    def promise(self, slot: Slot, done: int, ends: dict[int, int]) -> None:
        """The next promise in *slot* is about the records up to *done*, with which the rings have come to *ends*."""
        self._open = slot.next_number, done, ends

    def keep(self) -> None:
        """The open promise was kept."""
        if self._open is not None:
            _, done, ends = self._open
            self.done = done
            self.ends.update(ends)
            self._open = None

    def look(self, slot: Slot) -> None:
        """Count the open promise if it was kept; one that was taken back is as if it had not been made.

        While it is neither, it stays open here, too.
        """
        if self._open is None or slot.is_undone():
            return
        if slot.done_number >= self._open[0]:
            self.keep()
        self._open = None
