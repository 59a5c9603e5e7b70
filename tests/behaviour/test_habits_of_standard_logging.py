"""Calls written as for standard `logging`: the same result as the reference has, and said once, with the line to write.

Beyond.md, row 24.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from programs import Program

from mplog._logger import habits
from mplog._logger.logger import Logger
from mplog._sinks import report


@pytest.fixture(autouse=True)
def quiet() -> None:
    """Each test is told again what was said once."""
    report._said.clear()
    habits._said.clear()


Calls = dict[str, tuple[Callable[[Any], Any], str, str]]
CALLS: Calls = {
    "exc_info": (lambda log: log.error("x", exc_info=True), "x", "logger.opt(exception=True).error('x')"),
    "exc_info of an error": (
        lambda log: log.error("x {}", 1, exc_info=ValueError("no")),
        "x 1",
        "logger.opt(exception=True).error('x {}', ...)",
    ),
    "stack_info": (
        lambda log: log.warning("x", stack_info=True),
        "x",
        """logger.warning('x\\n{}', "".join(traceback.format_stack()))""",
    ),
    "stacklevel": (lambda log: log.info("x", stacklevel=3), "x", "logger.opt(depth=2).info('x')"),
    "extra": (
        lambda log: log.info("x", extra={"user": "me", "place": 1}),
        "x",
        "logger.bind(user=..., place=...).info('x')",
    ),
    "extra of other keys": (lambda log: log.info("x", extra={"a b": 1}), "x", "logger.bind(...).info('x')"),
    "all": (
        lambda log: log.info("%s is %5.2f%%", "a", 1.5, exc_info=True, stacklevel=2, extra={"a": 1}),
        "%s is %5.2f%%",
        "logger.bind(a=...).opt(exception=True, depth=1).info('{} is {:5.2f}%', ...)",
    ),
    "percent": (
        lambda log: log.info("user %s has %d", "me", 5),
        "user %s has %d",
        "logger.info('user {} has {}', ...)",
    ),
    "percent with sizes": (
        lambda log: log.info("%-6s|%6s|%r|%04x|%+d", "a", "b", "c", 5, 6),
        "%-6s|%6s|%r|%04x|%+d",
        "logger.info('{:<6}|{:>6}|{!r}|{:04x}|{:+}', ...)",
    ),
    "percent with names": (
        lambda log: log.log("INFO", "%(user)s", {"user": 1}),
        "%(user)s",
        "logger.info('{user}', ...)",
    ),
    "a level of one's own": (lambda log: log.log(33, "x %s", 1), "x %s", "logger.log('Level 33', 'x {}', ...)"),
}


@pytest.mark.parametrize("name", CALLS)
def test_said_once(logger: Logger, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Once per call site, with the line to write instead; the record is what it was."""
    call, text, line = CALLS[name]
    got: list[Any] = []
    logger.add(got.append, format="{message}")
    for _ in range(5):
        call(logger)
    assert [message.record["message"] for message in got] == [text] * 5
    assert all(message.record["exception"] is None for message in got)
    said = capsys.readouterr().err
    assert said.count("of standard logging: to mplog keywords are values for the message") == 1
    assert said.rstrip().endswith(f"Write {line}.")


QUIET: dict[str, Callable[[Any], Any]] = {
    "a field of that name": lambda log: log.info(
        "{extra} {exc_info} {stacklevel[0]}", extra={}, exc_info=1, stacklevel=[1]
    ),
    "a value that does nothing": lambda log: log.info("x", exc_info=False, stack_info=None, stacklevel=1, extra=None),
    "braces": lambda log: log.info("100 %s {}", 1),
    "no arguments": lambda log: log.info("100 %s"),
    "no field": lambda log: log.info("100 % and 100%", 1),
    "a message that is no text": lambda log: log.info(5, exc_info=True),
    "other keywords": lambda log: log.info("x", a=1, b=2),
    "an exception anyway": lambda log: log.opt(exception=ValueError("no")).info("x", exc_info=True),
}


@pytest.mark.parametrize("name", QUIET)
def test_nothing_is_said(logger: Logger, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing of the call is lost, or where it means what mplog takes it for."""
    logger.add(lambda _: None)
    QUIET[name](logger)
    assert "of standard logging" not in capsys.readouterr().err


def test_many_call_sites_are_no_troubles(
    logger: Logger, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are: they are bounded, leave room for troubles, and are not the last trouble."""
    monkeypatch.setattr(report, "last", None)

    def sink(message: str) -> None:
        if "fails" in message:
            raise ValueError("no")

    logger.add(sink, format="{message}")
    for line in range(habits.MOST + 50):
        exec("\n" * line + "logger.info('x %s', 1)", {"logger": logger})
    said = capsys.readouterr().err
    assert said.count("of standard logging: ") == habits.MOST
    assert said.endswith(" No more such calls are said by this process.\n")
    assert logger.statistics().last_error is None
    assert len(report._said) == 0
    logger.info("fails")
    assert "Record was: " in capsys.readouterr().err


def test_a_message_is_looked_through_once(logger: Logger) -> None:
    """A text of zeros behind a percent sign costs no more than another: nothing of it is tried again and again."""
    got: list[str] = []
    logger.add(got.append, format="{message}")
    text = "%" + "0" * 200_000 + "!"
    began = time.thread_time()
    logger.info(text, 1)
    assert time.thread_time() - began < 5  # Of the processor; trying again takes minutes.
    assert got == [text + "\n"]


def test_twice_the_same_file(logger: Logger, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Added again with the same filter, which doubles its lines: said once, whatever name the file has."""
    path = tmp_path / "app.log"
    (tmp_path / "other").symlink_to(tmp_path)
    first = logger.add(path, format="{message}")
    assert not capsys.readouterr().err
    second = logger.add(tmp_path / "other" / "app.log", format="{message}", level="ERROR")
    assert capsys.readouterr().err.count(f"is added again, by handler {second} after handler {first}") == 1
    logger.error("x")
    assert path.read_text() == "x\nx\n"


def test_the_same_file_for_other_records(logger: Logger, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Different filters, another file, or the first handler gone: nothing to say."""
    path = tmp_path / "app.log"
    first = logger.add(path)
    logger.add(path, filter="a")
    logger.add(path, filter=lambda record: False)
    logger.add(tmp_path / "other.log")
    logger.remove(first)
    logger.add(path)
    logger.configure(handlers=[{"sink": path}])
    logger.configure(handlers=[{"sink": path}])
    logger.add("/dev/null")
    logger.add("/dev/null")
    assert not capsys.readouterr().err


def test_a_child_that_repeats_the_configuration(program: Program) -> None:
    """A module that runs again in a child joins its owner's handler: nothing is said."""
    program.run(
        """
        import multiprocessing
        from mplog import logger

        logger.remove()
        logger.add("app.log", format="{message}")

        if __name__ == "__main__":
            process = multiprocessing.get_context("spawn").Process(target=logger.info, args=("from the child",))
            process.start()
            process.join()
        """
    )
