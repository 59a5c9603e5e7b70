"""Whole programs under test tools: warnings as errors, frozen clocks, suites with time-outs.

Covers logger-api.md, section 37.
"""

from __future__ import annotations

import gc
import logging
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest
from programs import Program, assert_once_in_order

from mplog._logger.core import Core
from mplog._logger.logger import Logger

EVERYTHING = """
    import asyncio, copy, io, logging, multiprocessing, os, pickle, sys, threading
    from mplog import logger

    class Stream:
        def write(self, message):
            pass

        async def complete(self):
            pass

    async def coroutine(message):
        await asyncio.sleep(0)

    def work():
        for n in range(20):
            logger.info("worker {}", n)

    async def main():
        numbers = [logger.add(coroutine), logger.add(coroutine, enqueue=True), logger.add(Stream())]
        for n in range(5):
            logger.info("in a loop {}", n)
        await logger.complete()
        logger.info("nobody waits for this one")
        for number in numbers:
            logger.remove(number)

    def fill():
        logger.add("plain.log")
        logger.add("late.log", delay=True)
        logger.add("watched.log", watch=True)
        logger.add("turned.log", rotation="1 KB", retention=3, compression="gz")
        logger.add("queue.log", enqueue=True)
        logger.add("json.log", serialize=True, encoding="utf-16")
        logger.add(lambda message: None, enqueue=True)
        logger.add(logging.NullHandler())
        logger.add(io.StringIO())
        loses = logger.add(coroutine)  # Most of its records have no loop, and one has a loop that ends.
        print(loses)
        return loses

    if __name__ == "__main__":
        logger.remove()
        never = logger.add("never.log", delay=True)
        copied, other = copy.deepcopy(logger), pickle.loads(pickle.dumps(logger))
        for each in (copied, other):
            each.info("x")
            del each
        lost = fill()
        work()
        os.rename("watched.log", "moved.log")
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        asyncio.run(main())
        logger.remove(lost)  # Its loop has ended: what workers had for it would be lost, which is said.
        for method in sys.argv[2:]:
            process = multiprocessing.get_context(method).Process(target=work)
            process.start()
            process.join()
            assert process.exitcode == 0
        try:
            logger.add("missing.log", mode="q")
        except ValueError:
            pass
        with logger.catch(), logger.contextualize(a=1):
            logger.opt(lazy=True).info("{}", lambda: 1)
        if sys.argv[1] == "remove":
            logger.remove()
        elif sys.argv[1] == "again":
            logger.remove()
            fill()
            work()
"""


LOST = "records for the coroutine sink of handler {} are lost: "
NO_LOOP = "no event loop runs in the thread of the call. Pass loop= to add(), or log inside of the loop."
LEFT = "their event loop ended before their tasks did. Call `await logger.complete()` before the loop ends."


class TestWarnings:
    """None is emitted: test suites turn them into errors."""

    @pytest.mark.parametrize("end", ["leave", "remove", "again"])
    @pytest.mark.parametrize(
        "methods", [(), ("fork",), ("spawn",), ("forkserver",)], ids=lambda m: "".join(m) or "none"
    )
    def test_programs(self, program: Program, end: str, methods: tuple[str, ...]) -> None:
        """All kinds of sinks, with and without children, whatever is left open; which records are lost is said once."""
        ended = program.run(EVERYTHING, end, *methods, silent=False)
        first, *again = ended.output.split()
        assert len(again) == (end == "again")
        lost = [(first, NO_LOOP), (first, LEFT), *((number, NO_LOOP) for number in again)]
        said = [line.partition(" (MainProcess): ")[2] for line in ended.said.splitlines()]
        assert said == [LOST.format(number) + why for number, why in lost], ended.said

    def test_in_a_test_suite(self, logger: Logger, tmp_path: Path, monkeypatch: Any) -> None:
        """Nothing is left for the collector to complain about: no open file, no coroutine, no error of a thread."""
        troubles: list[Any] = []
        monkeypatch.setattr(sys, "unraisablehook", troubles.append)
        monkeypatch.setattr(threading, "excepthook", troubles.append)

        async def sink(message: Any) -> None:
            pass

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            logger.add(tmp_path / "app.log", rotation="10 B", compression="gz", retention=1)
            logger.add(tmp_path / "late.log", delay=True)
            logger.add(sink)
            logger.add(logging.NullHandler())
            for number in range(5):
                logger.info("number {}", number)
            logger.remove()
            logger.add(tmp_path / "left.log")
            logger.info("x")
            own = Logger(Core(), {})
            own.add(tmp_path / "forgotten.log")
            own.info("x")
            own.remove()
            del own
            gc.collect()
        assert [str(warning.message) for warning in caught] == []
        assert troubles == []


class TestFrozenWhileOthersWrite:
    """What mplog waits for, and the order of records, do not depend on a clock that tests freeze."""

    @pytest.mark.parametrize(
        ("method", "inside", "frozen"),
        [("fork", "owner", "ABC"), ("fork", "worker", "AB"), ("spawn", "owner", "C"), ("spawn", "both", "ABC")],
    )
    def test_complete_ends(self, program: Program, method: str, inside: str, frozen: str) -> None:
        """`complete()` is true in time wherever the clock stands still, and each line is there once, with that time."""
        lines = program.run(FROZEN, method, inside).log()
        messages = [f"{name} {number}" for name in "ABC" for number in range(200)]
        assert_once_in_order([line.partition(" ")[2] for line in lines], messages)
        shown = {(line.split()[2], line.startswith("2020")) for line in lines}
        assert shown == {(name, name in frozen) for name in "ABC"}

    def test_pytest_with_timeouts(self, program: Program) -> None:
        """A suite with frozen clocks, both kinds of timeouts and children passes, and ends."""
        program.script(SUITE, "test_suite.py")
        ended = program.run(
            """
            import sys
            from pathlib import Path
            import pytest

            # The program's own directory stays as it is.
            options = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-c", "/dev/null", "--basetemp", "tmp.txt"]
            sys.exit(pytest.main([*options, str(Path(__file__).with_name("test_suite.py"))]))
            """,
            environment={"PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert "4 passed" in ended.output, ended.output


FROZEN = """
    import contextlib
    import multiprocessing
    import sys
    from freezegun import freeze_time
    from mplog import logger

    METHOD, INSIDE = sys.argv[1:] if len(sys.argv) > 2 else ("", "")

    def frozen(where, inside):
        return freeze_time("2020-02-03") if inside in (where, "both") else contextlib.nullcontext()

    def work(name, inside, depth=5):
        if depth:  # freezegun tells the true time to what `multiprocessing` calls, as far as five frames up.
            return work(name, inside, depth - 1)
        with frozen("worker", inside):
            for number in range(200):
                logger.info("{} {}", name, number)
            assert logger.complete(timeout=20)

    if __name__ == "__main__":
        logger.remove()
        logger.add("app.log", format="{time:YYYY} {process.id} {message}", enqueue=True)
        context = multiprocessing.get_context(METHOD)
        processes = [context.Process(target=work, args=(name, INSIDE)) for name in "AB"]
        with frozen("owner", INSIDE):
            for process in processes:
                process.start()
            for number in range(200):
                logger.info("C {}", number)
            assert logger.complete(timeout=20)
        for process in processes:
            process.join()
            assert process.exitcode == 0
        with frozen("owner", INSIDE):
            assert logger.complete(timeout=20)
"""

SUITE = """
    import multiprocessing
    import pytest
    from freezegun import freeze_time
    from mplog import logger

    def work(depth=5):
        if depth:
            return work(depth - 1)
        for number in range(50):
            logger.info("number {}", number)

    @pytest.mark.parametrize("enqueue", [False, True])
    @pytest.mark.parametrize(
        "method", [pytest.param(name, marks=pytest.mark.timeout(60, method=name)) for name in ("signal", "thread")]
    )
    def test_lines(tmp_path, enqueue, method):
        logger.remove()
        number = logger.add(tmp_path / "app.log", format="{time:YYYY} {message}", enqueue=enqueue)
        with freeze_time("2020-02-03"):
            processes = [multiprocessing.get_context("fork").Process(target=work) for _ in range(2)]
            for process in processes:
                process.start()
            for process in processes:
                process.join()
            assert logger.complete(timeout=20)
            logger.remove(number)
        lines = (tmp_path / "app.log").read_text().splitlines()
        assert sorted(lines) == sorted(f"2020 number {number}" for number in range(50) for _ in range(2))

"""
