"""Threads of mplog's own begin in an empty context and with all signals blocked, whoever has them started.

Where Python lets threads inherit the context of whoever starts them (`sys.flags.thread_inherit_context`, the default
without the GIL), ours would keep the values of one request for ever, and records that sinks log would bear them.
"""

from __future__ import annotations

import contextvars
import threading

from mplog._sinks import signals


def start_thread(thread: threading.Thread) -> None:
    """Start *thread* with no value of any context variable, and blocked signals.

    Raises:
        RuntimeError: no thread can be had.
    """
    with signals.blocked():
        contextvars.Context().run(thread.start)
