"""`complete()`, `health()` and `statistics()` may be called while other threads add and remove handlers."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from mplog._logger.logger import Logger

QUESTIONS = ["complete", "health", "statistics"]
ROUNDS = 100
LOGGER = os.path.join("mplog", "_logger")


@pytest.fixture(autouse=True)
def threads_take_turns() -> Iterator[None]:
    """Have Python change between threads a thousand times as often as usual."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(usual / 1000)
    yield
    sys.setswitchinterval(usual)


def beside(change: Callable[[], None], ask: Callable[[], object], changers: int = 3) -> list[BaseException]:
    """What was raised by threads that *change* something ROUNDS times, and by one that asks all the while."""
    raised: list[BaseException] = []
    begun = threading.Barrier(changers + 1)
    done = threading.Event()

    def run(what: Callable[[], object]) -> None:
        try:
            what()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test tells
            raised.append(error)

    def keep_changing() -> None:
        begun.wait(20)
        for _ in range(ROUNDS):
            change()

    def keep_asking() -> None:
        begun.wait(20)
        asked = 0
        while not asked or not (done.is_set() or raised):
            ask()
            asked += 1

    asking = threading.Thread(target=run, args=(keep_asking,))
    changing = [threading.Thread(target=run, args=(keep_changing,)) for _ in range(changers)]
    for thread in [asking, *changing]:
        thread.start()
    for thread in changing:
        thread.join()
    done.set()
    asking.join()
    return raised


class TestHandlersThatComeAndGo:
    @pytest.mark.parametrize("question", QUESTIONS)
    def test_at_any_step(self, question: str, logger: Logger) -> None:
        """A handler goes and another one comes between any two steps of what is asked."""
        kept = [logger.add(lambda _: None) for _ in range(3)]
        steps = 0

        def step(frame: FrameType, event: str, _argument: object) -> Callable[..., Any] | None:
            nonlocal steps
            if LOGGER not in frame.f_code.co_filename:
                return None
            frame.f_trace_opcodes = True
            if event in ("opcode", "line"):  # 3.12.1 does not tell of each instruction.
                steps += 1
                logger.remove(kept.pop(0))
                kept.append(logger.add(lambda _: None))
            return step

        before = sys.gettrace()
        sys.settrace(step)
        try:
            getattr(logger, question)()
        finally:
            sys.settrace(before)
        assert steps > 10

    @pytest.mark.parametrize("question", QUESTIONS)
    def test_nothing_is_raised(self, question: str, logger: Logger, tmp_path: Path) -> None:
        """Whatever is asked, while three threads add and remove functions."""
        logger.add(tmp_path / "app.log")

        def change() -> None:
            logger.remove(logger.add(lambda _: None))

        assert beside(change, getattr(logger, question)) == []

    def test_the_question_is_answered_meanwhile(self, logger: Logger) -> None:
        """The counts of a handler that stays are exact, whatever comes and goes beside it."""
        texts: list[str] = []
        logger.add(texts.append, format="{message}")
        for number in range(50):
            logger.info("{}", number)

        def ask() -> None:
            assert logger.statistics().written == 50

        assert beside(lambda: logger.remove(logger.add(lambda _: None)), ask) == []


class TestCountsOfSeveralThreads:
    def test_failures(self, logger: Logger) -> None:
        """A record that cannot be made counts once, whichever thread logs it; without the GIL, too."""
        logger.add(lambda _: None, format=lambda _: 1 / 0, catch=False)  # type: ignore[arg-type, return-value]  # it raises
        gate = threading.Barrier(8)

        def work() -> None:
            gate.wait()
            for _ in range(500):
                with pytest.raises(ZeroDivisionError):
                    logger.info("x")

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert logger.statistics().failed == 4000
