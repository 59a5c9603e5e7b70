"""What a user's function raised that is no `Exception`, such as SystemExit, in a thread that is not the user's."""

from __future__ import annotations

import threading


def as_exception(error: BaseException) -> Exception:
    """*error* as something that can be reported and be done with. To be called while it is handled.

    In the main thread it may be the signal handler that asks the program to end, which runs in the middle of such a
    function: there it is raised again. Anywhere else it would end a thread that others rely on, and nothing else.
    """
    if isinstance(error, Exception):
        return error
    if threading.current_thread() is threading.main_thread():
        raise error
    made = RuntimeError(f"{type(error).__name__} was raised, which ends no program from here: {error!r}")
    made.__cause__ = error
    return made
