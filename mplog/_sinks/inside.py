"""Whether the calling thread is inside of a sink, where it must not wait for another sink without a bound.

Two sinks that log, each in a thread, would otherwise wait for one another for ever: each has its own mutex and wants
the other's.
"""

from __future__ import annotations

import threading


class _Inside(threading.local):
    depth = 0
    """Sinks that this thread is inside of, one in the other."""


inside = _Inside()
