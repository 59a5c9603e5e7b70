"""The log's disk is full for a while: the program goes on, and once there is room again, so does the log."""

from __future__ import annotations

import contextlib
import dataclasses
import resource
import time

from stress.arena import Arena, play
from stress.job import TREE
from stress.settings import Settings
from stress.verdict import Round

CALL_LIMIT = 2.0
"""Seconds that the longest call may take."""

RESUME_LIMIT = 5.0
"""Seconds after the return of room within which the log has to grow."""

DISK_BYTES = 8 * 1024 * 1024
ROOM = 192 * 1024
"""What is free of the disk at first."""

FILE_LIMIT = 384 * 1024
"""What a file may have where no disk can be mounted: more than a ring, which has to be made under the same limit."""

_RECORDS_AFTERWARDS = 50
_STILL = 0.25
"""Seconds without growth after which a log that processes write to all the time stands still."""


def play_round(settings: Settings, number: int) -> Round:
    """Fill the disk, wait a while, make room, wait for the log to go on, judge."""
    slots = settings.processes * settings.threads
    result = play(settings, slots, number, _act, disk_bytes=DISK_BYTES)
    if result.longest_call_ms > CALL_LIMIT * 1e3:
        result.findings.append(f"a call took {result.longest_call_ms:.0f} ms, over {CALL_LIMIT * 1e3:.0f} ms")
    return result


def _act(arena: Arena) -> None:
    settings, disk = arena.settings, arena.workshop.disk
    assert disk is not None
    workers = range(settings.processes * settings.threads)
    for slot in workers:
        arena.expect(slot, f"worker {slot // settings.threads}", 0)
    if disk.mounted:
        disk.leave_room(ROOM)
        arena.notes.append(f"disk: a tmpfs of {DISK_BYTES:,} bytes, {ROOM:,} of them free")
    else:
        arena.notes.append(f"disk: none can be mounted here, files end at {FILE_LIMIT:,} bytes instead (RLIMIT_FSIZE)")
    limit = 0 if disk.mounted else FILE_LIMIT
    # The owner keeps silent: its call goes straight to the file and says on standard error that it could not write.
    tree = arena.start(dataclasses.replace(arena.job, role=TREE, file_limit=limit), "tree")
    arena.wait_ready(workers)
    arena.go()
    arena.wait_for(_StandsStill(arena, (ROOM if disk.mounted else FILE_LIMIT) // 2), "the disk to be full")
    arena.recorder.mark("disk full")
    time.sleep(settings.full)  # the time itself, nothing is waited for
    before, size = time.monotonic(), _size(arena)
    if disk.mounted:
        disk.drop_ballast()
    else:
        _lift_limits({tree.pid, *(arena.slot(slot).counts().pid for slot in workers)})
    arena.recorder.mark("room again")
    arena.wait_for(lambda: _size(arena) > size, "the log to grow again")
    resumed = time.monotonic() - before
    arena.notes.append(f"written again {resumed:.2f} s after there was room")
    if resumed > RESUME_LIMIT:
        arena.findings.append(f"written again only {resumed:.1f} s after there was room, over {RESUME_LIMIT:.0f} s")
    goals = {slot: arena.slot(slot).returned + _RECORDS_AFTERWARDS for slot in workers}
    arena.wait_for(lambda: all(arena.slot(slot).returned >= goal for slot, goal in goals.items()), "further calls")
    arena.stop()
    arena.wait_for_end()


class _StandsStill:
    """Whether the log has stopped growing. A full disk may have room again and again: a broken line is taken back."""

    def __init__(self, arena: Arena, at_least: int) -> None:
        self._arena = arena
        self._at_least = at_least
        self._size = -1
        self._since = 0.0

    def __call__(self) -> bool:
        now, size = time.monotonic(), _size(self._arena)
        if size > self._size or size < self._at_least:
            self._size, self._since = size, now
        return now - self._since > _STILL


def _size(arena: Arena) -> int:
    """Bytes in the files of the log, whatever the library calls them."""
    found = 0
    with contextlib.suppress(FileNotFoundError):
        found = sum(path.stat().st_size for path in arena.workshop.logs.iterdir())
    return found


def _lift_limits(pids: set[int]) -> None:
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
