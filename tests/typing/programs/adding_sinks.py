"""Ways to add a sink that a type checker must accept."""

from __future__ import annotations

import datetime as dt
import io
import sys
from pathlib import Path
from typing import Any

from typing_extensions import assert_type

from mplog import logger


def to_somewhere(message: str) -> None:
    """A function sink may ask for nothing more than a string."""


def only_jobs(record: dict[str, Any]) -> bool:
    """A filter gets the record."""
    return bool(record["name"] != "noise" and record["level"].no >= 20)


def terse(record: dict[str, Any]) -> str:
    """A format function returns a template."""
    return "{level.icon} {message}\n{exception}"


def in_a_chain(path: str, flags: int) -> int:
    """An opener, as for the built-in `open`."""
    raise NotImplementedError


def full(message: Any, file: Any) -> bool:
    """A rotation function."""
    return bool(file.tell() + len(message) > 1000)


logger.remove()
assert_type(logger.add("app.log"), int)
handler = logger.add(Path("app.log"), level="INFO", format="{time} {message}", filter="package", enqueue=True)
logger.add(sys.stderr, level=20, sanitize=False, catch=False)
logger.add(io.StringIO(), format=terse, filter=only_jobs)
logger.add(to_somewhere, format=lambda record: "{message}\n")
logger.add("{time:YYYY}.log", rotation="10 MB", retention=5, compression="gz")
logger.add("app.log", rotation=["1 GB", dt.time(12), dt.timedelta(days=1), full, 1_000_000], retention="10 days")
logger.add("app.log", delay=True, mode="w", encoding="utf8", permissions=0o640, opener=in_a_chain)
logger.remove(handler)
logger.remove(handler_id=None)
