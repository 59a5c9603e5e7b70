"""Monotonic time that the tools of tests cannot freeze: the same clock as `time.monotonic()` and `time.monotonic_ns()`.

freezegun stands a fake in the place of these two functions, in `time` and in every module that holds them under any
name; a deadline by a clock that stands still never comes, and records whose stamps go back are drained out of order.
What users' tests freeze is the time that records show (`time.time()`), not how long mplog waits. Where what stands in
the place of that function gives no time at all, there is the true one.

The functions here come from a second instance of the built-in module `time`. They are other objects than those that
such tools look for, also while a tool is at work when mplog is imported, and cost exactly as much.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable
from types import ModuleType


def _second_instance() -> ModuleType:
    """A module `time` of mplog's own. `sys.modules` keeps the common one."""
    spec = importlib.util.find_spec("time")
    if spec is None or spec.loader is None:  # An interpreter where it is not built in that way: freezable, but right.
        return time
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def offset(which: str) -> int | None:
    """Nanoseconds that the clock *which* of this process's time namespace is ahead of the machine's; None: unknown."""
    try:
        # What the file says is of the namespace that children get.
        if not os.path.samefile("/proc/self/ns/time", "/proc/self/ns/time_for_children"):
            return None
        with open("/proc/self/timens_offsets", encoding="ascii") as lines:
            for line in lines:
                name, seconds, rest = line.split()
                if name == which:
                    return int(seconds) * 1_000_000_000 + int(rest)
    except (OSError, ValueError):
        pass
    return 0


_own = _second_instance()
_ahead = offset("monotonic")

monotonic: Callable[[], float] = _own.monotonic
"""Seconds since some moment in the past."""

monotonic_ns: Callable[[], int] = _own.monotonic_ns if not _ahead else lambda: _own.monotonic_ns() - _ahead
"""The same in nanoseconds. Stamps in rings are of this kind; all processes of one machine see one clock, also those
that are started in a time namespace of their own."""

FIRST, LAST = -62_135_424_000.0, 253_402_128_000.0
"""What counts as a time: the years 1 to 9999, less two days at both ends, so that every zone can show it."""


def shown() -> tuple[float, Exception | None]:
    """The time as `time.time()` has it, in seconds since the epoch, and why it is another clock's; None when it is not.

    Programs' tests put doubles in the place of that function, which give nothing, no number, or raise when their list
    of answers has come to its end.
    """
    try:
        now = time.time()
        if type(now) is float and FIRST < now < LAST:
            return now, None
        if isinstance(now, (float, int)):
            now = float(now)
            if FIRST < now < LAST:
                return now, None
        raise ValueError(f"time.time() gave {now!r:.100}, which is no time")
    except Exception as error:  # noqa: BLE001 - whatever stands there may raise anything
        true: float = _own.time()
        return true, error


def wall_time() -> float:
    """The time as `time.time()` has it, or the true one where that gives none. Never raises."""
    return shown()[0]
