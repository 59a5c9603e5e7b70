"""An orphan: a worker whose owner is gone. It writes its own unread records, then goes on in its own process.

Files are written under their lock, standard streams are this process's own, and for other sinks the records are
counted as lost: their code lived in the owner.

A worker that has given up the rights of its owner may not write his files. What it has logged stays in its ring, and
what it logs goes there, too, as far as there is room: the next program that has those rights and adds the file writes
it. Between two attempts nobody holds the ring's kernel lock, so that this may be soon.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import cast

from mplog._capture import process
from mplog._capture.record import Message
from mplog._ring import drops
from mplog._ring.clock import monotonic
from mplog._ring.holding import holding
from mplog._ring.layout import HEAD, LOG, SPILLED_KINDS, TAIL
from mplog._ring.ring import Producer
from mplog._ring.ring_file import RingFile
from mplog._session import losses, reading, recovery, rings, slot_files, sweeping
from mplog._session.account import Account, Told
from mplog._session.link import Link
from mplog._sinks import report
from mplog._sinks.file import lock
from mplog._sinks.file.sink import ENDING_BOUND, FileSink
from mplog._sinks.file.use import FileBusy
from mplog._sinks.inside import inside
from mplog._sinks.limit import Limit
from mplog._writer.route import Route

LOCK_BOUND = 0.5
"""Seconds to wait for an owner that is just ending to give up the kernel lock of our ring."""

FILE_BOUND = 0.05
"""Seconds that a log call, or the lookout, waits for a log file's lock before it leaves older records for later."""

BUSY = 2.0
"""Seconds after which it is worth a word that somebody has a log file's lock."""

PAUSE = 0.005
"""Seconds between two looks for room in a full ring."""

RETRY = 0.25
"""Seconds between two attempts to write what could not be written at once."""


class Orphan:
    """Stands where the producer stood. Safe from any thread."""

    def __init__(
        self,
        link: Link,
        routes: Callable[[], dict[int, Route]],
        *,
        only_files: bool,
        quiet: bool = False,
        then: Callable[[], None] | None = None,
    ) -> None:
        """The first call writes what is unread, before anything else.

        Args:
            only_files: the owner has no other sinks for this process.
            quiet: nobody needs to know, because somebody else will take the owner's place.
            then: called behind each record once nothing older is left in the rings.
        """
        self._link = link
        self._only_files = only_files
        self._routes = routes()
        self._said = quiet
        self._then = then
        self._mutex = threading.RLock()
        """Held while older records are written; what other threads log meanwhile waits for the first attempt only."""
        self._is_trying = False
        self._has_tried = False
        self._since = monotonic()
        self._is_through = False
        """Whether this attempt has found everything written, so that nothing more may be put into the ring."""
        self._retry_at: float | None = 0.0
        """When to try (again) to write what is still in the rings; None when nothing is."""
        self.lost: dict[int, int] = {}
        self._counting = threading.RLock()
        """Held for a moment at each of the counts below."""
        self._emitted = self._filtered = self._failed = self._dropped = 0
        """Of the records that came here, as soon as it is known what became of them."""
        mine = [ring for ring in link.rings if not ring.is_closed]
        self._rings = mine
        producer = link.producer
        self._producer = producer if isinstance(producer, Producer) and mine and mine[-1] is link.ring else None
        """Publishes in the last of our rings, while there are files that this process may not write."""
        self._ring = link.ring
        self._kept: set[int] = set()
        """The routes whose files this process may not write, or not now: their records go into the ring."""
        self._streams = [ring for ring in mine if ring.words[TAIL] != ring.words[HEAD]]
        """The rings whose records for other sinks than files have not been looked at yet."""
        if self._producer is not None and link.place.is_out_of_reach:
            self._kept = {number for number, route in self._routes.items() if isinstance(route.sink, FileSink)}
        self._is_stalled = False
        """Whether a call has waited for room in the ring in vain, so that no other one does."""
        self._is_elsewhere = link.place.is_elsewhere
        """Whether the paths of the files mean others here."""
        self._unread = self._left = sum(ring.reader().count_unread() for ring in self._streams)
        """Records that our rings held, and those of them that are there still."""

    def _attempt(self, lock_bound: float, file_bound: float) -> None:
        """`_take_over`, which must neither end a call nor leave this process without anybody to take its records."""
        # Before the attempt: whatever ends it, also a signal handler that raises, there is another one.
        self._retry_at = monotonic() + RETRY
        self._is_through = False
        if self._streams and not self._said:
            self._say()
        try:
            through = self._take_over(lock_bound, file_bound)
        except Exception as error:  # noqa: BLE001 - it is tried again
            through = not self._rings
            report.once(
                "orphan attempt",
                f"process {self._link.pid} could not bring its log up to date: {error!r}. It is tried again; what is "
                "left when it ends, `mplog recover` writes.",
            )
        if through:
            self._retry_at = None

    def _take_over(self, lock_bound: float, file_bound: float) -> bool:
        """Write what our own rings hold; whether nothing is left. What cannot be written now stays there for another
        attempt; when this process ends before, the next program that adds the file writes it.
        """
        if self._link.place.is_out_of_reach:
            self._write_streams()
            return not self._rings
        self._rings = [ring for ring in self._rings if ring.is_unread() or os.path.exists(ring.path)]
        if not self._rings:
            place = self._link.place
            files = Limit(file_bound, firm=True)
            if not place.is_served:  # Else there was no room for a ring.
                self._settle(files)
            # Not where this process is just ending its own session.
            if not place.is_served and not self._link.is_owner:
                self._recover_others(files)
            return True
        ends = [(ring, ring.words[TAIL]) for ring in self._rings]
        locks = Limit(lock_bound, firm=True)
        locked = [ring for ring in self._rings if rings.try_lock(ring, locks.left())]
        files = Limit(file_bound, firm=True)
        complete = len(locked) == len(self._rings)
        if not complete and self._producer is not None:
            self._kept = {number for number, route in self._routes.items() if isinstance(route.sink, FileSink)}
        # First the files that got nothing the last time: the others have had their share of this one.
        for route in sorted(self._routes.values(), key=lambda route: route.spec.id not in self._kept):
            if not isinstance(route.sink, FileSink):
                continue
            try:
                self._write_file(route, locked, files.left())
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again, and other files go on
                if self._is_done_by_others():
                    break
                complete = False
                if self._producer is not None:
                    # What comes now stands behind what is in the ring, and so it does in the file.
                    self._kept.add(route.spec.id)
                if isinstance(error, FileBusy) and monotonic() - self._since < BUSY:
                    continue  # All that have lost their owner write now, each in its turn.
                report.once(
                    f"orphan {route.spec.id}",
                    f"{route.sink.path} could not be brought up to date: {error}. It is tried again; what is left when "
                    "this process ends, `mplog recover` writes.",
                )
        self._write_streams()
        others = {number: route for number, route in self._routes.items() if not isinstance(route.sink, FileSink)}
        for ring in locked:
            losses.tell(ring, others, leave_others=not complete, direct=True)
        # From here on nothing is put into the ring; what was put there meanwhile is for another attempt.
        self._is_through = complete
        if not complete or (self._producer is not None and not self._producer.seal_at(ends[-1][1])):
            self._is_through = False
            for ring in locked:
                lock.give_back(ring.fd, lock.HOW)  # What is done is in the slots. Others may do the rest.
            return False
        for ring, end in ends:
            if reading.is_whole(ring):  # A damaged one stays for whoever looks into it, with what nobody could read.
                ring.words[HEAD] = end
                rings.remove(ring.path)
            ring.rest()
        # Not one by one before: a record that another thread was just putting into the ring would be overtaken.
        self._kept = set()
        self._rings, self._left, self._ring, self._producer = [], 0, None, None
        self._recover_others(files)
        return True

    def _is_done_by_others(self) -> bool:
        """Whether others have written everything and removed the session while this process came to it."""
        drained = all(ring.words[TAIL] == ring.words[HEAD] for ring in self._rings)
        return drained and not os.path.exists(self._link.place.path)

    def _recover_others(self, files: Limit) -> None:
        """Write what processes of the session left that died with the owner, and remove it behind the last one."""
        place = self._link.place
        for path in slot_files.slots_of(place).values():
            with contextlib.suppress(OSError, ValueError, LookupError, FileBusy):  # The next one that looks does it.
                recovery.recover_slot(path, self._routes.__getitem__, files.left())
        sweeping.remove_if_left(place)

    def _try_again(self, lock_bound: float, file_bound: float) -> None:
        # The first attempt is waited for, so that what comes now stands behind it, but from inside of a sink: whoever
        # is at it may be waiting for that.
        wait = -1 if not self._has_tried and inside.message is None else lock_bound
        holding(self._mutex, lambda: self._try_now(lock_bound, file_bound), None, wait)

    def _try_now(self, lock_bound: float, file_bound: float) -> None:
        # Not from inside of an attempt of this thread, in which a function of the user's, or a signal handler, logs.
        if self._is_trying or self._retry_at is None:
            return
        self._is_trying = True
        try:
            self._attempt(lock_bound if self._has_tried else LOCK_BOUND, file_bound)
        finally:
            self._is_trying = False
            self._has_tried = True

    def _settle(self, files: Limit) -> None:
        """Keep or take back what the owner promised, before anything is appended that may look the same."""
        for route in self._routes.values():
            if isinstance(route.sink, FileSink) and route.sink.shared:
                sink = route.sink
                with contextlib.suppress(OSError, FileBusy):
                    sink.locked(files.left(), lambda file, sink=sink: sink.settle(file.fd))  # type: ignore[misc]  # now

    def _say(self) -> None:
        """Tell the user, when there is something to write: not where a process only ends after its owner."""
        self._said = True
        owner = self._link.place.control.identity.pid
        if self._link.is_owner or (process.interpreter() and owner == self._link.pid):
            return  # At its own end an owner with `enqueue=True` gets here for itself, and so do its subinterpreters.
        if self._kept and self._ring is not None:
            report.once(
                "orphan",
                f"the owner of the log (process {owner}) is gone, and process {self._link.pid} has not the rights to "
                f"write its files (its user is {os.geteuid()} now, or its root another one). What it logs stays in "
                f"{self._ring.path}, as far as there is room; the next program of user "
                f"{self._link.place.control.uid} that adds the same file, or `mplog recover`, writes it.",
            )
        else:
            report.once(
                "orphan",
                f"the owner of the log (process {owner}) is gone; process {self._link.pid} now writes its files by "
                "itself.",
            )

    def _write_file(self, route: Route, locked: list[RingFile], bound: float) -> None:
        sink = route.sink
        assert isinstance(sink, FileSink)
        if not sink.shared:
            return
        place = self._link.place
        path = slot_files.slot_path(place, sink, route.spec.id)
        recovery.write_rest(place, locked, route, path, bound, make=True)

    def _write_streams(self) -> None:
        unread, self._streams = self._streams, []  # At most once.
        for ring in unread:
            reader = ring.reader()
            with contextlib.suppress(Exception):
                for entry in reader.read(0):
                    route = self._routes.get(entry[4])
                    if route is None or not isinstance(route.sink, FileSink):
                        self._deliver(entry[6], entry[4], entry[5], entry[7], entry[3], came=0)

    def push(self, wall: float, route: int, level: int, body: bytes, kind: int = LOG) -> bool:
        """Deliver one record in this process. What cannot be delivered is counted, not tried again.

        False for one that is too large for our ring, where it has to go there.
        """
        if not self._said:
            self._say()
        if self._retry_at is not None:
            self.catch_up()
        if self._kept and len(body) > self.largest_inline:
            return False
        self._deliver(wall, route, level, body, kind)
        if self._then is not None and self.has_caught_up:
            self._then()
        return True

    def catch_up(self) -> None:
        """Try again to write what could not be written before, when it is time. For log calls and the lookout."""
        retry_at = self._retry_at
        if retry_at is not None and (not self._has_tried or monotonic() > retry_at):
            self._try_again(0.0, FILE_BOUND)

    def _deliver(self, wall: float, number: int, level: int, body: bytes, kind: int, came: int = 1) -> None:
        """*came*: 0 for what was in a ring, which is counted there."""
        if number in self._kept and self._keep(wall, number, level, body, kind):
            return
        route = self._routes.get(number)
        counts = True
        if route is None:
            self._count(came, dropped=1)
            self.lost[number] = self.lost.get(number, 0) + 1
            report.once(f"lost {number}", f"records for handler {number} are lost: its sink died with the owner.")
            return
        try:
            if kind in SPILLED_KINDS:
                body = reading.spilled(self._link.place, body)
            text = route.text_of(kind, body)
            if text is None:
                self._count(came, filtered=1)
                return
            if isinstance(route.sink, FileSink):
                if self._is_elsewhere:
                    raise PermissionError(f"{route.sink.path} is another file here than it was for the owner")
                counts = route.sink.of_orphan  # Else the sink does, for the handler that it belongs to.
                text = route.ended(text if isinstance(text, bytes) else text.encode())
                route.sink.write(text, wall, getattr(text, "message", None))
            else:
                route.sink.write(text if isinstance(text, Message) else Message(text.decode("utf8", "replace")))
        except Exception:  # noqa: BLE001 - the sink's trouble is reported; the call itself must not raise
            if counts:
                self._count(came, failed=1)
            who = f"process {self._link.pid}"
            report.error_in_handler(number, route.record_of(kind, body, who), sink=route.spec.target)
        else:
            if counts:
                self._count(came)

    def _count(self, came: int, filtered: int = 0, failed: int = 0, dropped: int = 0, left: int = 0) -> None:
        """What has become of one record, if it is not written."""
        with self._counting:
            self._emitted += came
            self._filtered += filtered
            self._failed += failed
            self._dropped += dropped
            self._left += left

    def _keep(self, wall: float, number: int, level: int, body: bytes, kind: int) -> bool:
        """Publish a record in our ring, because its file takes nothing now; dropped where there is no room for long.

        False when everything has been written meanwhile, so that it goes straight to the file.
        """
        producer, ring = self._producer, self._ring
        if producer is None or ring is None:
            return False
        if len(body) > ring.capacity // 4:
            spilled = self._link.spill(body, kind)
            if spilled is None:
                return False
            body, kind = spilled
        patience = self._patience()
        while True:
            if not self._is_through and producer.push(wall, number, level, body, kind):
                self._count(1, left=1)
                return True
            # Not while another thread is at an attempt, which may be a success. One that is just here may wait for the
            # end of a push that this call interrupts.
            kept = holding(
                self._mutex,
                lambda: self._keep_again(producer, wall, number, level, body, kind),
                refused=cast("bool | None", False),
                timeout=0 if producer.interrupted else -1,
            )
            if kept is None:
                return False
            if kept:
                return True
            if monotonic() >= patience:
                break
            time.sleep(PAUSE)
            self.catch_up()
        self._is_stalled = True
        self._count(1, dropped=1)
        drops.count(ring.words, number, level)
        return True

    def _keep_again(
        self, producer: Producer, wall: float, number: int, level: int, body: bytes, kind: int
    ) -> bool | None:
        """With the mutex held: publish in our ring whatever has sealed it. None when everything has been written."""
        if self._is_through or not self._rings:
            return None
        producer.unseal()
        if not producer.push(wall, number, level, body, kind):
            return False
        self._count(1, left=1)
        return True

    def _patience(self) -> float:
        """`monotonic()` until which a call waits for room in our ring, which a file that takes its records makes."""
        options = self._link.options()
        if self._is_stalled or options.overflow == "drop" or self._link.place.is_out_of_reach:
            return 0.0
        return monotonic() + (1.0 if options.block_timeout is None else options.block_timeout)

    def account(self, published: int, told: Told) -> Account:
        """What has become of what was *published* for the owner, of which it has *told*, and of all since.

        What it had read and not told of is in its files, as they promise; where it had other sinks, too, it counts as
        dropped, for what waited for those died with it.
        """
        # No call while it is held: a signal handler that runs there may log, and wait for a thread that counts.
        with self._counting:
            came, filtered, failed, dropped, left = (
                self._emitted,
                self._filtered,
                self._failed,
                self._dropped,
                self._left,
            )
        emitted = published + came
        silent = max(0, published - told.total - self._unread)
        dropped += told.lost + (0 if self._only_files else silent)
        filtered, failed = filtered + told.filtered, failed + told.failed
        written = max(0, emitted - dropped - filtered - failed - left)
        return Account(emitted, written, dropped, filtered, failed)

    @property
    def largest_inline(self) -> int:
        """Bytes of a record that it takes as it is."""
        return self._ring.capacity // 4 if self._kept and self._ring is not None else sys.maxsize

    @property
    def has_caught_up(self) -> bool:
        """Whether nothing older is left in the rings of this process."""
        return not self._rings

    def leave(self) -> None:
        """Close the files until the next record: a process that idles must not look as if it wrote them."""
        for route in self._routes.values():
            if isinstance(route.sink, FileSink):
                route.sink.leave()

    def reopen(self) -> None:
        """Open the files again; as FileSink.reopen."""
        for route in self._routes.values():
            if isinstance(route.sink, FileSink):
                route.sink.reopen()

    def complete(self, limit: Limit) -> bool:
        """Write what could not be written before, and wait for archives in progress; whether nothing is left."""
        if self._rings:  # Another thread may be trying now, and fail; `_retry_at` does not tell.
            self._try_again(limit.left(), limit.left())
        archives = limit.at if limit.is_firm else monotonic() + ENDING_BOUND
        done = True
        for route in self._routes.values():
            if isinstance(route.sink, FileSink):
                done = route.sink.archiver.wait(archives) and done
        place = self._link.place
        if not self._rings and not self._link.is_owner and os.path.exists(place.path) and not place.is_served:
            # When this process went on by itself, another one that had nothing to say may still have lived.
            sweeping.remove_if_left(place)
        return done and self.has_caught_up
