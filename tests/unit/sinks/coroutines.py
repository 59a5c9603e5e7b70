"""Sinks that are coroutine functions, and loops, for the tests of what becomes of both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

Loop = asyncio.AbstractEventLoop


@pytest.fixture(name="loop", params=[False, True], ids=["", "debug"])
def a_loop(request: pytest.FixtureRequest) -> Any:
    """A loop that does not run by itself; in asyncio's debug mode, too, which knows about wrong threads."""
    made = asyncio.new_event_loop()
    made.set_debug(request.param)
    yield made
    made.close()


class Gathering:
    """A coroutine function that takes a moment."""

    def __init__(self, pause: float = 0.0) -> None:
        self.got: list[str] = []
        self.pause = pause

    async def sink(self, message: str) -> None:
        await asyncio.sleep(self.pause)
        self.got.append(str(message))


def lines(*numbers: int) -> list[str]:
    return [f"{number}\n" for number in numbers]


async def awaited(complete: Callable[[], Any]) -> object:
    return await complete()
