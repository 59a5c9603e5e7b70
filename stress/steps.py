"""Death at an exact step of a commit: the owner kills itself, at the step itself and not a moment later.

A kill from outside arrives some microseconds after it was aimed, so it never falls between two steps that are closer
than that. This one does, through the same seam that tells the harness the phase.
"""

from __future__ import annotations

import itertools
import os
import signal

from stress.ledger import HOLD, Ledger


def die_at(step: int, occurrence: int, ledger: Ledger, *, with_all: bool = False) -> None:
    """Let this process, and none that it forks, die when it comes to *step* for the given time.

    Args:
        ledger: steps count from its GO on; an idle writer takes some before the workers stand ready.
        with_all: its whole process group dies at the same instant.
    """
    from mplog._sinks.file import phase

    before, mortal, count = phase.at, os.getpid(), itertools.count(1)

    def at(current: int) -> None:
        before(current)
        if current == step and os.getpid() == mortal and ledger.signal != HOLD and next(count) == occurrence:
            os.kill(0 if with_all else mortal, signal.SIGKILL)

    phase.at = at
