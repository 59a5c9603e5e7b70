"""Options of `add()` and `configure()` that mplog has beside those it shares."""

from __future__ import annotations

import datetime as dt
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, TextIO

from mplog import logger

if TYPE_CHECKING:
    from mplog import HandlerConfig, Message


def full(message: Message, file: TextIO) -> bool:
    return file.tell() + len(message) > 1000


async def coroutine(message: Message) -> None: ...


class Counting:
    """What a stream's `write` returns does not matter."""

    def write(self, message: str) -> int:
        return len(message)


logger.add(Counting())
logger.add(sys.stderr, sanitize=False)
logger.add(sys.stderr, sanitize=None, diagnose=None, colorize=None)
logger.add(print, sanitize=True)
logger.add(coroutine, sanitize=False)
logger.add("a.log", sanitize=False, permissions=0o640)
logger.add("a.log", permissions=None)
logger.add("a.log", rotation=["1 GB", dt.time(12), dt.timedelta(days=1), full, 1_000_000])
logger.add("a.log", rotation={"1 GB", "daily"})
logger.add("a.log", rotation=("1 GB", 0.5e6, Decimal("1e6")))
rules: list[HandlerConfig] = [{"sink": "a.log", "permissions": 0o600, "sanitize": False, "rotation": ["1 GB", "daily"]}]
logger.configure(handlers=rules, strict=True)
logger.configure(strict=False)
# `context` is an option of every kind of sink, so it is one of every kind of configuration.
logger.configure(handlers=[{"sink": print, "context": "spawn"}, {"sink": "a.log", "context": None}])
