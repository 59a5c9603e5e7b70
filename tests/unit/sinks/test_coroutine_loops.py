"""Coroutine functions as sinks: in which loop their tasks run, and what `add()` takes; logger-api.md, section 30."""

from __future__ import annotations

import asyncio
import gc
import threading

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
