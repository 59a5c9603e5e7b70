"""Both libraries beside one another: a fresh logger of each, to run the same calls on."""

from __future__ import annotations

import re
from typing import Any

import loguru
import loguru._logger

from mplog._logger.core import Core
from mplog._logger.logger import Logger


def reference() -> Any:
    """A logger of the reference, without handlers."""
    internals: Any = loguru._logger
    return internals.Logger(
        core=internals.Core(),
        exception=None,
        depth=0,
        record=False,
        lazy=False,
        colors=False,
        raw=False,
        capture=True,
        patchers=[],
        extra={},
    )


def ours(*, strict: bool = False) -> Logger:
    """A logger of mplog, without handlers, that takes no part in forks; strict, it raises what the reference does."""
    made = Logger(Core(), {})
    if strict:
        made.configure(strict=True)
    return made


def pair(*, strict: bool = False) -> tuple[Any, Any]:
    """One of each. Called on one line they have one call site."""
    return reference(), ours(strict=strict)


def outcome(function: Any, *arguments: Any, **keywords: Any) -> Any:
    """What calling *function* comes to: its result, or the type of what it raised."""
    try:
        return function(*arguments, **keywords)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is compared
        return type(error)


def reports(said: str) -> int:
    """How many errors of handlers *said* reports, by either library."""
    return said.count("--- Logging error in Loguru Handler #") + len(
        re.findall(r": handler \d+ \(.*\) failed with ", said)
    )


_ADDRESS = re.compile(r"0x[0-9a-f]+")


def sinks_shown(logger: Any) -> str:
    """What `repr` says about the handlers, whatever the library and the addresses."""
    return _ADDRESS.sub("0x", repr(logger).partition(".logger handlers=")[2])
