"""A call ends, and soon, whatever the objects that it shows log themselves, and whatever its exception leads to."""

from __future__ import annotations

import builtins
import io
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from programs import Program

from mplog._logger.logger import Logger
from mplog._sinks import report

SELFISH = """
    import os, sys
    from mplog import logger

    which = sys.argv[1]

    class Order:
        def __repr__(self):
            try:
                return f"Order({self.number})"
            except AttributeError:
                logger.exception("order without number")
                return "Order(?)"

        def pay(self):
            raise RuntimeError("declined")

    class Failing(Exception):
        def __str__(self):
            try:
                raise Failing()
            except Failing:
                logger.exception("inside")
            return "failing"

    class Twice:
        def __str__(self):
            logger.info("{} {}", self, self)
            return "twice"

    class Bound:
        def __repr__(self):
            logger.info("inside")
            return "bound"

    def passing(record):
        logger.info("inside")
        return True

    def patching(record):
        logger.patch(patching).info("inside")

    logger.remove()
    got = []
    logger.add("app.log", format="{message} {extra}", diagnose=True)
    logger.add(lambda message: got.append(message), diagnose=True)
    logger.add(sys.stdout, format="{message} {extra}", serialize=True, diagnose=True)
    if which == "filter":
        logger.add("filtered.log", filter=passing)

    def work():
        if which == "repr":
            order = Order()
            try:
                order.pay()
            except RuntimeError:
                logger.exception("the outermost")
        elif which == "exception":
            try:
                raise Failing()
            except Failing:
                logger.exception("the outermost")
        elif which == "arguments":
            for _ in range(3):
                logger.info("the outermost {}", Twice())
        elif which == "extra":
            with logger.contextualize(bound=Bound()):
                logger.info("the outermost")
        elif which == "filter":
            logger.info("the outermost")
        else:
            logger.patch(patching).info("the outermost")
        logger.info("after it")

    if sys.argv[2] == "worker":
        pid = os.fork()
        if not pid:
            work()
            os._exit(0)
        os.waitpid(pid, 0)
    else:
        work()
    logger.remove()
    assert len(got) < 3000
    assert len([message for message in got if message.record["message"].startswith("the outermost")]) == (
        3 if which == "arguments" else 1
    )
"""


@pytest.mark.parametrize("place", ["owner", "worker"])
@pytest.mark.parametrize("which", ["repr", "exception", "arguments", "extra", "filter", "patcher"])
def test_what_logs_itself_when_it_is_shown(program: Program, which: str, place: str) -> None:
    """The outermost call ends, its record is there, and so are those of later calls."""
    ended = program.run(SELFISH, which, place, silent=False, within=20.0)
    lines = [line for line in ended.log() if line.startswith(("the outermost", "after it"))]
    assert [line[:8] for line in lines] == ["the oute"] * (3 if which == "arguments" else 1) + ["after it"]


def test_what_is_left_out_is_counted_and_said(logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
    """Calls that are inside of too many others count as failed, and that is said once per call site."""
    report._said.clear()

    class Selfish:
        def __str__(self) -> str:
            logger.info("{} {}", self, self)
            return "text"

    got: list[str] = []
    logger.add(got.append, format="{message}")
    logger.info("{} {}", Selfish(), 1)
    counts = logger.statistics()
    assert counts.written == len(got)
    assert counts.failed > 0
    assert counts.emitted == counts.written + counts.failed
    assert capsys.readouterr().err.count("this call is made while other calls make their records") == 1


def test_a_representation_that_logs_each_element(logger: Logger) -> None:
    """Calls that do not go deeper and deeper are all logged, however many they are."""

    class Element:
        def __repr__(self) -> str:
            logger.info("an element")
            return "e"

    got: list[str] = []
    logger.add(got.append, format="{message}")
    logger.info("{}", [Element() for _ in range(5000)])
    assert got.count("an element\n") == 5000


def chained(count: int, *, deep: int = 1) -> BaseException:
    """An exception with *count* causes, each with a traceback of *deep* frames."""

    def down(left: int, error: Exception) -> None:
        if left > 1:
            other(left - 1, error)
        raise error

    def other(left: int, error: Exception) -> None:
        down(left, error)

    last: BaseException | None = None
    for number in range(count):
        error = RuntimeError(number)
        error.__cause__ = last
        try:
            down(deep, error)
        except RuntimeError as raised:
            last = raised
    assert last is not None
    return last


def contexts(count: int) -> BaseException:
    """Recursion in which each level raises anew."""

    def level(left: int) -> None:
        try:
            if left:
                level(left - 1)
        finally:
            raise ValueError(left)

    try:
        level(count)
    except ValueError as error:
        return error
    raise AssertionError


HUGE: dict[str, Callable[[], BaseException]] = {
    "causes": lambda: chained(1000),
    "contexts": lambda: contexts(200),
    "deep causes": lambda: chained(100, deep=80),
}


def seconds(function: Callable[[], object]) -> float:
    """The least time of three, in this thread."""
    found = []
    for _ in range(3):
        began = time.thread_time()
        function()
        found.append(time.thread_time() - began)
    return min(found)


@pytest.mark.parametrize("name", HUGE)
def test_long_chains_take_no_longer_than_the_standard_library(logger: Logger, name: str) -> None:
    """At most twice as long as `traceback`, which shows it whole."""
    error = HUGE[name]()
    got: list[str] = []
    logger.add(got.append)
    ours = seconds(lambda: logger.opt(exception=error).error("failed"))
    theirs = seconds(lambda: traceback.print_exception(error, file=io.StringIO()))
    assert len(got) == 3
    assert str(error) in got[0]
    assert ours < 2 * theirs, f"{ours:.3f} s, and {theirs:.3f} s for the standard library"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups")
@pytest.mark.parametrize("shape", ["doubled", "chained", "wide"])
def test_groups_that_share_members(logger: Logger, shape: str) -> None:
    """Ways through a group may be endless in number; what is shown of it is not."""
    group: Any = vars(builtins)["ExceptionGroup"]
    error: BaseException = ValueError("innermost")
    for number in range(40):
        if shape == "doubled":
            error = group(f"level {number}", [error, error])
        elif shape == "wide":
            error = group(f"level {number}", [error] * 50)
        else:
            made = group(f"level {number}", [error, error])
            made.__cause__, made.__context__ = error, error
            error = made
    got: list[str] = []
    logger.add(got.append)
    taken = seconds(lambda: logger.opt(exception=error).error("failed"))
    assert "level 39" in got[0]
    assert taken < 1.0
