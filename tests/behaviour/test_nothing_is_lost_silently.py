"""A record that a sink does not get is counted, and that is said once; where it can be had, the sink gets it."""

from __future__ import annotations

import asyncio
import io
import threading
from typing import Any

import pytest
from programs import Program

from mplog._logger.logger import Logger
from mplog._sinks import report


@pytest.fixture(autouse=True)
def quiet() -> None:
    """Each test is told again what was said once."""
    report._said.clear()


class Looking(io.TextIOWrapper):
    """A text stream that looks at the record."""

    seen: list[Any]

    def write(self, message: str) -> int:
        self.seen.append(message.record["message"])  # type: ignore[attr-defined]  # it is a message of mplog
        return super().write(message)


@pytest.mark.parametrize("overridden", ["by its class", "by itself"])
def test_a_text_stream_that_looks_at_the_record(logger: Logger, overridden: str) -> None:
    """Each call of a call site has its record, not only the first."""
    seen: list[Any] = []
    stream: Any
    if overridden == "by its class":
        stream = Looking(io.BytesIO(), encoding="utf8")
        stream.seen = seen
    else:
        stream = io.TextIOWrapper(io.BytesIO(), encoding="utf8")
        stream.write = lambda message: seen.append(message.record["message"])
    logger.add(stream, format="{message}", catch=False)
    for number in range(4):
        logger.info("number {}", number)
    assert seen == [f"number {number}" for number in range(4)]


def test_a_text_stream_of_a_worker(program: Program) -> None:
    """Its owner's stream sees the record, too."""
    program.run(
        """
        import io, os
        from mplog import logger

        class Looking(io.TextIOWrapper):
            def write(self, message):
                seen.append(message.record["message"])
                return super().write(message)

        seen = []
        logger.remove()
        logger.add(Looking(io.BytesIO(), encoding="utf8"), format="{message}")
        pid = os.fork()
        if not pid:
            for number in range(4):
                logger.info("number {}", number)
            os._exit(0)
        os.waitpid(pid, 0)
        logger.complete()
        assert seen == [f"number {number}" for number in range(4)], seen
        """
    )


class TestCoroutines:
    def test_no_event_loop(self, logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
        """Dropped, and said once, with what to do."""
        got: list[str] = []

        async def sink(message: str) -> None:
            got.append(message)

        async def main() -> None:
            thread = threading.Thread(target=logger.info, args=("in a thread",))
            thread.start()
            await asyncio.to_thread(thread.join)
            logger.info("in the loop")
            await logger.complete()

        logger.add(sink, format="{message}")
        logger.info("without a loop")
        logger.info("without a loop")
        asyncio.run(main())
        assert got == ["in the loop\n"]
        counts = logger.statistics()
        assert (counts.emitted, counts.written, counts.dropped) == (4, 1, 3)
        said = capsys.readouterr().err
        assert said.count("no event loop runs in the thread of the call") == 1
        assert "Pass loop= to add()" in said

    def test_a_loop_that_ends_first(self, logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
        """What its end cancels is counted as dropped, and said once."""

        async def sink(_message: str) -> None:
            await asyncio.sleep(60)

        async def main() -> None:
            for number in range(3):
                logger.info("number {}", number)
            await asyncio.sleep(0)

        logger.add(sink)
        asyncio.run(main())
        counts = logger.statistics()
        assert (counts.emitted, counts.written, counts.dropped) == (3, 0, 3)
        assert capsys.readouterr().err.count("their event loop ended before their tasks did") == 1

    def test_an_object_whose_write_is_a_coroutine_function(
        self, logger: Logger, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It gets what a coroutine function would."""

        class Sink:
            got: list[str] = []  # noqa: RUF012 - of one test

            async def write(self, message: str) -> None:
                await asyncio.sleep(0)
                self.got.append(message)

        async def main() -> None:
            for number in range(3):
                logger.info("number {}", number)
            await logger.complete()

        logger.add(Sink(), format="{message}")
        asyncio.run(main())
        assert Sink.got == [f"number {number}\n" for number in range(3)]
        assert not capsys.readouterr().err

    @pytest.mark.parametrize("kind", ["function", "stream"])
    def test_what_does_not_look_like_one(self, logger: Logger, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
        """A function that gives a coroutine has done nothing: dropped, and said once."""

        async def sink(message: str) -> None:
            raise AssertionError("nobody awaits it")

        class Stream:
            def write(self, message: str) -> Any:
                return sink(message)

        logger.add((lambda message: sink(message)) if kind == "function" else Stream())
        for _ in range(3):
            logger.info("text")
        assert (logger.statistics().written, logger.statistics().dropped) == (0, 3)
        assert capsys.readouterr().err.count("gives a coroutine, which nobody awaits") == 1


READS_ITS_LOG = """
    import os, sys
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{message}")
    logger.info("one")
    logger.info("two")
    ours = [
        int(name)
        for name in os.listdir("/proc/self/fd")
        if os.path.realpath(f"/proc/self/fd/{name}") == os.path.realpath("app.log")
    ]
    os.closerange(3, 64)
    files = []
    while not files or files[-1].fileno() != ours[0]:
        files.append(open("app.log", sys.argv[1], buffering=0))
    file = files[-1]
    if sys.argv[2] == "at the end":
        file.seek(0, 2)
    place = file.tell()
    if sys.argv[3] == "logs":
        logger.info("three")
        logger.info("four")
    assert file.tell() == place
    logger.remove()
    os.fstat(file.fileno())
    file.seek(0)
    print(file.read().decode().split())
    for other in files:
        other.close()
"""


@pytest.mark.parametrize("does", ["logs", "is silent"])
@pytest.mark.parametrize("place", ["at the end", "at the beginning"])
@pytest.mark.parametrize("mode", ["rb", "rb+", "ab+"])
def test_a_program_that_reads_its_own_log(program: Program, mode: str, place: str, does: str) -> None:
    """After it has closed all descriptors, it opens its log under the number that mplog's had: both go on."""
    ended = program.run(READS_ITS_LOG, mode, place, does)
    assert ended.log() == ["one", "two", "three", "four"][: 4 if does == "logs" else 2]
    assert ended.output.strip() == str(ended.log())
