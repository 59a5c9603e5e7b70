"""What `complete()` waits for beside tasks, and tasks for the records of other processes; logger-api.md, section 30."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from coroutines import Gathering, Loop, a_loop, awaited, lines  # noqa: F401 - the fixture is used by its name

from mplog._capture.record import Message
from mplog._logger.logger import Logger
from mplog._sinks import coroutine as module
from mplog._sinks import report
from mplog._sinks.coroutine import CoroutineSink


class TestStreamsThatComplete:
    def test_a_coroutine_method_is_awaited(self, logger: Logger) -> None:
        """By `complete()`, whichever loop awaits."""
        calls: list[str] = []

        class Stream:
            def write(self, message: str) -> None:
                calls.append(str(message))

            async def complete(self) -> None:
                await asyncio.sleep(0)
                calls.append("complete")

        logger.add(Stream(), format="{message}")

        async def main() -> None:
            logger.info(1)
            await logger.complete()

        asyncio.run(main())
        assert calls == ["1\n", "complete"]

    def test_what_it_raises_goes_to_who_awaits(self, logger: Logger) -> None:
        """It is the program's own coroutine."""

        class Stream:
            def write(self, message: str) -> None: ...

            async def complete(self) -> None:
                raise OSError("not complete")

        logger.add(Stream())

        async def main() -> None:
            logger.complete()
            with pytest.raises(OSError, match="not complete"):
                await logger.complete()

        asyncio.run(main())
        gc.collect()

    def test_one_that_takes_too_long(self, logger: Logger) -> None:
        """Is ended when time is up."""

        class Stream:
            def write(self, message: str) -> None: ...

            async def complete(self) -> None:
                await asyncio.sleep(60)

        logger.add(Stream())

        async def main() -> None:
            assert not await logger.complete(timeout=0.01)

        asyncio.run(main())

    @pytest.mark.parametrize("complete", [None, 5, lambda: None])
    def test_others_are_ignored(self, logger: Logger, complete: object) -> None:
        """What is no coroutine function."""
        stream = type("Stream", (), {"write": lambda self, message: None, "complete": complete})()
        logger.add(stream)
        asyncio.run(awaited(logger.complete))


class TestRecordsOfOtherProcesses:
    """What an outlet does with a coroutine sink: there is no loop in its thread."""

    @staticmethod
    def sink(function: Callable[[str], Coroutine[Any, Any, object]], loop: Loop | None = None) -> CoroutineSink:
        return CoroutineSink(function, loop=loop, number=3)

    def test_they_go_to_the_loop_of_the_add(self) -> None:
        """When there was one."""
        gathering = Gathering()

        async def main() -> None:
            sink = self.sink(gathering.sink)
            thread = threading.Thread(target=sink.write_patiently, args=(Message("1\n"), lambda: False))
            thread.start()
            thread.join()
            for item in sink.unfinished():
                await item.wait(30)

        asyncio.run(main())
        assert gathering.got == lines(1)

    def test_or_to_the_one_that_was_used_last(self, loop: Loop) -> None:
        """By a log call of this process."""
        gathering = Gathering()
        sink = self.sink(gathering.sink)

        async def main() -> None:
            sink.write(Message("1\n"))
            await asyncio.get_running_loop().run_in_executor(None, sink.write_patiently, Message("2\n"), lambda: False)
            for item in sink.unfinished():
                await item.wait(30)

        loop.run_until_complete(main())
        loop.run_until_complete(loop.shutdown_default_executor())
        assert gathering.got == lines(1, 2)

    def test_without_any_they_are_counted_and_said(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Once, with what to do."""
        sink = self.sink(Gathering().sink)
        report._said.clear()
        for _ in range(3):
            assert sink.write_patiently(Message("1\n"), lambda: False)
        said = capsys.readouterr().err
        assert sink.lost == 3
        assert said.count("are lost: no event loop has been seen; pass loop= to add()") == 1

    def test_a_loop_that_stands_still_is_no_place_for_endless_tasks(
        self, loop: Loop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Up to a bound; the rest is counted."""
        monkeypatch.setattr(module, "MAXIMUM_PENDING", 10)
        report._said.clear()
        gathering = Gathering()
        sink = self.sink(gathering.sink, loop)
        for number in range(15):
            assert sink.write_patiently(Message(f"{number}\n"), lambda: False)
        assert sink.lost == 5
        assert "10 of its tasks wait for an event loop that does not get to them" in capsys.readouterr().err

        async def main() -> None:
            for item in sink.unfinished():
                await item.wait(30)

        loop.run_until_complete(main())
        assert gathering.got == lines(*range(10))

    def test_a_loop_that_runs_is_waited_for(self, loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing is lost, and whoever wants to end the thread can."""
        monkeypatch.setattr(module, "MAXIMUM_PENDING", 10)
        gathering = Gathering(0.001)
        sink = self.sink(gathering.sink, loop)
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        for number in range(50):
            assert sink.write_patiently(Message(f"{number}\n"), lambda: False)

        async def rest() -> None:
            for item in sink.unfinished():
                await item.wait(30)

        asyncio.run_coroutine_threadsafe(rest(), loop).result(30)
        gathering.pause = 60
        for number in range(10):
            sink.write_patiently(Message(f"{number}\n"), lambda: False)
        assert not sink.write_patiently(Message("given up\n"), lambda: True)
        sink.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        assert sink.lost == 0
        assert sorted(gathering.got, key=int) == lines(*range(50))
