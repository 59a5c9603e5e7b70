"""The same calls on the compatibility reference and on mplog, and what came of them.

Both loggers are called from one place in the code, so that both records name it. What differs by nature (moments, and
the texts of errors) is left out of the comparison.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from beside import pair

from mplog._logger.logger import Logger

FIELDS = ("function", "line", "message", "module", "name")


class Outcome(NamedTuple):
    """What came of some calls."""

    result: Any
    error: str | None
    records: list[dict[str, Any]]
    texts: list[str]


def error_of(raised: Exception) -> str:
    """The type of an error. Where ours has the newer wrapping of a formatting error, that of what it wraps."""
    if str(raised).startswith("The logging message could not be formatted") and isinstance(raised, ValueError):
        return type(raised.__cause__).__name__
    kinds = type(raised).__mro__
    return next(kind.__name__ for kind in kinds if kind.__module__.split(".")[0] not in ("mplog", "loguru"))


def comparable(record: dict[str, Any]) -> dict[str, Any]:
    """What a record says, without its moments."""
    shown = {name: record[name] for name in FIELDS}
    shown["extra"] = dict(record["extra"])
    shown["keys"] = list(record)
    level, file = record["level"], record["file"]
    shown["level"] = (level.name, level.no, level.icon)
    shown["file"] = (file.name, file.path)
    shown["process"] = (record["process"].id, record["process"].name)
    shown["thread"] = (record["thread"].id == threading.get_ident(), record["thread"].name)
    shown["exception"] = None
    if record["exception"] is not None:
        kind, value, trace = record["exception"]
        shown["exception"] = (kind, repr(value), trace is not None)
    return shown


def outcome(logger: Any, calls: Callable[[Any], Any], **handler: Any) -> Outcome:
    """Make *calls* with one handler that keeps what it gets."""
    records: list[dict[str, Any]] = []
    texts: list[str] = []

    def keep(message: Any) -> None:
        records.append(comparable(message.record))
        texts.append(str(message))

    result = error = None
    if "format" not in handler:
        # From a function: without traceback, which is a matter of its own.
        handler["format"] = lambda _: "{level.no} {name}:{function}:{line} {extra} {message}\n"
    logger.add(keep, level=handler.pop("level", 0), catch=False, colorize=False, **handler)
    try:
        result = calls(logger)
    except Exception as raised:  # noqa: BLE001 - which, is what is compared
        error = error_of(raised)
    finally:
        logger.remove()
    return Outcome(result, error, records, texts)


@contextlib.contextmanager
def twins() -> Iterator[tuple[Any, Logger]]:
    """The reference's logger and ours."""
    reference, ours = pair(strict=True)
    try:
        yield reference, ours
    finally:
        reference.remove()
        ours.remove()


def assert_same(calls: Callable[[Any], Any], **handler: Any) -> Outcome:
    """Make *calls* on both; returns the outcome, which was the same."""
    with twins() as (reference, ours):
        expected, found = [outcome(each, calls, **dict(handler)) for each in (reference, ours)]
    assert found == expected
    return found
