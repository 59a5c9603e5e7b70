"""Coroutine sinks beside the compatibility reference: what has run when, what was reported; logger-api.md, section 30.

Departures: a cancelled `complete()` leaves the tasks alone, and nothing warns about coroutines that never ran.
"""

from __future__ import annotations

import asyncio
import functools
import io
import sys
import threading
import warnings
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from beside import ours, outcome, pair, reference, reports, sinks_shown
from hypothesis import given, settings
from hypothesis import strategies as st

Events = list[Any]
Sink = Callable[[Any], Coroutine[Any, Any, None]]


def make_sink(events: Events, name: str, steps: int = 0, *, fails: bool = False) -> Sink:
    """A coroutine function that takes *steps* turns of the loop."""

    async def sink(message: Any) -> None:
        try:
            events.append((name, "began", str(message)))
            for _ in range(steps):
                await asyncio.sleep(0)
            if fails:
                raise ValueError(str(message))
            events.append((name, "done", str(message), message.record["level"].name))
        except asyncio.CancelledError:
            events.append((name, "cancelled", str(message)))
            raise

    return sink


async def logs(logger: Any, events: Events) -> None:
    logger.add(make_sink(events, "a"), format="{message}")
    logger.info("1")
    events.append("logged")
    await logger.complete()
    events.append("completed")


async def slow(logger: Any, events: Events) -> None:
    logger.add(make_sink(events, "a", 5), format="{message}")
    for number in range(3):
        logger.info(number)
    await asyncio.sleep(0)
    events.append("one turn")
    await logger.complete()


async def several(logger: Any, events: Events) -> None:
    for name in "abc":
        logger.add(
            make_sink(events, name, ord(name) - 97), format="{message}", level="INFO" if name == "b" else "DEBUG"
        )
    logger.debug("1")
    logger.info("2")
    await logger.complete()
    events.sort()


async def failing(logger: Any, events: Events) -> None:
    logger.add(make_sink(events, "a", 1, fails=True), format="{message}")
    logger.info("1")
    logger.info("2")
    events.append(await logger.complete() in (None, True))


async def failing_uncaught(logger: Any, events: Events) -> None:
    def handle(_: Any, context: dict[str, Any]) -> None:
        events.append(("loop", type(context["exception"]), str(context["exception"])))

    asyncio.get_running_loop().set_exception_handler(handle)
    logger.add(make_sink(events, "a", 1, fails=True), format="{message}", catch=False)
    logger.info("1")
    await logger.complete()


async def failing_at_once(logger: Any, events: Events) -> None:
    logger.add(make_sink(events, "a", 0, fails=True), format="{message}", catch=True)
    logger.add(make_sink(events, "b", 0), format="{message}", catch=True)
    logger.info("1")
    await logger.complete()


async def removed(logger: Any, events: Events) -> None:
    number = logger.add(make_sink(events, "a", 100), format="{message}")
    logger.info("1")
    await asyncio.sleep(0)
    logger.remove(number)
    logger.info("2")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await logger.complete()


async def removed_all(logger: Any, events: Events) -> None:
    logger.add(make_sink(events, "a", 100), format="{message}")
    logger.add(make_sink(events, "b", 0), format="{message}")
    logger.info("1")
    await asyncio.sleep(0)
    logger.remove()
    await asyncio.sleep(0.01)


async def never_awaited(logger: Any, events: Events) -> None:
    logger.add(make_sink(events, "a"), format="{message}")
    logger.info("1")


async def slow_never_awaited(logger: Any, events: Events) -> None:
    logger.add(make_sink(events, "a", 1000), format="{message}")
    logger.info("1")


async def added_in_a_task(logger: Any, events: Events) -> None:
    async def task(number: int) -> None:
        logger.info(number)
        await logger.complete()

    logger.add(make_sink(events, "a"), format="{message}")
    await asyncio.gather(*(task(number) for number in range(5)))


async def from_a_thread(logger: Any, events: Events) -> None:
    """There is no loop in the thread, and none was given."""
    logger.add(make_sink(events, "a"), format="{message}")
    await asyncio.get_running_loop().run_in_executor(None, logger.info, "1")
    await logger.complete()


async def given_loop(logger: Any, events: Events) -> None:
    logger.add(make_sink(events, "a", 2), format="{message}", loop=asyncio.get_running_loop())
    logger.info("1")
    await logger.complete()


async def stream_that_completes(logger: Any, events: Events) -> None:
    class Stream:
        def write(self, message: str) -> None:
            events.append(str(message))

        async def complete(self) -> None:
            await asyncio.sleep(0)
            events.append("complete")

    logger.add(Stream(), format="{message}")
    logger.add(make_sink(events, "a"), format="{message}")
    logger.info("1")
    await logger.complete()
    events.sort(key=str)


async def stream_that_fails(logger: Any, events: Events) -> None:
    class Stream:
        def write(self, message: str) -> None: ...

        async def complete(self) -> None:
            raise OSError("not complete")

    logger.add(Stream())
    try:
        await logger.complete()
    except OSError as error:
        events.append(str(error))


async def partial(logger: Any, events: Events) -> None:
    async def sink(message: str, name: str) -> None:
        events.append((name, str(message)))

    logger.add(functools.partial(sink, name="p"), format="{message}")
    logger.info("1")
    await logger.complete()


async def called_object(logger: Any, events: Events) -> None:
    class Sink:
        async def __call__(self, message: str) -> None:
            events.append(str(message))

        def __repr__(self) -> str:
            return "<a sink>"

    logger.add(Sink(), format="{message}")
    events.append(sinks_shown(logger))
    logger.info("1")
    await logger.complete()


async def logs_itself(logger: Any, events: Events) -> None:
    async def sink(message: str) -> None:
        events.append(str(message))
        if len(events) < 4:
            logger.info(len(events))

    logger.add(sink, format="{message}")
    logger.info("0")
    while len(events) < 4:
        await logger.complete()


async def with_context(logger: Any, events: Events) -> None:
    async def sink(message: Any) -> None:
        events.append(message.record["extra"])

    logger.add(sink)
    with logger.contextualize(a=1):
        logger.info("1")
    logger.info("2")
    await logger.complete()


async def wrong_options(logger: Any, events: Events) -> None:
    sink = make_sink(events, "a")
    for options in ({"rotation": "1 MB"}, {"what": 1}, {"encoding": "utf8"}, {"level": "LOUD"}, {"level": -1}):
        events.append(outcome(logger.add, sink, **options))
    events.append(sinks_shown(logger))


SCENES = [
    logs,
    slow,
    several,
    failing,
    failing_uncaught,
    failing_at_once,
    removed,
    removed_all,
    never_awaited,
    slow_never_awaited,
    added_in_a_task,
    from_a_thread,
    given_loop,
    stream_that_completes,
    stream_that_fails,
    partial,
    called_object,
    logs_itself,
    with_context,
    wrong_options,
]


@pytest.mark.parametrize("scene", SCENES, ids=[scene.__name__ for scene in SCENES])
def test_scenes(scene: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """In a loop of its own: the same events, the same reports."""
    found = []
    for logger in pair():
        events: Events = []
        asyncio.run(scene(logger, events))
        outcome(logger.remove)
        found.append((events, reports(capsys.readouterr().err)))
    assert found[0] == found[1]


class TestOutsideOfALoop:
    def test_no_loop(self) -> None:
        """Nothing is done, nothing raised; and `enqueue` wants one."""
        found = []
        for logger in pair():
            events: Events = []
            sink = make_sink(events, "a")
            logger.add(sink)
            events.append(outcome(logger.info, "x"))
            events.append(outcome(logger.add, sink, enqueue=True))
            events.append(outcome(logger.add, sink))
            logger.remove()
            found.append(events)
        assert found[0] == found[1]

    @pytest.mark.parametrize("count", [0, 1, 5])
    def test_a_given_loop(self, count: int) -> None:
        """Runs later what was logged before, and `run_until_complete` takes what `complete()` gives."""
        found = []
        for logger in pair():
            events: Events = []
            loop = asyncio.new_event_loop()
            logger.add(make_sink(events, "a", 1), format="{message}", loop=loop)
            for number in range(count):
                logger.info(number)
            events.append("before")
            loop.run_until_complete(logger.complete())
            events.append(sinks_shown(logger))
            logger.remove()
            loop.close()
            found.append(events)
        assert found[0] == found[1]

    def test_loops_one_after_the_other(self) -> None:
        """Each `complete()` is for its own."""
        found = []
        for logger in pair():
            events: Events = []
            logger.add(make_sink(events, "a", 2), format="{message}")
            for number in range(3):

                async def main(number: int = number, logger: Any = logger) -> None:
                    logger.info(number)
                    await logger.complete()

                asyncio.run(main())
            logger.remove()
            found.append(events)
        assert found[0] == found[1]

    def test_loops_at_the_same_time(self) -> None:
        """Each thread waits for its own tasks."""
        found = []
        for logger in pair():
            events: Events = []
            logger.add(make_sink(events, "a", 3), format="{message}")
            missing: list[int] = []

            def work(name: int, logger: Any = logger, events: Events = events, missing: list[int] = missing) -> None:
                async def main() -> None:
                    for number in range(20):
                        logger.info(name * 100 + number)
                    await logger.complete()
                    done = [int(event[2]) for event in list(events) if event[1] == "done"]
                    missing.extend(n for n in range(name * 100, name * 100 + 20) if n not in done)

                asyncio.run(main())

            threads = [threading.Thread(target=work, args=(name,)) for name in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            logger.remove()
            found.append((sorted(events), missing))
        assert found[0] == found[1]
        assert found[1][1] == []


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 4), st.booleans(), st.sampled_from(["DEBUG", "INFO", "ERROR"])),
        st.tuples(st.just("log"), st.sampled_from(["DEBUG", "INFO", "ERROR"])),
        st.tuples(st.just("log"), st.sampled_from(["DEBUG", "INFO", "ERROR"])),
        st.tuples(st.just("remove"), st.integers(0, 4)),
        st.tuples(st.just("complete")),
        st.tuples(st.just("turns"), st.integers(1, 6)),
    ),
    min_size=2,
    max_size=14,
)


def play(logger: Any, steps: list[tuple[Any, ...]]) -> dict[str, Events]:
    """What each sink saw, in its own order; how many turns `complete()` takes is nobody's business."""
    events: Events = []
    added = [0]

    async def main() -> None:
        logger.add(make_sink(events, "first", 1), format="{message}", level="INFO")
        number = 0
        for what, *arguments in steps:
            if what == "add":
                added[0] += 1
                turns, fails, level = arguments
                sink = make_sink(events, f"sink {added[0]}", turns, fails=fails)
                events.append(("calls", outcome(logger.add, sink, level=level, format="{message}")))
            elif what == "log":
                number += 1
                events.append(("calls", outcome(logger.log, arguments[0], number)))
            elif what == "remove":
                # Between two states that are the same in both: all done, or nothing begun.
                await logger.complete()
                events.append(("calls", outcome(logger.remove, *arguments)))
            elif what == "complete":
                await logger.complete()
            else:
                for _ in range(arguments[0]):
                    await asyncio.sleep(0)
        await logger.complete()

    saved, sys.stderr = sys.stderr, io.StringIO()
    try:
        asyncio.run(main())
        events.append(("reports", reports(sys.stderr.getvalue())))
    finally:
        sys.stderr = saved
        logger.remove()
    found: dict[str, Events] = {}
    for name, *rest in events:
        found.setdefault(name, []).append(rest)
    return {name: sorted(rest, key=str) if name != "calls" else rest for name, rest in found.items()}


@given(STEPS)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_whatever_is_done(steps: list[tuple[Any, ...]]) -> None:
    """Adding, logging, waiting and removing in any order: the same messages, results and reports."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert play(ours(), steps) == play(reference(), steps)
