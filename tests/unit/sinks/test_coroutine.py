"""Coroutine functions as sinks: which loop, when, what becomes of tasks and errors; logger-api.md, section 30."""

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
from mplog._sinks import coroutine as module
from mplog._sinks import report


class TestWhichLoop:
    def test_the_running_one(self, logger: Logger) -> None:
        """The task is made at once, and has run when `complete()` has been awaited."""
        gathering = Gathering()
        logger.add(gathering.sink, format="{message}")

        async def main() -> None:
            logger.info("1")
            assert gathering.got == []
            assert await logger.complete()
            assert gathering.got == lines(1)

        asyncio.run(main())

    @pytest.fixture(autouse=True)
    def quiet(self) -> None:
        """Each test is told again what was said once."""
        report._said.clear()

    def test_none(self, logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
        """Without a loop the message is dropped, which is said; a loop that is only set is none."""
        gathering = Gathering()
        logger.add(gathering.sink, format="{message}")
        logger.info("1")
        asyncio.run(awaited(logger.complete))
        assert gathering.got == []
        assert capsys.readouterr().err.count("no event loop runs in the thread of the call") == 1

    def test_one_that_is_only_set(self, logger: Logger, loop: Loop, capsys: pytest.CaptureFixture[str]) -> None:
        """The current loop of the policy is never used: neither at the call nor when it runs later."""
        gathering = Gathering()
        asyncio.set_event_loop(loop)
        try:
            number = logger.add(gathering.sink, format="{message}")
            logger.info("1")
            with pytest.raises(ValueError, match=r"^An event loop is required"):
                logger.add(gathering.sink, enqueue=True)
            loop.run_until_complete(awaited(logger.complete))
        finally:
            asyncio.set_event_loop(None)
        assert gathering.got == []
        assert logger.statistics().dropped == 1
        logger.remove(number)
        assert capsys.readouterr().err.count("no event loop runs in the thread of the call") == 1

    def test_a_given_one_from_outside(self, logger: Logger, loop: Loop) -> None:
        """Tasks wait until it runs."""
        gathering = Gathering()
        logger.add(gathering.sink, format="{message}", loop=loop)
        for number in range(5):
            logger.info(number)
        assert gathering.got == []
        loop.run_until_complete(logger.complete())
        assert gathering.got == lines(*range(5))

    def test_a_given_one_instead_of_the_running_one(self, logger: Logger, loop: Loop) -> None:
        """The tasks are those of the loop that was given, and another one does not wait for them."""
        gathering = Gathering()
        logger.add(gathering.sink, format="{message}", loop=loop)

        async def main() -> None:
            logger.info("1")
            await logger.complete()
            assert gathering.got == []

        asyncio.run(main())
        loop.run_until_complete(logger.complete())
        assert gathering.got == lines(1)

    def test_a_given_one_that_runs_in_another_thread(self, logger: Logger, loop: Loop) -> None:
        """It is woken up, and the tasks run in its thread, in order."""
        threads: set[str] = set()
        got: list[str] = []

        async def sink(message: str) -> None:
            threads.add(threading.current_thread().name)
            got.append(str(message))

        logger.add(sink, format="{message}", loop=loop)
        thread = threading.Thread(target=loop.run_forever, name="loop")
        thread.start()
        try:
            for number in range(500):
                logger.info(number)
            asyncio.run_coroutine_threadsafe(awaited(logger.complete), loop).result(30)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
        assert got == lines(*range(500))
        assert threads == {"loop"}

    def test_several_loops_at_once(self, logger: Logger) -> None:
        """`complete()` waits for the tasks of the loop that awaits it, and leaves the others to theirs."""
        gathering = Gathering(0.001)
        logger.add(gathering.sink, format="{message}")
        barrier = threading.Barrier(3)

        async def main(name: int) -> None:
            barrier.wait()
            for number in range(50):
                logger.info(name * 100 + number)
            await logger.complete()
            mine = [line for line in gathering.got if int(line) // 100 == name]
            assert mine == lines(*range(name * 100, name * 100 + 50))

        failures: list[BaseException] = []

        def run(name: int) -> None:
            try:
                asyncio.run(main(name))
            except BaseException as error:
                failures.append(error)
                raise

        threads = [threading.Thread(target=run, args=(name,)) for name in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert len(gathering.got) == 150

    def test_removal_in_one_of_several(self, logger: Logger, loop: Loop) -> None:
        """Cancels the tasks of all of them, each in its own thread."""
        ended: list[tuple[str, str]] = []
        both = threading.Barrier(3)

        async def sink(message: str) -> None:
            name = threading.current_thread().name
            both.wait(30)
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                ended.append((str(message).strip(), name))
                raise

        number = logger.add(sink, format="{message}")

        def run(name: str) -> None:
            async def main() -> None:
                logger.info(name)
                await asyncio.wait_for(awaited(logger.complete), 30)

            asyncio.run(main())

        threads = [threading.Thread(target=run, args=(name,), name=name) for name in "ab"]
        for thread in threads:
            thread.start()
        both.wait(30)
        logger.remove(number)
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
        assert sorted(ended) == [("a", "a"), ("b", "b")]

    def test_one_loop_after_the_other(self, logger: Logger) -> None:
        """A handler outlives loops; what an ended one left unfinished is forgotten."""
        gathering = Gathering(0.001)
        logger.add(gathering.sink, format="{message}")

        async def hurry() -> None:
            logger.info("-1")

        async def main(number: int) -> None:
            logger.info(number)
            await logger.complete()

        for number in range(3):
            asyncio.run(hurry())
            asyncio.run(main(number))
        assert gathering.got == lines(0, 1, 2)

    def test_a_closed_one_is_an_error_of_the_handler(
        self, logger: Logger, capsys: pytest.CaptureFixture[str], loop: Loop
    ) -> None:
        """Reported with the record, or raised, and nothing is complained about later."""
        gathering = Gathering()
        loop.close()
        logger.add(gathering.sink, loop=loop)
        logger.info("lost")
        said = capsys.readouterr().err
        assert ": handler 0 (" in said
        assert "'message': 'lost'" in said
        logger.add(gathering.sink, loop=loop, catch=False)
        with pytest.raises(RuntimeError, match="loop of this coroutine sink is closed"):
            logger.info("lost")
        gc.collect()


class TestOptions:
    def test_enqueue_needs_a_loop(self, logger: Logger) -> None:
        """Given, or running when the sink is added."""
        gathering = Gathering()
        with pytest.raises(ValueError, match=r"^An event loop is required"):
            logger.add(gathering.sink, enqueue=True)

        async def main() -> None:
            number = logger.add(gathering.sink, format="{message}", enqueue=True)
            for n in range(20):
                logger.info(n)
            await logger.complete()
            assert gathering.got == lines(*range(20))
            logger.remove(number)

        asyncio.run(main())

    def test_enqueue_with_a_given_loop(self, logger: Logger, loop: Loop) -> None:
        """The writer hands over to it, whether it runs or not."""
        gathering = Gathering()
        logger.add(gathering.sink, format="{message}", enqueue=True, loop=loop)
        for n in range(20):
            logger.info(n)
        loop.run_until_complete(logger.complete())
        assert gathering.got == lines(*range(20))
        logger.remove()

    def test_enqueue_keeps_the_loop_that_ran_at_the_add(self, logger: Logger, loop: Loop) -> None:
        """Whatever runs where something is logged: nothing, or another loop."""
        seen: list[tuple[str, bool]] = []

        async def sink(message: str) -> None:
            seen.append((str(message), asyncio.get_running_loop() is loop))

        async def add() -> int:
            return logger.add(sink, format="{message}", enqueue=True)

        async def elsewhere() -> None:
            logger.info(2)
            assert await logger.complete(timeout=30)
            assert seen == []

        number = loop.run_until_complete(add())
        logger.info(1)
        asyncio.run(elsewhere())
        loop.run_until_complete(logger.complete(timeout=30))
        logger.remove(number)
        assert seen == [("1\n", True), ("2\n", True)]

    @pytest.mark.parametrize("wrong", [5, "loop", object()])
    def test_what_is_no_loop(self, logger: Logger, wrong: object) -> None:
        """Is refused before anything happens."""
        with pytest.raises(TypeError, match=r"^Invalid loop"):
            logger.add(Gathering().sink, loop=wrong)

    def test_only_coroutines_take_one(self, logger: Logger, loop: Loop) -> None:
        """And they take nothing else."""
        with pytest.raises(TypeError, match="unexpected keyword argument 'loop'"):
            logger.add(print, loop=loop)
        with pytest.raises(TypeError, match="unexpected keyword argument 'rotation'"):
            logger.add(Gathering().sink, rotation="1 MB")

    def test_complete_does_not_wait_for_the_loop_it_blocks(
        self, logger: Logger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Though more is logged than a loop that runs is given at once."""
        monkeypatch.setattr(module, "MAXIMUM_PENDING", 10)
        gathering = Gathering()

        async def main() -> None:
            number = logger.add(gathering.sink, format="{message}", enqueue=True)
            for n in range(80):
                logger.info(n)
            assert await logger.complete(timeout=30)
            assert gathering.got == lines(*range(80))
            logger.remove(number)

        asyncio.run(main())


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
