"""`attach()`: programs that `subprocess` or exec starts, and what they belong to."""

from __future__ import annotations

from mplog._logger import copies


def attach() -> bool:
    """Join the program that started this one, however it did, so that records go to that program's sinks.

    The session of the process that owns the sinks is found by the environment variable `MPLOG_SESSION`. Handlers that
    this process has for the same files and standard streams become that process's; others stay. Call it before
    configuring anything: a file that is added first is opened, and emptied where its mode says so.

    Where there is nobody to join, this process is an owner itself: its session is made, so that the programs which it
    starts from now on can join it in turn. That is done too in a process which has joined and has sinks of its own. May
    be called any number of times. Never raises.

    Returns:
        Whether this process delivers to the sinks of a living process. If not, it needs handlers of its own.
    """
    return copies.attach()
