"""`mplog recover`: what dead programs left, written into their files without these programs.

A handler is made again from what its program has published: path, options, format. Where the format or the filter is a
function of the program, texts that were still to be made by it can only be made in mplog's default format.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import stat
from collections import Counter
from dataclasses import dataclass, field

from mplog._logger import registry, sinks_here
from mplog._render.renderer import Renderer
from mplog._render.template import DEFAULT
from mplog._session import directory, leftovers, recovery, slot_files, sweeping
from mplog._session.leftovers import Waiting
from mplog._session.place import Place
from mplog._sinks.file.use import FileBusy
from mplog._writer.route import RouteSpec


@dataclass(slots=True)
class Share:
    """Records of one process."""

    pid: int
    name: str
    records: int


@dataclass(slots=True)
class LeftFile:
    """One log file of a dead session."""

    path: str
    waiting: int
    """Records that were in memory only when it was looked at."""
    written: int = 0
    """Records that have been written to it now."""
    trouble: str | None = None
    """Why it is not complete yet."""
    discarded: list[Share] = field(default_factory=list)
    """What has been given up: it will never be in the file."""


@dataclass(slots=True)
class LeftSession:
    """A session that its owner will not serve any more."""

    id: str
    path: str
    program: str
    pid: int
    last_seen: float | None
    """Epoch second of the owner's last sign of life."""
    bytes: int
    files: list[LeftFile]
    others: int
    """Records for streams, functions and the like, which died with the owner."""
    living: int
    """Processes of the session that live: what they log from now on they write by themselves."""
    damaged: dict[str, str]
    """Paths of rings that cannot be read to their ends, and are kept, with what is wrong there."""
    removed: bool = False
    """Whether nothing is left of it."""

    @property
    def complete(self) -> bool:
        """Whether all that can be written has been written."""
        return self.removed or not (self.damaged or any(file.trouble for file in self.files))


@dataclass(slots=True)
class Found:
    """What was found in the runtime directories."""

    directories: list[str]
    sessions: list[LeftSession]
    living: int
    """Sessions of living programs, which are left alone."""
    unused: dict[str, str]
    """Paths of directories that may have sessions and are not looked at, with the reason."""


def recover(*, write: bool, plain: bool = False, discard: bool = False) -> Found:
    """Look for sessions of dead programs and, with *write*, bring their files up to date and remove them.

    Args:
        plain: write also records whose format or filter was a function of the program: in the default format, all.
        discard: give up what cannot be written, and say what it was.

    Whatever goes wrong with one file is its `trouble`, and keeps the session. Safe beside programs and other calls that
    recover the same.
    """
    directories = directory.existing_bases()
    places, living = leftovers.abandoned()
    sessions = []
    for place in places:
        try:
            sessions.append(_session(place, write=write, plain=plain, discard=discard))
        finally:
            with contextlib.suppress(ValueError):  # Closed by whoever removed it.
                place.control.close()
    parts = [part for part in list(sweeping.parts()) if not (write and sweeping.remove_part(part[0]))]
    sessions += [_part(path, trouble, discard=discard) for path, trouble in parts]
    if write:
        sweeping.sweep()
    return Found(directories, sessions, living, directory.unused())


def recover_session(path: str) -> None:
    """As `recover`, for the one session at *path*, of which no process is left."""
    for place in leftovers.abandoned()[0]:
        try:
            if place.path == path:
                _session(place, write=True, plain=False, discard=False)
        finally:
            with contextlib.suppress(ValueError):  # As above.
                place.control.close()
    sweeping.sweep()


def _part(path: str, trouble: str, *, discard: bool) -> LeftSession:
    """A session whose control page cannot be read for *trouble*, and with it all that says where its records belong."""
    waiting = leftovers.waiting_in_part(path)
    found = LeftSession(
        id=os.path.basename(path),
        path=path,
        program="",
        pid=next((pid for pid, _ in waiting.by_process[""]), 0),
        last_seen=None,
        bytes=leftovers.bytes_in([path]),
        files=[
            LeftFile(
                "(unknown)",
                waiting.by_slot[""],
                trouble=f"{trouble}. Run `mplog recover --discard`",
            )
        ],
        others=0,
        living=waiting.living,
        damaged=waiting.damaged,
    )
    if discard and sweeping.remove_part(path, unread=True):
        _give_up(found, waiting, [""])
    return found


def _give_up(found: LeftSession, waiting: Waiting, keys: list[str]) -> None:
    """Say in *found* that what its files lack, in the order of *keys*, is discarded."""
    for file, key in zip(found.files, keys, strict=True):
        if file.trouble is not None:
            left = waiting.by_process.get(key, Counter())
            file.discarded = [Share(pid, name, count) for (pid, name), count in sorted(left.items()) if count]
    found.removed = True


def _session(place: Place, *, write: bool, plain: bool, discard: bool) -> LeftSession:
    published = registry.read(place, registry.Kinship.OTHER_PROGRAM)
    specs = {} if published is None else {spec.id: spec for spec in published.routes}
    waiting = leftovers.waiting_in(place)
    found = LeftSession(
        id=place.id.hex(),
        path=place.path,
        program="" if published is None else published.program,
        pid=place.control.identity.pid,
        last_seen=leftovers.last_seen(place),
        bytes=leftovers.bytes_of(place),
        files=[],
        others=waiting.others,
        living=waiting.living,
        damaged=waiting.damaged,
    )
    keys = []
    held_up: set[str] = set()
    for slot_path in waiting.by_slot:
        found.files.append(_file(place, slot_path, specs, waiting, held_up, write=write, plain=plain))
        keys.append(slot_path)
    if write:
        sweeping.remove_if_nothing_waits(place)
        found.removed = not os.path.exists(place.path)
        if not (found.removed or found.living):
            _note_what_waits(found, leftovers.waiting_in(place), keys)
    if discard and not (found.removed or held_up) and place.owner_is_gone:
        now = leftovers.waiting_in(place)  # Some of it has been written.
        if sweeping.discard(place):
            _give_up(found, now, [key if key in now.by_process else "" for key in keys])
    return found


def _note_what_waits(found: LeftSession, now: Waiting, keys: list[str]) -> None:
    """Give the files of *found*, in the order of *keys*, that still lack something a reason where they have none."""
    for file, key in zip(found.files, keys, strict=True):
        left = now.by_slot.get(key, 0)
        if left and file.trouble is None:
            file.trouble = f"{left} records still wait, for another process is at them. Run this again"


def _file(
    place: Place,
    slot_path: str,
    specs: dict[int, RouteSpec],
    waiting: Waiting,
    held_up: set[str],
    *,
    write: bool,
    plain: bool,
) -> LeftFile:
    """Write what the slot at *slot_path* is about; its file joins *held_up* where somebody keeps its lock, for now."""
    number = slot_files.route_in(slot_path)
    spec = specs.get(number)
    count = waiting.by_slot[slot_path]
    if spec is None or spec.file is None:
        trouble = "where it belongs cannot be read. Start its program again, or run `mplog recover --discard`"
        return LeftFile(f"(handler {number})", count, trouble=trouble if count else None)
    path = spec.file.template.pattern
    found = LeftFile(path, count)
    if not _is_regular(path):
        found.trouble = "it is no regular file; what was logged to it is lost. Run `mplog recover --discard`"
    elif not spec.is_whole and waiting.unrendered[number] and not plain:
        found.trouble = (
            f"the format or filter of {waiting.unrendered[number]} of its records is a function of the program: start "
            "that again, which writes them, or run `mplog recover --plain`"
        )
    elif missing := _missing_directory(path):
        if count:
            found.trouble = f"its directory {missing} is gone. Make it again, or run `mplog recover --discard`"
    elif write:
        try:
            found.path, found.written = _write(slot_path, spec)
        except Exception as error:  # noqa: BLE001 - also what the user's options raise; the other files shall have theirs
            if slot_path not in slot_files.slots_of(place).values():
                return found  # Somebody else has recovered it by now.
            found.trouble = f"it could not be written: {error}"
            if isinstance(error, FileBusy):
                held_up.add(path)
    return found


def _missing_directory(path: str) -> str | None:
    """The directory of *path* if it is not there any more; one with tokens in its name is made with each new name."""
    directory = os.path.dirname(path.partition("{")[0])
    return None if os.path.isdir(directory) else directory


def _is_regular(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return True  # It will be made.


def _write(slot_path: str, spec: RouteSpec) -> tuple[str, int]:
    assert spec.file is not None
    spec = dataclasses.replace(spec, file=dataclasses.replace(spec.file, mode="a"))
    renderer = Renderer(spec.format or DEFAULT, spec.filter, spec.look)
    sink = sinks_here.file_sink(spec, renderer)
    try:
        written = recovery.recover_slot(slot_path, sinks_here.route_maker(spec, sink, renderer))
        return sink.path or spec.file.template.pattern, written  # type: ignore[union-attr]  # replaced, never taken away
    finally:
        sink.leave()
