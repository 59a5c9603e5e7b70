"""What a user may say about the queues between processes. One object, checked when it is made."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from mplog._render.nearest import nearest
from mplog._ring.ring_file import MAXIMUM_CAPACITY, MINIMUM_CAPACITY
from mplog._ring.wire import exact
from mplog._session import rings

POLICIES = ("grow", "block", "drop")
FOREVER = "forever"
"""How an environment variable says None, for a time without bound."""

VARIABLES = {
    "ring_size": "MPLOG_RING_SIZE",
    "overflow": "MPLOG_OVERFLOW",
    "block_timeout": "MPLOG_BLOCK_TIMEOUT",
    "further_rings": "MPLOG_FURTHER_RINGS",
    "reserve": "MPLOG_RESERVE",
    "order_window": "MPLOG_ORDER_WINDOW",
    "shutdown_timeout": "MPLOG_SHUTDOWN_TIMEOUT",
}
"""The variable that sets the default of each field. `runtime_directory` has MPLOG_RUNTIME_DIR, see directory.py."""


def _default(name: str, fallback: Callable[[], Any]) -> Any:
    """A field whose default the environment may set."""

    def read() -> Any:
        text = os.environ.get(VARIABLES[name])
        return fallback() if text is None else _from_text(name, text)

    return field(default_factory=read)


def _from_text(name: str, text: str) -> Any:
    """The value of a field as a variable gives it. Raises ValueError that names the variable."""
    if name == "overflow":
        return text
    whole = name in ("ring_size", "further_rings")
    if name == "block_timeout" and text.lower() == FOREVER:
        return None
    try:
        return int(text) if whole else float(text)
    except ValueError:
        raise ValueError(
            f"Invalid environment variable '{VARIABLES[name]}' (expected {'an integer' if whole else 'a number'}): "
            f"'{text}'. Correct it or unset it."
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueOptions:
    """How the queues between processes behave, for `logger.configure(queue=...)`.

    Args:
        ring_size: bytes of one ring, a power of two from 16384 (16 KiB) to 1073741824 (1 GiB). Each process that logs
            to another one has a ring; a file system that is short of room gets smaller ones.
        overflow: what a call does that finds its ring full. "grow": wait for room up to `block_timeout`, go on in a
            further ring up to `further_rings`, then drop. "block": wait up to `block_timeout`, then drop. "drop": drop
            at once. Drops are counted and said in the log.
        block_timeout: seconds that one stall of the queue may hold up calls; None, with "block" only, waits as long as
            the process that owns the sinks lives.
        further_rings: how many filled rings one process may have beside the one it fills, with "grow".
        reserve: share of each ring, from 0 to 0.9, that only records of level WARNING (30) and above may fill.
        order_window: seconds that a record waits for older ones of other processes, from 0 to 10.
        runtime_directory: where the rings lie; None: what MPLOG_RUNTIME_DIR says, else /dev/shm, else the temporary
            directory.
        shutdown_timeout: seconds that the end of the program waits for sinks that take nothing, all together.

    The defaults are those that the environment sets; see docs/reference/queue.md.

    Raises:
        TypeError: a value of a wrong type.
        ValueError: a value out of range, given or in the environment.
    """

    ring_size: int = _default("ring_size", lambda: rings.CAPACITY)
    overflow: Literal["grow", "block", "drop"] = _default("overflow", lambda: "grow")
    block_timeout: float | None = _default("block_timeout", lambda: 1.0)
    further_rings: int = _default("further_rings", lambda: 2)
    reserve: float = _default("reserve", lambda: 0.125)
    order_window: float = _default("order_window", lambda: 0.005)
    runtime_directory: str | None = None
    shutdown_timeout: float = _default("shutdown_timeout", lambda: 5.0)

    def __post_init__(self) -> None:
        for name in VARIABLES:
            object.__setattr__(self, name, exact(getattr(self, name)))
        size = self._integer("ring_size", self.ring_size, MINIMUM_CAPACITY, MAXIMUM_CAPACITY, "bytes")
        if size & (size - 1):
            lower = 1 << (size.bit_length() - 1)
            raise ValueError(
                f"{self._named('ring_size')} must be a power of two, not {size}. "
                f"The nearest ones are {lower} and {2 * lower}."
            )
        if not isinstance(self.overflow, str):
            raise TypeError(f"{self._named('overflow')} should be a string, not: '{type(self.overflow).__name__}'")
        if self.overflow not in POLICIES:
            raise ValueError(
                f"{self._named('overflow')} must be one of {', '.join(POLICIES)}, not: '{self.overflow}'."
                f"{nearest(self.overflow, POLICIES)}"
            )
        if self.block_timeout is not None:
            self._number("block_timeout", self.block_timeout, 3600.0, "seconds")
        elif self.overflow == "grow":
            raise ValueError(
                f"{self._named('block_timeout')} is None, so a full ring would never grow. "
                "Give seconds, or overflow='block'."
            )
        self._integer("further_rings", self.further_rings, 0, 1000, "rings")
        self._number("reserve", self.reserve, 0.9, "as a share of the ring")
        self._number("order_window", self.order_window, 10.0, "seconds")
        self._number("shutdown_timeout", self.shutdown_timeout, 3600.0, "seconds")
        directory = self.runtime_directory
        if directory is None:
            return
        if not isinstance(directory, (str, os.PathLike)):
            raise TypeError(f"'runtime_directory' should be a path, not: '{type(directory).__name__}'")
        path = os.fspath(directory)
        if not isinstance(path, str) or not path or "\0" in path:
            raise ValueError(f"'runtime_directory' must name a directory, not: {path!r}.")
        if os.path.exists(path) and not os.path.isdir(path):
            raise ValueError(f"'runtime_directory' must name a directory, and {path!r} is something else.")
        object.__setattr__(self, "runtime_directory", os.path.abspath(exact(path)))

    @staticmethod
    def _named(name: str) -> str:
        variable = VARIABLES[name]
        return f"'{name}'" + (f" (here or in {variable})" if variable in os.environ else "")

    def _integer(self, name: str, value: object, least: int, most: int, unit: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{self._named(name)} should be an integer ({unit}), not: '{type(value).__name__}'")
        if not least <= value <= most:
            raise ValueError(f"{self._named(name)} must be from {least} to {most} {unit}, not {value}.")
        return value

    def _number(self, name: str, value: object, most: float, unit: str) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"{self._named(name)} should be a number ({unit}), not: '{type(value).__name__}'")
        if math.isnan(value) or not 0 <= value <= most:
            raise ValueError(f"{self._named(name)} must be from 0 to {most:g} {unit}, not {value}.")


DEFAULTS = QueueOptions()
"""As the environment was when mplog was imported; a variable that cannot be used raises there."""
