"""Waiting for what was logged: with a time-out, the result says whether it is in its sinks."""

from __future__ import annotations

import asyncio

from mplog import logger

reveal_type(logger.complete())  # R: mplog.AwaitableCompleter
reveal_type(bool(logger.complete()))  # R: bool
reveal_type(logger.complete(timeout=2.5))  # R: mplog.Completion
reveal_type(logger.complete(1))  # R: mplog.Completion
reveal_type(logger.complete(timeout=None))  # R: mplog.Completion
reveal_type(bool(logger.complete(timeout=1)))  # R: bool

if not logger.complete(timeout=2.5):
    logger.warning("something is not in its sinks yet")


async def wait() -> None:
    await logger.complete()
    done: bool = await logger.complete()
    print(done)
    reveal_type(await logger.complete(timeout=1))  # R: bool
    async with logger.catch() as nothing:
        reveal_type(nothing)  # R: None


asyncio.run(wait())
