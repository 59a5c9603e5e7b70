"""What the rings of dead programs hold for one file, with the bytes that the file gets."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mplog._ring.layout import HELD_BACK, SPILLED_KINDS
from mplog._ring.ring import Entry, RingCorrupt
from mplog._ring.ring_file import RingFile, open_existing
from mplog._session import rings
from mplog._session.place import Place
from mplog._sinks import report
from mplog._writer.backlog import as_it_was
from mplog._writer.route import Route
from mplog._writer.spilled import read_spilled, spill_path

Render = Callable[[int, bytes], "bytes | None"]
"""(kind, body) -> what the file gets, or None for a record that does not pass."""


def renderer(route: Route, *, ended: bool = True) -> Render:
    """What makes the bytes for the file of *route*. A record that it cannot make any of is said, and does not pass.

    Args:
        ended: each as a line that is ended; see Route.ended.
    """

    def render(kind: int, body: bytes) -> bytes | None:
        try:
            text = route.text_of(kind, body)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - a user's filter or format, or damaged bytes; as with a living owner
            record = route.record_of(kind, body, "an ended program")
            report.error_in_handler(route.spec.id, record, error, sink=route.spec.target)
            return None
        assert not isinstance(text, str)  # Routes of files give bytes.
        return route.ended(text) if ended and text is not None else text

    return render


def entries_of(ring: RingFile, number: int, start: int, end: int | None, route: int) -> list[Entry]:
    """The records of *route* in *ring* from *start* to *end*, as far as it is whole; *number* is what they bear."""
    if ring.is_early:
        return []
    reader = ring.reader()
    reader.position = max(start, reader.head)
    reader.forget_number()
    try:
        found = [entry for entry in reader.read(number, None, end) if entry[4] == route]
        return [as_it_was(entry) if entry[3] == HELD_BACK else entry for entry in found]
    except RingCorrupt as error:
        tell_of_damage(ring.path, str(error))
        return []


def tell_of_damage(path: str, trouble: str) -> None:
    """Say that the ring at *path* of a dead program has a *trouble*."""
    report.once(
        "damaged ring",
        f"the ring {path} is damaged ({trouble}); the rest of it is kept there, until `mplog recover --discard`",
        counted=True,
    )


def trouble_of(ring: RingFile) -> str:
    """Why *ring*, which nobody publishes into any more, cannot be read from its head to its end; empty when it can."""
    if ring.is_early:
        return ""
    reader = ring.reader()
    reader.forget_number()
    try:
        reader.read(0)
        rings.key_of(ring.path)
    except (RingCorrupt, ValueError) as error:
        return str(error)
    return f"what begins at {reader.position} of {reader.tail} is no record" if reader.unread() else ""


def is_whole(ring: RingFile) -> bool:
    """Whether *ring*, which nobody publishes into any more, can be read from its head to its end."""
    return not trouble_of(ring)


def is_held_back_whole(place: Place, route: int) -> bool:
    """Whether that is so of all rings of the backlog of *route*."""
    for path in rings.listed([place.backlog_directory(route)]):
        try:
            ring = open_existing(path)
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            return False
        try:
            if not is_whole(ring):
                return False
        finally:
            ring.close()
    return True


def spilled(place: Place, name: bytes) -> bytes:
    """The payload of a record that was too large for its ring, which has its *name*."""
    return read_spilled(spill_path(place.spill_directory, name))


def finished(entries: Iterable[Entry], place: Place, render: Render) -> list[Entry]:
    """Entries with the bytes that the file gets, without those that do not pass."""
    found = []
    for entry in entries:
        kind, body = entry[3], entry[7]
        if kind in SPILLED_KINDS:
            body = spilled(place, body)
        text = render(kind, body)
        if text is not None:
            found.append((*entry[:7], text))
    return found
