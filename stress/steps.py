"""The steps of a commit, as this process takes them: told to the harness, or the last thing that it does.

mplog knows nothing of this: here functions of it are replaced by ones that say where they are before or after they have
done their work. The harness maps the word that `tell` stores into, see phase.py.

A kill from outside arrives some microseconds after it was aimed, so it never falls between two steps that are closer
than that. `die_at` does: the owner kills itself, at the step itself and not a moment later.
"""

from __future__ import annotations

import functools
import itertools
import mmap
import os
import signal
from collections.abc import Callable
from typing import Any

from stress.ledger import HOLD, Ledger
from stress.phase import APPENDED, COMMITTED, DRAINING, IDLE, INTENDED, MOVED

PHASE_VARIABLE = "STRESS_PHASE_FILE"
"""Names the file of the harness's word, in the environment of the program whose steps it watches."""

_steps: list[Callable[[int], None]] = []
"""What is called with each step, in this order."""


def tell() -> None:
    """Store the number of each step where the harness looks for it, if it does."""
    path = os.environ.get(PHASE_VARIABLE)
    if path is None:
        return
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        words = memoryview(mmap.mmap(fd, 4)).cast("I")
    finally:
        os.close(fd)
    _at_each(functools.partial(words.__setitem__, 0))


def die_at(step: int, occurrence: int, ledger: Ledger, *, with_all: bool = False) -> None:
    """Let this process, and none that it forks, die when it comes to *step* for the given time.

    Args:
        ledger: steps count from its GO on; an idle writer takes some before the workers stand ready.
        with_all: its whole process group dies at the same instant.
    """
    mortal, count = os.getpid(), itertools.count(1)

    def at(current: int) -> None:
        if current == step and os.getpid() == mortal and ledger.signal != HOLD and next(count) == occurrence:
            os.kill(0 if with_all else mortal, signal.SIGKILL)

    _at_each(at)


def _at_each(do: Callable[[int], None]) -> None:
    if not _steps:
        _replace()
    _steps.append(do)


def _at(step: int) -> None:
    for do in _steps:
        do(step)


def _replace() -> None:
    from mplog._ring.ring import Reader
    from mplog._sinks.file.slot import Slot
    from mplog._writer.batch import Batches
    from mplog._writer.drain import Drain

    _around(Batches, "read_all", before=DRAINING)
    _around(Slot, "intend", after=INTENDED)
    _around(Slot, "done", before=APPENDED, after=COMMITTED)
    _around(Reader, "release", after=MOVED)
    _around(Drain, "_round", after=IDLE)


def _around(owner: type, name: str, *, before: int | None = None, after: int | None = None) -> None:
    """Let the function *name* of *owner* say that it is about to begin, that it has returned, or both."""
    function = getattr(owner, name)

    @functools.wraps(function)
    def saying(*args: Any, **kwargs: Any) -> Any:
        if before is not None:
            _at(before)
        found = function(*args, **kwargs)
        if after is not None:
            _at(after)
        return found

    setattr(owner, name, saying)
