"""Deliberate faults in mplog, to show that the kill points would see them. Each is one line forgotten or moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mplog._ring.ring import Entry
from mplog._session import settling
from mplog._sinks.file.commit import Commits
from mplog._sinks.file.progress import Progress
from mplog._sinks.file.slot import _DONE, _INTENT, Part, Slot
from mplog._writer.batch import Batches


def leave_out_done_mark() -> None:
    """Commit batches so that nothing says afterwards that they are done."""
    look = Progress.look

    def forgetful(self: Progress, slot: Slot) -> None:
        look(self, slot)
        slot._words[_INTENT] = slot._words[_DONE] = 0

    Progress.look = forgetful  # type: ignore[method-assign]  # the fault


def promise_after_writing() -> None:
    """Append first, promise then: a half written batch has nobody who takes it back."""
    intend = Slot.intend
    append = Commits._append

    def reordered(self: Commits, entries: Sequence[Entry], size: int, parts: list[Part], slot: Slot) -> None:
        promised: list[Any] = []
        Slot.intend = lambda self, promise: promised.append(promise)  # type: ignore[method-assign]  # the fault
        try:
            append(self, entries, size, parts, slot)
        finally:
            Slot.intend = intend  # type: ignore[method-assign]  # the fault
        for promise in promised:
            slot.intend(promise)
            slot.done()

    Commits._append = reordered  # type: ignore[method-assign]  # the fault


def move_heads_first() -> None:
    """Move the heads when records are read, before they are in any file."""
    share_out = Batches._share_out

    def early(self: Batches, sources: Any, starts: Any, entries: Any, *rest: Any) -> Any:
        for source in sources:
            source.reader.release(source.reader.position)
        return share_out(self, sources, starts, entries, *rest)

    Batches._share_out = early  # type: ignore[method-assign,assignment]  # the fault


def settle_nothing() -> None:
    """Recover without looking at the promise that a dead process made."""

    def blind(fd: int, place: Any, slot: Slot, route: Any, sink: Any) -> None:
        slot.take_back()

    settling.settle_intent = blind


def forget_what_was_done() -> None:
    """Recover every ring from its head, whatever a slot says."""
    Slot.last_done = lambda self: None  # type: ignore[method-assign]  # the fault


FAULTS: dict[str, Callable[[], None]] = {
    "done mark left out": leave_out_done_mark,
    "promised after writing": promise_after_writing,
    "heads moved first": move_heads_first,
    "promises ignored": settle_nothing,
    "slots ignored": forget_what_was_done,
}
