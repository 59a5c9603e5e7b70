"""An orphan: a worker whose owner is gone. It writes its own unread records, then goes on in its own process.

Files are written under their lock, standard streams are this process's own, and for other sinks the records are
counted as lost: their code lived in the owner.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from mplog._capture.record import Message
from mplog._ring.layout import HEAD, KIND_SPILLED_DATA, LOG, SPILL, TAIL
from mplog._ring.ring_file import RingFile
from mplog._session import losses, recovery, rings
from mplog._session.link import Link
from mplog._sinks import report
from mplog._sinks.file import lock
from mplog._sinks.file import slot as slots
from mplog._sinks.file.sink import FileBusy, FileSink
from mplog._writer.route import Route

LOCK_BOUND = 5.0
"""Seconds to wait for an owner that is just ending to give up the kernel lock of our ring."""


class Orphan:
    """Stands where the producer stood. Safe from any thread."""

    def __init__(self, link: Link, routes: Callable[[], dict[int, Route]]) -> None:
        self._link = link
        self._routes = routes()
        self._said = False
        self.lost: dict[int, int] = {}
        self._take_over()

    def _take_over(self) -> None:
        link = self._link
        mine = [ring for ring in (*link.filled, link.ring) if ring is not None and ring.fd >= 0]
        unread = [ring for ring in mine if ring.words[TAIL] != ring.words[HEAD]]
        if unread:
            self._say()
        if not mine and link.place.is_served:
            return  # The owner lives, and there was no room for a ring.
        locked = [ring for ring in mine if self._locked(ring)]
        complete = len(locked) == len(mine)
        for route in self._routes.values():
            if not isinstance(route.sink, FileSink):
                continue
            try:
                self._write_file(route, locked)
            except (OSError, FileBusy) as error:
                complete = False
                report.once(f"orphan {route.spec.id}", f"{route.sink.path} could not be brought up to date: {error}")
        self._write_streams(unread)
        streams = {number: route for number, route in self._routes.items() if not isinstance(route.sink, FileSink)}
        for ring in locked:
            losses.tell(ring, streams, leave_others=not complete, direct=True)
        if complete:
            for ring in locked:
                ring.words[HEAD] = ring.words[TAIL]
                rings.remove(ring.path)
            # Whoever is the last of the session to leave it removes it.
            recovery.remove_if_left(link.place)
        # What could not be taken over stays in its ring: the next program that adds the file writes it.

    def _say(self) -> None:
        """Tell the user, when there is something to write: not where a process only ends after its owner."""
        self._said = True
        owner = self._link.place.control.identity.pid
        if owner != self._link.pid:  # At its own end an owner with `enqueue=True` gets here for itself.
            report.once(
                "orphan",
                f"the owner of the log (process {owner}) is gone; process {self._link.pid} now writes its files by "
                "itself.",
            )

    def _locked(self, ring: RingFile) -> bool:
        lock.prepare()
        return lock.acquire(ring.fd, LOCK_BOUND)

    def _write_file(self, route: Route, locked: list[RingFile]) -> None:
        sink = route.sink
        assert isinstance(sink, FileSink)
        if not sink.shared:
            return
        place = self._link.place
        path = recovery.slot_path(place, sink, route.spec.id)
        try:
            slot = slots.open_existing(path)
        except FileNotFoundError:
            slot = slots.create(path, place.id, route.spec.id)
        try:
            recovery.write_rest(place, locked, route, slot)
        finally:
            slot.close()

    def _write_streams(self, unread: list[RingFile]) -> None:
        for ring in unread:
            reader = ring.reader()
            with contextlib.suppress(Exception):
                for entry in reader.read(0):
                    route = self._routes.get(entry[4])
                    if route is None or not isinstance(route.sink, FileSink):
                        self._deliver(entry[6], entry[4], entry[7], entry[3])

    def push(self, wall: float, route: int, level: int, body: bytes, kind: int = LOG) -> bool:
        """Deliver one record in this process. Always True: what cannot be delivered is counted, not tried again."""
        if not self._said:
            self._say()
        self._deliver(wall, route, body, kind)
        return True

    def _deliver(self, wall: float, number: int, body: bytes, kind: int) -> None:
        route = self._routes.get(number)
        if route is None:
            self.lost[number] = self.lost.get(number, 0) + 1
            report.once(f"lost {number}", f"records for handler {number} are lost: its sink died with the owner.")
            return
        try:
            if kind in (SPILL, KIND_SPILLED_DATA):
                body = recovery.spilled(self._link.place, body)
            text = route.text_of(kind, body)
            if text is None:
                return
            if isinstance(route.sink, FileSink):
                route.sink.write(
                    text if isinstance(text, bytes) else text.encode(), wall, getattr(text, "message", None)
                )
            else:
                route.sink.write(text if isinstance(text, Message) else Message(text.decode("utf8", "replace")))
        except Exception:  # noqa: BLE001 - the sink's trouble is reported; the call itself must not raise
            report.error_in_handler(number, None)

    def reopen(self) -> None:
        """Open the files again; as FileSink.reopen."""
        for route in self._routes.values():
            if isinstance(route.sink, FileSink):
                route.sink.reopen()

    def complete(self) -> None:
        """Wait for archives in progress; every record is written when its call returns."""
        for route in self._routes.values():
            if isinstance(route.sink, FileSink):
                route.sink.archiver.wait(time.monotonic() + 30.0)
