"""Levels, and waiting for what was logged."""

from __future__ import annotations

import asyncio

from typing_extensions import assert_type

from mplog import logger

made = logger.level("NOTICE", no=25, color="<blue>", icon="@")
assert_type(made.name, str)
assert_type(made.no, int)
assert_type(logger.level("NOTICE").icon, str)
logger.level("INFO", color="<bold>")

if logger.complete() and logger.complete(timeout=2.5):
    logger.info("everything is in its sinks")


async def wait() -> None:
    """The same, without blocking an event loop's syntax."""
    await logger.complete(timeout=1)


asyncio.run(wait())
