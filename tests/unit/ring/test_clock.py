"""Monotonic time that cannot be frozen."""

from __future__ import annotations

import subprocess
import sys
import time

from freezegun import freeze_time

from mplog._ring import clock
from mplog._session import patience


def goes_on() -> bool:
    """Whether both functions, under the names that other modules hold, show that time passes."""
    seconds: float = vars(patience)["monotonic"]()
    nanoseconds: int = vars(patience)["monotonic_ns"]()
    time.sleep(0.01)
    return clock.monotonic() - seconds >= 0.009 and clock.monotonic_ns() - nanoseconds >= 9_000_000


def test_same_clock() -> None:
    """Its times lie between two of the common functions, so processes with and without it share stamps."""
    times = [time.monotonic(), clock.monotonic(), time.monotonic()]
    assert times == sorted(times)
    stamps = [time.monotonic_ns(), clock.monotonic_ns(), time.monotonic_ns()]
    assert stamps == sorted(stamps)


def test_frozen() -> None:
    """Under a frozen clock it goes on, before, while and after."""
    assert goes_on()
    with freeze_time("2020-01-01"):
        assert time.monotonic_ns() == time.monotonic_ns()
        assert goes_on()
    assert goes_on()


def test_imported_under_a_frozen_clock() -> None:
    """Its functions are true ones, also afterwards."""
    source = """
import time
from freezegun import freeze_time
with freeze_time("2020-01-01"):
    from mplog._ring import clock
    frozen = time.monotonic_ns()
    first = clock.monotonic_ns()
    time.sleep(0.01)
    assert clock.monotonic_ns() - first >= 9_000_000
    assert time.monotonic_ns() == frozen
assert time.monotonic_ns() >= clock.monotonic_ns() - 10**9
"""
    subprocess.run([sys.executable, "-c", source], check=True)


def test_common_module_stays() -> None:
    """`time` is the module that programs import, and what it makes can still be pickled."""
    assert sys.modules["time"] is time
    assert clock._own is not time
    assert type(time.localtime()) is time.struct_time
