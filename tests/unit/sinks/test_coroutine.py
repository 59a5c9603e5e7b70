"""Coroutine functions as sinks: what becomes of tasks and errors; logger-api.md, section 30."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import threading
from typing import Any

import pytest
from coroutines import Gathering, Loop, a_loop, awaited, lines  # noqa: F401 - the fixture is used by its name

from mplog._logger.logger import Logger


class TestForms:
    def test_everything_that_makes_coroutines(self, logger: Logger) -> None:
        """Functions, methods, partial ones, and objects that are called so."""
        got: list[str] = []

        async def function(message: str, name: str = "function") -> None:
            got.append(name)

        class Method:
            async def method(self, message: str) -> None:
                got.append("method")

            @classmethod
            async def of_class(cls, message: str) -> None:
                got.append("classmethod")

        class Callable:
            async def __call__(self, message: str) -> None:
                got.append("callable")

        logger.add(function)
        logger.add(functools.partial(function, name="partial"))
        logger.add(Method().method)
        logger.add(Method.of_class)
        logger.add(Callable())

        async def main() -> None:
            logger.info("")
            await logger.complete()

        asyncio.run(main())
        assert sorted(got) == sorted(["function", "partial", "method", "classmethod", "callable"])

    def test_the_message_has_its_record(self, logger: Logger) -> None:
        """It is the one that functions get."""
        got: list[Any] = []

        async def sink(message: Any) -> None:
            got.append(message)

        logger.add(sink, format="{message}")

        async def main() -> None:
            logger.bind(a=1).info("x")
            await logger.complete()

        asyncio.run(main())
        assert (got[0], got[0].record["extra"]) == ("x\n", {"a": 1})

    def test_the_context_is_the_callers(self, logger: Logger, loop: Loop) -> None:
        """A task sees the context variables of the log call, in whatever thread that was."""
        variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)
        got: list[int] = []

        async def sink(message: str) -> None:
            got.append(variable.get())

        logger.add(sink, loop=loop)
        variable.set(5)
        logger.info("before it runs")
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        variable.set(6)
        logger.info("from another thread")
        asyncio.run_coroutine_threadsafe(awaited(logger.complete), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        assert got == [5, 6]


class TestErrors:
    def test_caught_ones_are_reported_with_their_record(
        self, logger: Logger, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """When the task ends; `complete()` does not raise them, and the next message is not concerned."""
        got: list[str] = []

        async def sink(message: str) -> None:
            if message == "bad\n":
                raise ValueError("cannot take it")
            got.append(str(message))

        logger.add(sink, format="{message}")

        async def main() -> None:
            for text in ("one", "bad", "two"):
                logger.info(text)
            assert capsys.readouterr().err == ""
            await logger.complete()

        asyncio.run(main())
        gc.collect()
        said = capsys.readouterr().err
        assert got == ["one\n", "two\n"]
        assert said.count(": handler 0 (") == 1
        assert "'message': 'bad'" in said
        assert "ValueError: cannot take it" in said

    def test_they_are_reported_when_the_task_ends(self, logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
        """Whether or not anybody waits for it."""

        async def sink(message: str) -> None:
            await asyncio.sleep(0)
            raise ValueError("cannot take it")

        logger.add(sink)

        async def main() -> None:
            logger.info("x")
            await asyncio.sleep(0)
            assert capsys.readouterr().err == ""
            for _ in range(3):
                await asyncio.sleep(0)
            assert capsys.readouterr().err.count("ValueError: cannot take it") == 1

        asyncio.run(main())
        assert capsys.readouterr().err == ""

    @pytest.mark.parametrize("waits", [True, False])
    @pytest.mark.parametrize("catch", [True, False])
    def test_asyncio_complains_about_none(
        self, logger: Logger, caplog: pytest.LogCaptureFixture, catch: bool, waits: bool
    ) -> None:
        """With `catch=False` it logs each error, in its own words once; never that one was not retrieved."""

        async def sink(message: str) -> None:
            raise ValueError(str(message))

        number = logger.add(sink, format="{message}", catch=catch)

        async def main() -> None:
            for n in range(3):
                logger.info(n)
            if waits:
                await logger.complete()
            else:
                await asyncio.sleep(0.001)

        asyncio.run(main())
        logger.remove(number)
        gc.collect()
        said = [record for record in caplog.records if record.name == "asyncio"]
        assert "never retrieved" not in caplog.text
        expected = [] if catch else [f"{n}\n" for n in range(3)]
        assert [str(record.exc_info[1]) for record in said if record.exc_info] == expected
        assert len(said) == len(expected)

    def test_uncaught_ones_go_to_the_loop(self, logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
        """To its exception handler, once, and not to standard error by mplog."""

        async def sink(message: str) -> None:
            raise ValueError("cannot take it")

        logger.add(sink, catch=False)
        contexts: list[dict[str, Any]] = []

        async def main() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: contexts.append(context))
            logger.info("x")
            await logger.complete()

        asyncio.run(main())
        gc.collect()
        assert [str(context["exception"]) for context in contexts] == ["cannot take it"]
        assert capsys.readouterr().err == ""

    def test_what_ends_the_program_does(self, logger: Logger) -> None:
        """A SystemExit in a task is the loop's affair."""

        async def sink(message: str) -> None:
            raise SystemExit(3)

        logger.add(sink)

        async def main() -> None:
            logger.info("x")
            await logger.complete()

        with pytest.raises(SystemExit):
            asyncio.run(main())
        gc.collect()

    def test_a_sink_that_logs(self, logger: Logger) -> None:
        """To another handler, or to its own until it has enough."""
        got: list[str] = []

        async def sink(message: str) -> None:
            got.append(str(message))
            if len(got) < 5:
                logger.info(len(got))

        logger.add(sink, format="{message}")

        async def main() -> None:
            logger.info(0)
            while len(got) < 5:
                await logger.complete()

        asyncio.run(main())
        assert got == lines(0, 1, 2, 3, 4)

    def test_a_sink_that_completes(self, logger: Logger) -> None:
        """It cannot wait for itself, and does not."""
        got: list[str] = []

        async def sink(message: str) -> None:
            await logger.complete()
            got.append(str(message))

        logger.add(sink, format="{message}")

        async def main() -> None:
            logger.info(0)
            await asyncio.wait_for(awaited(logger.complete), 30)

        asyncio.run(main())
        assert got == lines(0)


class TestEnd:
    def test_removal_cancels(self, logger: Logger) -> None:
        """What has not finished is cancelled, what comes later is dropped."""
        seen: list[str] = []

        async def sink(message: str) -> None:
            seen.append("began")
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise

        async def main() -> None:
            number = logger.add(sink)
            logger.info("x")
            await asyncio.sleep(0)
            logger.info("never begins")
            logger.remove(number)
            logger.info("later")
            await logger.complete()
            await asyncio.sleep(0.001)

        asyncio.run(main())
        assert seen == ["began", "cancelled"]

    def test_removal_from_another_thread(self, logger: Logger, loop: Loop) -> None:
        """In the loop's own thread, as asyncio demands."""
        began, cancelled = threading.Event(), threading.Event()

        async def sink(message: str) -> None:
            began.set()
            try:
                await asyncio.sleep(60)
            finally:
                cancelled.set()

        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        number = logger.add(sink, loop=loop)
        logger.info("x")
        assert began.wait(30)
        logger.remove(number)
        assert cancelled.wait(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()

    @pytest.mark.parametrize("order", ["remove first", "close first", "never removed"])
    def test_tasks_that_never_ran_are_not_complained_about(self, logger: Logger, order: str) -> None:
        """A loop that never runs, is closed, or goes with its tasks: no warning from anybody."""
        loop = asyncio.new_event_loop()
        complaints: list[object] = []
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        gathering = Gathering()
        number = logger.add(gathering.sink, loop=loop)
        logger.info("x")
        if order == "remove first":
            logger.remove(number)
        loop.close()
        if order == "close first":
            logger.remove(number)
        del loop
        gc.collect()
        assert complaints == []
        assert gathering.got == []

    def test_complete_need_not_be_awaited(self, logger: Logger) -> None:
        """Nor its result looked at; the tasks go on."""
        gathering = Gathering()
        logger.add(gathering.sink, format="{message}")

        async def main() -> None:
            logger.info(1)
            logger.complete()
            gc.collect()
            for _ in range(3):
                await asyncio.sleep(0)
            assert gathering.got == lines(1)

        asyncio.run(main())

    def test_cancelling_complete_leaves_the_tasks(self, logger: Logger) -> None:
        """Whoever is tired of waiting takes no record away from the sink."""
        gathering = Gathering(0.01)
        logger.add(gathering.sink, format="{message}")

        async def main() -> None:
            logger.info(1)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(awaited(logger.complete), 0.0001)
            await logger.complete()
            assert gathering.got == lines(1)

        asyncio.run(main())

    def test_complete_with_a_time_out(self, logger: Logger) -> None:
        """It tells whether the tasks are done; row 9 of beyond.md."""
        gathering = Gathering(0.05)
        logger.add(gathering.sink, format="{message}")

        async def main() -> None:
            logger.info(1)
            assert not await logger.complete(timeout=0.001)
            assert await logger.complete(timeout=30)

        asyncio.run(main())

    def test_it_waits_for_what_was_logged_before_the_call(self, logger: Logger) -> None:
        """Not for what comes while it waits."""
        release = asyncio.Event()

        async def sink(message: str) -> None:
            if message == "late\n":
                await release.wait()

        logger.add(sink, format="{message}")

        async def main() -> None:
            logger.info("early")
            waiting = logger.complete()
            logger.info("late")
            await asyncio.wait_for(awaited(lambda: waiting), 30)
            release.set()
            await logger.complete()

        asyncio.run(main())
