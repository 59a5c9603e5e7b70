"""The table of kill points: every place at which the crash tests kill a process, and by which cases.

A point is a statement of mplog, found by how it begins, with "before" or "after". The part before the colon of its
name says what mplog is doing. A case is a play (acts.py) with the process that dies in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PARTS = (
    "push",
    "ring file",
    "register",
    "session",
    "slot",
    "drain",
    "commit",
    "rotate",
    "retain",
    "archive",
    "take over",
    "recover",
    "finish",
    "leave",
    "spill",
    "further ring",
    "backlog",
)
"""What mplog can be doing when a process dies; every one has points."""


@dataclass(frozen=True)
class Case:
    """One death: who dies in which play, at which passage of the point."""

    play: str
    victim: str
    nth: int = 1


@dataclass(frozen=True)
class Point:
    """A place in mplog's code."""

    name: str
    module: str
    """Below `mplog`."""

    function: str
    statement: str
    """How the statement begins, as `ast.unparse` writes it."""

    cases: tuple[Case, ...]
    after: bool = True
    """Right after the statement, or right before."""

    which: int = 0
    """Which of the statements of that function that begin so."""

    of: int = 1
    """How many do."""


POINTS: list[Point] = []
_cases: tuple[Case, ...] = ()


def _cased(*cases: Case) -> None:
    global _cases
    _cases = cases


def _before(name: str, module: str, function: str, statement: str, which: int = 0, of: int = 1, *cases: Case) -> None:
    POINTS.append(Point(name, module, function, statement, cases or _cases, False, which, of))


def _after(name: str, module: str, function: str, statement: str, which: int = 0, of: int = 1, *cases: Case) -> None:
    POINTS.append(Point(name, module, function, statement, cases or _cases, True, which, of))


# A worker publishes.
_cased(Case("workers", "worker1", 7), Case("orphans", "worker1", 150))
_before("push: nothing stored", "_ring.ring", "Producer.push", "pack(self._buffer, offset")
_before("push: payload stored, TAIL not", "_ring.ring", "Producer.push", "self._words[TAIL] = end")
_after("push: TAIL stored", "_ring.ring", "Producer.push", "self._words[TAIL] = end")
_cased(Case("workers", "worker1", 1), Case("workers", "worker1", 2))
_before("push: before the padding", "_ring.ring", "Producer.push", "if start != tail")
_after("push: padding stored", "_ring.ring", "Producer.push", "_pack_padding(")

# A worker begins its ring.
_cased(Case("workers", "worker1"))
_after("ring file: opened", "_ring.ring_file", "create", "fd = descriptor.create(")
_after("ring file: allocated", "_ring.ring_file", "create", "os.posix_fallocate(")
_before("ring file: header stored, magic not", "_ring.ring_file", "create", "ring.words[MAGIC_WORD] = MAGIC")
_before("ring file: whole, not named", "_ring.ring_file", "create", "os.link(")
_after("ring file: named", "_ring.ring_file", "create", "os.link(")
_before("register: ring made, not said", "_session.membership", "Membership._use", "link.words[REGISTERED] =")
_after("register: said", "_session.membership", "Membership._use", "link.words[REGISTERED] =")
_after("register: bell rung", "_session.membership", "Membership._use", "link.doorbell.ring()")

# The owner makes its session.
_cased(Case("workers", "owner"))
_after("session: hidden directory made", "_session.place", "_make_place", "hidden = directory.private(")
_after("session: control page made", "_session.place", "_make_place", "page = control.create(")
_after("session: named", "_session.place", "_make_place", "os.rename(hidden, path)")
_after("session: found by pid", "_session.place", "_make_place", "_name_owner(base, ")
_after("session: found by family", "_session.place", "_make_place", "place.name_family(")
_after("slot: opened", "_sinks.file.slot", "create", "fd = descriptor.create(")
_before("slot: whole, not named", "_sinks.file.slot", "create", "os.link(hidden, path)")
_after("slot: named", "_sinks.file.slot", "create", "os.link(hidden, path)")
_before("slot: whole, no link to it", "_session.slot_files", "_make", "_link(")
_after("slot: link to it made", "_session.slot_files", "_make", "_link(")
_before("session: registry written, not named", "_session.front", "Front._write", "os.replace(")
_after("session: registry named", "_session.front", "Front._write", "os.replace(")

# The owner's writer drains.
_cased(Case("workers", "owner", 3), Case("orphans", "owner", 3))
_after("drain: nothing read", "_writer.drain", "Drain._read", "starts = [")
_before("drain: read", "_writer.batch", "Batches.read_all", "return self._share_out(")
_before("drain: shared out", "_writer.drain", "Drain._round", "self._settle_owed(self._pending)")
_cased(Case("workers", "owner"), Case("orphans", "owner", 2), Case("orphans", "owner", 3))
_before("drain: before a head moves", "_writer.drain", "Drain._settle", "source.reader.release(end)")
_after("drain: a head has moved", "_writer.drain", "Drain._settle", "source.reader.release(end)")
_cased(Case("workers", "owner", 2))
_before("drain: all heads moved, spills there", "_writer.drain", "Drain._settle", "for path in pending.spills")
_after("drain: all heads moved, spills gone", "_writer.drain", "Drain._settle", "for path in pending.spills")

# A batch is committed: by the owner, by a worker that takes over, by the next program that recovers. The second
# commit is that of the other file: one has the batch, one does not.
_cased(
    Case("workers", "owner", 1),
    Case("orphans", "owner", 1),
    Case("orphans", "owner", 2),
    Case("rotating", "owner", 3),
    Case("takeover", "worker1", 1),
    Case("takeover", "worker1", 2),
    Case("left", "next1", 1),
    Case("left", "next1", 2),
)
_before("commit: nothing promised", "_sinks.file.commit", "Commits._append", "slot.intend(")
_after("commit: bank stored, number not", "_sinks.file.slot", "Slot._store", "self._map[at + _HEAD.size")
_after("commit: promised", "_sinks.file.commit", "Commits._append", "slot.intend(")
_before("commit: half written", "_sinks.file.commit", "Commits._append", "write_all(fd, data)")
_after("commit: written", "_sinks.file.commit", "Commits._append", "write_all(fd, data)")
_before("commit: nothing marked", "_sinks.file.commit", "Commits._append", "slot.done()", 0, 2)
_after("commit: marked done", "_sinks.file.commit", "Commits._append", "slot.done()", 0, 2)
_after("commit: counted", "_sinks.file.commit", "Commits.write", "progress.keep()")

# Somebody holds the lock of the second file, so what is for it goes into its backlog, and later from there.
_cased(Case("behind", "owner"))
_before("backlog: nothing kept", "_writer.backlog", "Backlog.put", "held = ORIGIN.pack(")
_after("backlog: kept", "_writer.files", "Files._hold", "kept = backlog.put(")
_cased(Case("behind", "owner"))
_before("backlog: before it is tried", "_writer.files", "Files._write_backlog", "attempt = backlog.attempt = ")
_after("backlog: read", "_writer.files", "Files._write_backlog", "attempt = backlog.attempt = ")
_after("backlog: in the file", "_writer.files", "Files._write_backlog", "backlog.attempt = None")
_before("backlog: before it goes", "_writer.backlog", "Backlog.tidy", "self._pieces[0].remove()")
_after("backlog: gone", "_writer.backlog", "Backlog.tidy", "self._pieces[0].remove()")

# A file is rotated: between parts of a batch, and by a direct call.
_cased(
    Case("rotating", "owner", 1),
    Case("rotating", "owner", 3),
    Case("direct", "owner", 2),
    Case("rotating takeover", "worker1", 1),
    Case("rotating left", "next1", 1),
)
_before("rotate: before the rename", "_sinks.file.renewal", "_renamed", "os.rename(")
_after("rotate: renamed", "_sinks.file.renewal", "_renamed", "os.rename(")
_before("rotate: before the next is open", "_sinks.file.renewal", "_go_on", "file.open_path(")
_after("rotate: the next is open", "_sinks.file.renewal", "_go_on", "file.open_path(")
_after("rotate: begun anew", "_sinks.file.renewal", "_go_on", "_begin_anew(")
_after("rotate: the next is locked", "_sinks.file.renewal", "_go_on", "file.acquire(NEXT_BOUND)")

# Old files go, and become archives.
_cased(Case("archiving", "owner"), Case("direct", "owner"))
_before("retain: before a file is removed", "_sinks.file.renewal", "retain", "os.remove(path)")
_after("retain: a file is removed", "_sinks.file.renewal", "retain", "os.remove(path)")
_cased(Case("archiving", "owner"), Case("direct", "owner", 2))
_before("archive: part claimed", "_sinks.file.archive", "_attempt", "os.ftruncate(part, 0)")
_before("archive: part half written", "_sinks.file.archive", "_PartFile.write", "rest = memoryview(data)")
_after("archive: part whole", "_sinks.file.archive", "_attempt", "_write(job, source")
_before("archive: before it has its name", "_sinks.file.archive", "_attempt", "_publish(job)")
_after("archive: named", "_sinks.file.archive", "_attempt", "_publish(job)")
_after("archive: source removed", "_sinks.file.archive", "_finish", "remove(job.source)")
_after("archive: part's name removed", "_sinks.file.archive", "_finish", "remove(job.part)")
_cased(Case("half archived", "next1"))
_before("archive: a dead one's part claimed", "_sinks.file.unfinished", "_clear", "if is_named(fd, target)")
_after("archive: a dead one's source removed", "_sinks.file.unfinished", "_clear", "if is_named(fd, target)")
_after("archive: a dead one's part removed", "_sinks.file.unfinished", "_clear", "remove(part)")

# The owner is dead, and a worker takes its own ring over.
_cased(Case("takeover", "worker1"), Case("late", "worker1"))
_after("take over: ring sealed", "_session.membership", "Membership._adopt", "published, dropped = self._sealed(")
_after("take over: ring locked", "_session.orphan", "Orphan._take_over", "locked = [")
_before("take over: before a file is written", "_session.orphan", "Orphan._write_file", "recovery.write_rest(", 0, 1)
_after("take over: one file written, one not", "_session.orphan", "Orphan._write_file", "recovery.write_rest(", 0, 1)
_before("take over: files written, head not moved", "_session.orphan", "Orphan._take_over", "ring.words[HEAD] =")
_after("take over: head moved", "_session.orphan", "Orphan._take_over", "ring.words[HEAD] =")
_after("take over: ring removed", "_session.orphan", "Orphan._take_over", "rings.remove(ring.path)")
_before("take over: own rings gone, others' not", "_session.orphan", "Orphan._take_over", "self._recover_others(", 1, 2)
_after("take over: session left", "_session.orphan", "Orphan._recover_others", "sweeping.remove_if_left(")

# All are dead, and the next program recovers; the takeover by a worker goes the same way.
_cased(Case("left", "next1"), Case("takeover", "worker1"))
_before("recover: before the dead promise is looked at", "_session.settling", "_settle_in", "found = take_back(")
_after("recover: file put right, promise still open", "_session.settling", "_settle_in", "found = take_back(")
_cased(Case("left", "next1"), Case("takeover", "worker1"), Case("behind takeover", "worker1"))
_after("recover: settled", "_session.recovery", "write_rest.append", "settling.settle_intent(")
_cased(Case("left", "next1"), Case("takeover", "worker1"))
_before("recover: rings read, nothing written", "_session.recovery", "write_rest.append", "sink.commit(")
_after("recover: written", "_session.recovery", "write_rest.append", "sink.commit(")
_cased(Case("left", "next1"))
_after("recover: rings taken", "_session.recovery", "recover_slot", "for ring_path in list(")
_before("recover: before a slot is removed", "_session.recovery", "recover_slot", "slot_files.remove(")
_after(
    "recover: its link removed, the slot not",
    "_session.slot_files",
    "remove",
    "with contextlib.suppress(OSError)",
    0,
    2,
)
_after("recover: one slot removed, one not", "_session.recovery", "recover_slot", "slot_files.remove(")
_before("recover: before the session is removed", "_session.sweeping", "delete", "place.remove()")
_after("recover: session removed", "_session.sweeping", "delete", "place.remove()")
_cased(Case("written", "next1"))
_after("recover: found whole, marked", "_session.settling", "_settle_in", "if found is Found.WHOLE")
_cased(Case("left", "next1"))
_after("recover: cut off", "_sinks.file.take_back", "take_back", "os.ftruncate(")
_cased(Case("overtaken", "next1"))
_before("recover: before a torn line is ended", "_sinks.file.take_back", "take_back", "if not there.endswith(end)")
_after("recover: what is whole before a torn line is kept", "_session.settling", "_settle_in", "if kept is not")
_after("recover: a torn line is ended", "_sinks.file.take_back", "take_back", "if not there.endswith(end)")

# The owner ends: after all its workers, and before one of them.
_cased(Case("workers", "owner"), Case("outlived", "owner"))
_after("finish: draining said", "_session.host", "Host._finish", "self.front.set(RUN_STATE, DRAINING)")
_after("finish: writer stopped", "_session.host", "Host._finish", "self.writer.stop(")
_before("finish: drained", "_session.host", "Host._finish", "self.front.set(WAKE, STOPPED)")
_after("finish: stop said", "_session.host", "Host._finish", "self.front.set(WAKE, STOPPED)")
_before("finish: drained again", "_session.host", "Host._finish", "self.front.set(RUN_STATE, ENDED)")
_after("finish: end said", "_session.host", "Host._finish", "self.front.set(RUN_STATE, ENDED)")
_before("finish: rings given up", "_session.host", "Host._finish", "if complete and rest == []")
_cased(Case("workers", "owner"))
_after(
    "finish: a ring reclaimed, not removed", "_session.intake", "Intake._reclaim", "source.file.words[RECLAIMED] = 1"
)
_after("finish: a ring removed", "_session.intake", "Intake._reclaim", "rings.remove(")
_after("finish: a slot removed", "_session.host", "Host._remove_slot", "slot_files.remove(")
_before("finish: before the session is removed", "_session.host", "Host._finish", "self.place.remove()")
_before("finish: names of the session removed", "_session.place", "Place.remove", "for rings in self.ring_directories")
_before("finish: before its directory is removed", "_session.place", "Place.remove", "directory.remove_tree(")
_after("finish: its directory is removed", "_session.place", "Place.remove", "directory.remove_tree(")
_before("finish: its doorbell is still open", "_session.host", "Host._finish", "self.doorbell.close()")

# A worker ends, before and after its owner.
_cased(Case("workers", "worker1"))
_after("leave: ring sealed", "_session.membership", "Membership.close", "published, dropped = self._sealed(")
_after("leave: closed said", "_session.membership", "Membership.close", "ring.words[STATE] = CLOSED")
_before("leave: before the bell", "_session.membership", "Membership.close", "link.doorbell.ring()")

# A record too large for a ring, and a ring that is full.
_after("spill: opened", "_session.spills", "Spills.put", "os.posix_fallocate(")
_before("spill: written, not named", "_session.spills", "Spills.put", "os.rename(")
_after("spill: named, not published", "_session.spills", "Spills.put", "os.rename(")
_cased(Case("full", "worker1"))
_after("further ring: the full one sealed", "_session.membership", "Membership._use", "published, dropped =")
_after("further ring: made", "_session.membership", "Membership._use_further", "self._use(")
_after("further ring: the full one closed", "_session.membership", "Membership._use", "old.words[STATE] = CLOSED")

HALF: dict[str, Callable[[dict[str, Any]], tuple[int, bytes]]] = {
    "commit: half written": lambda where: (where["fd"], where["data"]),
    "archive: part half written": lambda where: (where["self"]._fd, where["data"]),
}
"""Points that stand before a write, which is done by half: from the local variables, where and what."""
