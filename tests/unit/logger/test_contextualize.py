"""`contextualize()` with tasks, threads and decorators.

logger-api.md, section 22
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from mplog._logger.logger import Logger


@pytest.fixture
def got(logger: Logger) -> list[dict[str, Any]]:
    """The extra of each record."""
    found: list[dict[str, Any]] = []
    logger.add(lambda message: found.append(message.record["extra"]))
    return found


class TestTasks:
    def test_each_has_its_own(self, logger: Logger, got: list[dict[str, Any]]) -> None:
        """A task sees what its creator had, and nobody sees what it sets."""

        async def work(name: str) -> None:
            with logger.contextualize(task=name):
                await asyncio.sleep(0)
                logger.info("x")

        async def main() -> None:
            with logger.contextualize(main=1):
                await asyncio.gather(work("a"), work("b"))
                logger.info("x")

        asyncio.run(main())
        assert got == [{"main": 1, "task": "a"}, {"main": 1, "task": "b"}, {"main": 1}]

    def test_a_decorated_coroutine_function_has_it_as_long_as_it_runs(
        self, logger: Logger, got: list[dict[str, Any]]
    ) -> None:
        """Also after it has waited; whoever awaits it does not."""

        @logger.contextualize(a=1)
        async def work() -> str:
            await asyncio.sleep(0)
            logger.info("x")
            return "done"

        async def main() -> None:
            assert await work() == "done"
            logger.info("y")

        asyncio.run(main())
        assert got == [{"a": 1}, {}]


class TestThreads:
    def test_a_new_one_starts_empty(self, logger: Logger, got: list[dict[str, Any]]) -> None:
        """Unless it is given a copy of the context."""
        with logger.contextualize(a=1):
            context = contextvars.copy_context()
            for target in (lambda: logger.info("x"), lambda: context.run(logger.info, "x")):
                thread = threading.Thread(target=target)
                thread.start()
                thread.join()
        assert got == [{}, {"a": 1}]


class TestOneUse:
    def test_a_second_with_raises(self, logger: Logger) -> None:
        """The text says what to do."""
        manager = logger.contextualize(a=1)
        with manager:
            pass
        with pytest.raises(RuntimeError, match="entered before"), manager:
            pass

    def test_a_generator_that_is_ended_elsewhere(self, logger: Logger, got: list[dict[str, Any]]) -> None:
        """Leaving in another context than entering restores nothing there, and does not raise."""

        def values() -> Iterator[int]:
            with logger.contextualize(a=1):
                yield 1

        made = values()
        contextvars.copy_context().run(next, made)
        made.close()  # type: ignore[attr-defined]  # a generator
        logger.info("x")
        assert got == [{}]


class TestFastWay:
    def test_a_remembered_call_shows_what_holds_now(self, logger: Logger) -> None:
        """One place, inside and outside."""
        texts: list[str] = []
        logger.add(texts.append, format="{extra} {message}")

        def log() -> None:
            logger.info("x")

        for _ in range(3):
            log()
            with logger.contextualize(a=1):
                log()
        assert texts == ["{} x\n", "{'a': 1} x\n"] * 3
