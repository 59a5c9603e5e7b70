"""Mapped files that somebody cuts short: where mplog's native half was built, this process goes on with zeros there.

Without it, whoever touches what is not there any more is ended by the kernel, with SIGBUS.
"""

from __future__ import annotations

import atexit
import contextlib
import mmap
import weakref
from collections.abc import Callable
from typing import Any

from mplog._native import core

_watched: dict[int, int] = {}
"""Per mapped object, by its `id`, what `core.watch` returned. Whatever else is mapped at the same place later must not
find it there: an entry goes before the object does, or, where Python unmaps first, right after."""


def survive(mapping: Any, unmap: Callable[..., object] | None = None, *arguments: int) -> None:
    """Let this process survive that the file of *mapping* is cut short, as long as anybody uses the mapping.

    Args:
        mapping: a mapped object that can be stored into.
        unmap: what unmaps it when nobody uses it any more, with its *arguments*; None: it does that itself.
    """
    # Not at the end of the program: `__del__` may log later.
    weakref.finalize(mapping, _end, id(mapping), unmap, arguments).atexit = False
    _watch(mapping)


def _watch(mapping: Any) -> None:
    if core is not None:
        with contextlib.suppress(OSError):  # No memory: it is as without.
            _watched[id(mapping)] = core.watch(mapping)


def close(mapping: mmap.mmap) -> None:
    """Close *mapping*. Raises BufferError when somebody uses it."""
    _abandon(id(mapping))
    try:
        mapping.close()
    except BufferError:
        _watch(mapping)
        raise


def _end(number: int, unmap: Callable[..., object] | None, arguments: tuple[int, ...]) -> None:
    _abandon(number)
    if unmap is not None:
        unmap(*arguments)


def _abandon(number: int) -> None:
    watched = _watched.pop(number, None)
    if watched is not None and core is not None:
        core.unwatch(watched)


@atexit.register
def _abandon_all() -> None:
    """At the very end of an interpreter, which unmaps without telling anybody; the process may have others."""
    for number in list(_watched):
        _abandon(number)


def is_cut_short(mapping: Any) -> bool:
    """Whether this process has zeros in the place of something of *mapping*, an object or a view of one."""
    watched = _watched.get(id(mapping.obj if isinstance(mapping, memoryview) else mapping))
    return watched is not None and core is not None and bool(core.is_cut(watched))


def cuts() -> int:
    """How often this process has met a file that had been cut short, and gone on."""
    return 0 if core is None else core.cuts()
