"""What the rings of dead programs hold for one file, with the bytes that the file gets."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mplog._ring.layout import DATA_RECORD, HELD_BACK, KIND_SPILLED_DATA, SPILL
from mplog._ring.ring import Entry, RingCorrupt
from mplog._ring.ring_file import RingFile
from mplog._session.place import Place
from mplog._sinks import report
from mplog._writer.backlog import as_it_was
from mplog._writer.route import Route
from mplog._writer.spilled import read_spilled, spill_path

Render = Callable[[int, bytes], "bytes | None"]
"""(kind, body) -> what the file gets, or None for a record that does not pass."""


def renderer(route: Route) -> Render:
    """What makes the bytes for the file of *route*. A record that it cannot make any of is said, and does not pass."""

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
        return text

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
        report.once(f"corrupt {ring.path}", f"the ring {ring.path} is damaged ({error}); the rest of it is kept there")
        return []


def spilled(place: Place, name: bytes) -> bytes:
    """The payload of a record that was too large for its ring, which has its *name*."""
    return read_spilled(spill_path(place.spill_directory, name))


def finished(entries: Iterable[Entry], place: Place, render: Render) -> list[Entry]:
    """Entries with the bytes that the file gets, without those that do not pass."""
    found = []
    for entry in entries:
        kind, body = entry[3], entry[7]
        if kind in (SPILL, KIND_SPILLED_DATA):
            body = spilled(place, body)
        text = body if kind not in (DATA_RECORD, KIND_SPILLED_DATA) else render(kind, body)
        if text is not None:
            found.append((*entry[:7], text))
    return found
