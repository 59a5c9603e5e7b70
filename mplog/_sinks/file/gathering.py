"""How processes that have no common name for the current file of a log come to write the same one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Final

from mplog._sinks.file import belief, claim, file_lock, whose
from mplog._sinks.file.names import Kind, Names

HOPS: Final = 100
"""Looks at the files that there are, at most."""

_BOUND: Final = 1.0
"""Seconds that a process waits until nobody else looks for the current file."""


@contextlib.contextmanager
def alone(names: Names, coordination: str | None) -> Iterator[None]:
    """Only one process at a time looks for the current file and makes it where there is none. Bounded.

    Args:
        coordination: the `coordination_dir` of the log, if it has one.
    """
    with claim.kept(os.open(names.directory, os.O_RDONLY | os.O_CLOEXEC)) as fd, contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # Directories cannot be locked everywhere.
            stack.enter_context(file_lock.locked(fd, names.directory, coordination, _BOUND))
        yield


def file_of_others(names: Names, permissions: int | None, *, or_last: bool = False) -> str | None:
    """The current file of these *names* in another living process; None when there is none.

    Args:
        permissions: those of the log, which say whose files it goes on in (see `belief`).
        or_last: else the one in which the log has ended, for a process that has had part in it and goes on: a new
            file would be an end too many, and stay empty when there is nothing but a retention to do.
    """
    seen: set[str] = set()
    for _ in range(HOPS):
        live = {path for path, kind in names.files() if kind is Kind.LIVE}
        found = []
        for path, status in belief.ours(live, names, permissions):
            if not whose.is_open_here(status):
                found.append((status.st_mtime, path))
        found.sort(reverse=True)
        for _, path in found:
            if whose.is_current(path, names, permissions):
                return path
        # A rotation makes the new file before it leaves the old one, so who finds all left looks for new ones.
        if live <= seen:
            return next((path for _, path in found if or_last and whose.is_last(path, names, permissions)), None)
        seen = live
    return None
