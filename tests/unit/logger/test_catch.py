"""`catch()` where the release that parity tests compare with is older than what it promises.

logger-api.md, section 23
"""

# What is tested is the behaviour of calls, wrong ones and odd ones included; tests/typing is about types.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sys
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from mplog._logger.logger import Logger


@pytest.fixture
def got(logger: Logger) -> list[Any]:
    """The messages of a handler without formatting."""
    found: list[Any] = []
    logger.add(found.append, format="{function} {message}", catch=False)
    return found


def functions(got: list[Any]) -> list[str]:
    return [message.record["function"] for message in got]


class TestAsyncWith:
    def test_swallows_and_names_the_function_with_the_block(self, logger: Logger, got: list[Any]) -> None:
        """As `with` does, with something to wait for inside."""

        async def main() -> str:
            async with logger.catch() as nothing:
                assert nothing is None
                await asyncio.sleep(0)
                raise ValueError("bad")
            return "swallowed"

        assert asyncio.run(main()) == "swallowed"
        assert functions(got) == ["main"]
        assert got[0].record["exception"].value.args == ("bad",)

    def test_lets_through_what_it_is_not_for(self, logger: Logger, got: list[Any]) -> None:
        """Other classes, excluded ones, `reraise`, cancellation."""

        async def main(error: type[BaseException], **options: Any) -> None:
            async with logger.catch(**options):
                raise error

        for error, options in (
            (KeyError, {"exception": ValueError}),
            (KeyError, {"exclude": LookupError}),
            (asyncio.CancelledError, {}),
        ):
            with pytest.raises(error):
                asyncio.run(main(error, **options))
        assert got == []
        with pytest.raises(KeyError):
            asyncio.run(main(KeyError, reraise=True))
        assert functions(got) == ["main"]


async def collect(made: AsyncIterator[Any]) -> list[Any]:
    # Not a comprehension, which is a function of its own before Python 3.12.
    items = []
    async for item in made:
        items.append(item)  # noqa: PERF401 - see above
    return items


class TestAsyncGenerators:
    def test_end_when_an_error_was_swallowed(self, logger: Logger, got: list[Any]) -> None:
        """What came before the error has come; the record names who asked for more."""

        @logger.catch(default="unused")
        async def numbers(count: int) -> AsyncIterator[int]:
            """Its text."""
            for number in range(count):
                yield number
                await asyncio.sleep(0)
            raise ValueError("bad")

        assert (numbers.__name__, numbers.__doc__) == ("numbers", "Its text.")
        assert asyncio.run(collect(numbers(3))) == [0, 1, 2]
        assert functions(got) == ["collect"]

    def test_send_throw_and_close(self, logger: Logger, got: list[Any]) -> None:
        """They reach the generator; what is thrown in and comes out of it is caught, as with a synchronous one."""
        closed = []

        @logger.catch
        async def echo() -> AsyncIterator[Any]:
            sent: Any = None
            try:
                while True:
                    try:
                        sent = yield sent
                    except KeyError:
                        sent = "thrown"
            finally:
                closed.append(True)

        async def main() -> None:
            made: Any = echo()
            assert [inspect.isasyncgen(made), inspect.isasyncgenfunction(echo)] == [True, True]
            assert await made.asend(None) is None
            assert await made.asend(5) == 5
            assert await made.athrow(KeyError("x")) == "thrown"
            with pytest.raises(StopAsyncIteration):
                await made.athrow(ValueError("from outside"))
            with pytest.raises(StopAsyncIteration):
                await made.__anext__()
            ended: Any = echo()
            await ended.asend(None)
            with pytest.raises(asyncio.CancelledError):
                await ended.athrow(asyncio.CancelledError())
            other: Any = echo()
            await other.__anext__()
            await other.aclose()
            with pytest.raises(StopAsyncIteration):
                await other.__anext__()

        asyncio.run(main())
        assert closed == [True, True, True]
        assert functions(got) == ["main"]

    def test_an_error_while_it_is_closed(self, logger: Logger, got: list[Any]) -> None:
        """Caught, and the generator is closed; left to itself it is closed by its event loop."""
        closed = []

        @logger.catch
        async def failing(name: str) -> AsyncIterator[int]:
            try:
                yield 1
            finally:
                closed.append(name)
                raise ValueError("bad")

        async def main() -> None:
            made: Any = failing("by hand")
            await made.__anext__()
            await made.aclose()
            async for _ in failing("left"):
                break

        asyncio.run(main())
        assert closed == ["by hand", "left"]
        assert len(got) == 2

    def test_wrong_arguments(self, logger: Logger, got: list[Any]) -> None:
        """Caught when the first value is asked for, as with a synchronous one."""

        @logger.catch
        async def numbers() -> AsyncIterator[int]:
            yield 1

        made: Any = numbers
        assert asyncio.run(collect(made(5))) == []
        assert len(got) == 1

    def test_reraise(self, logger: Logger, got: list[Any]) -> None:
        """Logged, then raised to whoever asked."""

        @logger.catch(reraise=True)
        async def failing() -> AsyncIterator[int]:
            yield 1
            raise ValueError("bad")

        with pytest.raises(ValueError, match="bad"):
            asyncio.run(collect(failing()))
        assert len(got) == 1


class TestGuard:
    def test_is_released_when_logging_fails(self, logger: Logger) -> None:
        """A sink that raises, once: the next error is caught and logged."""
        got: list[Any] = []

        def sink(message: Any) -> None:
            got.append(message)
            if len(got) == 1:
                raise OSError("full")

        logger.add(sink, catch=False)
        with pytest.raises(OSError, match="full"), logger.catch():
            raise ValueError
        with logger.catch():
            raise ValueError
        assert len(got) == 2

    def test_is_of_one_thread(self, logger: Logger) -> None:
        """While one thread logs an error, another one's errors are caught."""
        got: list[str] = []

        def sink(message: Any) -> None:
            got.append(threading.current_thread().name)
            if len(got) == 1:
                thread = threading.Thread(target=logger.catch(other), name="other")
                logger.remove(number)
                logger.add(lambda _: got.append(threading.current_thread().name), format="")
                thread.start()
                thread.join()

        def other() -> None:
            raise ValueError

        number = logger.add(sink, format="")
        with logger.catch():
            raise ValueError
        assert got == ["MainThread", "other"]

    def test_is_of_one_core(self, logger: Logger, got: list[Any]) -> None:
        """Another logger, without anything in common, catches."""
        from mplog._logger.core import Core

        other = Logger(Core(), {})
        seen: list[Any] = []
        other.add(seen.append, format="{message}")

        def patch(record: dict[str, Any]) -> None:
            with other.catch():
                raise KeyError

        with logger.patch(patch).catch():
            raise ValueError
        assert len(got) == len(seen) == 1
        other.remove()


class TestOnError:
    def test_the_exception_is_being_handled(self, logger: Logger, got: list[Any]) -> None:
        """`sys.exc_info()` is that of the error, for blocks and for decorators."""
        seen: list[Any] = []

        def onerror(error: BaseException) -> None:
            seen.append((error, sys.exc_info()[1]))

        with logger.catch(onerror=onerror):
            raise ValueError("block")

        @logger.catch(onerror=onerror)
        def decorated() -> None:
            raise ValueError("decorator")

        decorated()
        assert [str(error) for error, _ in seen] == ["block", "decorator"]
        assert all(error is info for error, info in seen)


class TestStack:
    def test_in_an_exit_stack(self, logger: Logger, got: list[Any]) -> None:
        """It is a context manager like others."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(logger.catch())
            raise ValueError
        assert len(got) == 1

    def test_the_traceback_is_the_users_own(self, logger: Logger) -> None:
        """No frame of mplog is shown, whatever was decorated."""
        texts: list[str] = []
        logger.add(texts.append, format="{message}", backtrace=False, diagnose=False, colorize=False)

        @logger.catch
        def decorated() -> None:
            raise ValueError("bad")

        @logger.catch
        async def coroutine() -> None:
            raise ValueError("bad")

        decorated()
        asyncio.run(coroutine())
        for text, function in zip(texts, ("decorated", "coroutine"), strict=True):
            assert f"in {function}\n" in text
            assert "_logger" not in text
            assert text.endswith("ValueError: bad\n")
