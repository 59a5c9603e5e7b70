"""A signal handler at every line of the uses of a log file: what it logs is in the file when its call returns, and
nothing it raises leaves the sink, or the file, locked."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from interrupting import Interruption, at_every_place, in_a_thread, interrupt
from programs import FULL, read_log

from mplog._capture.record import Message
from mplog._logger.core import Core
from mplog._logger.logger import Logger
from mplog._sinks.file import commit, content, direct, gathering, log_file, open_file, renewal, sink, turnover, use
from mplog._sinks.file.file_lock import FileLock
from mplog._sinks.file.sink import FileSink

PLACES = [
    *(sink.FileSink, direct.DirectCalls, use.FileUse, commit.Commits, content.mark, content.mend, content.undo),
    *(log_file.LogFile, open_file.OpenFile, turnover.Turnover),
    *(log_file.write_all, gathering.file_of_others, renewal.rotate, renewal._renamed, renewal._go_on, renewal.retain),
]
STEP = 1 if FULL else 3

KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rotation": {"rotation": 40},
    "rotation by name": {"rotation": 40, "retention": 50},
    "compression": {"rotation": 40, "compression": "gz"},
    "delay": {"delay": True},
    "mark": {"encoding": "utf-16"},
    "watch": {"watch": True},
}


def handler_of(directory: Path, options: dict[str, Any]) -> tuple[Logger, FileSink]:
    """A logger with one file in *directory* that has some lines."""
    logger = Logger(Core(), {})
    logger.add(directory / "app.log", format="{message}", **options)
    if not options.get("delay"):
        for number in range(3):
            logger.info("before {}", number)
    found = logger._core.handlers()[0].sink
    assert isinstance(found, FileSink)
    return logger, found


def lines_of(directory: Path, options: dict[str, Any]) -> list[str]:
    """All lines of the log, in files that were moved away, too."""
    if options.get("encoding") == "utf-16":
        return (directory / "app.log").read_text("utf-16").splitlines()
    moved = directory / "moved.txt"
    return read_log(directory) + (moved.read_text().splitlines() if moved.exists() else [])


def assert_unlocked(directory: Path, where: str) -> None:
    """Nobody holds the lock of any file there."""
    for path in directory.iterdir():
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AssertionError(f"{path.name} is locked after {where}") from None


def uses(logger: Logger, found: FileSink) -> dict[str, Callable[[], object]]:
    """What a program does with a file, in one thread."""

    def reopen() -> None:
        os.rename(found.path, found.path.replace("app.log", "moved.txt"))
        logger.reopen()

    def moved() -> None:
        os.rename(found.path, found.path.replace("app.log", "moved.txt"))
        logger.info("outer")

    return {
        "write": lambda: logger.info("outer"),
        "reopen": reopen,
        "moved": moved,
        "locked": lambda: found.locked(1.0, lambda file: os.write(file.fd, b"outer\n")),
        "leave": found.leave,
        "notice": lambda: found.write_notice(b"outer\n", 1.0, Message("outer\n")),
        "close": lambda: found.close(final=False),
    }


CASES = [("write", kind) for kind in KINDS] + [
    ("reopen", "plain"),
    ("moved", "watch"),
    ("locked", "plain"),
    ("leave", "plain"),
    ("notice", "plain"),
    ("notice", "rotation"),
    ("close", "plain"),
    ("close", "watch"),
]


UNCOUNTED = ("locked", "notice")
"""Uses that write a line which is no record of the program."""


@pytest.mark.parametrize(("use", "kind"), CASES)
def test_what_a_handler_logs_is_in_the_file_at_once(use: str, kind: str, tmp_path: Path) -> None:
    """And everything else once, with whatever rotation there was to be."""
    options = KINDS[kind]
    logs = use in ("write", "moved")

    def attempt(interruption: Interruption) -> None:
        directory = Path(tempfile.mkdtemp(dir=tmp_path))
        logger, found = handler_of(directory, options)
        at_once: list[str] = []

        def handler() -> None:
            logger.info("handler")
            at_once.extend(lines_of(directory, options))

        interruption.run(uses(logger, found)[use], handler)
        where = interruption.where
        logger.info("after")
        assert "handler" in at_once or not interruption.came, where
        in_a_thread(lambda: logger.info("thread"), where)
        logger.reopen()
        assert_unlocked(directory, where)
        before = [] if options.get("delay") else ["before 0", "before 1", "before 2"]
        assert found.emitted == found.written == len(before) + 2 + logs + interruption.came, where
        logger.remove()
        expected = (
            [*before, "after", "thread"] + ["handler"] * interruption.came + ["outer"] * (logs or use in UNCOUNTED)
        )
        assert sorted(lines_of(directory, options)) == sorted(expected), where

    assert at_every_place(PLACES, attempt, step=STEP) > 10


@pytest.mark.parametrize(("use", "kind"), CASES)
def test_what_a_handler_raises_leaves_the_file_usable(use: str, kind: str, tmp_path: Path) -> None:
    """By this thread, by others, and by other programs; what is counted as written is there, once."""
    options = KINDS[kind]

    def attempt(interruption: Interruption) -> None:
        directory = Path(tempfile.mkdtemp(dir=tmp_path))
        logger, found = handler_of(directory, options)
        with contextlib.suppress(KeyboardInterrupt):
            interruption.run(uses(logger, found)[use], interrupt)
        where = interruption.where
        assert_unlocked(directory, where)
        in_a_thread(lambda: logger.info("thread"), where)
        logger.info("after")
        assert found.emitted == found.written + found.failed, where
        assert found.failed <= 1, where
        logger.remove()
        lines = lines_of(directory, options)
        assert len(set(lines)) == len(lines), where
        assert {"after", "thread"} <= set(lines), where
        assert found.written == len(lines) - (use in UNCOUNTED and "outer" in lines), where

    assert at_every_place(PLACES, attempt, step=STEP) > 10


def test_a_call_that_comes_when_the_wait_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may get the lock that the interrupted one has not got, and then nobody keeps that."""
    _, found = handler_of(tmp_path, {})
    acquire = FileLock.acquire
    with (tmp_path / "app.log").open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        def interrupted(turn: FileLock, _bound: float) -> bool:
            assert not acquire(turn, 0.0)
            fcntl.flock(other, fcntl.LOCK_UN)
            found.write(b"between\n", 0.0)
            return False

        monkeypatch.setattr(FileLock, "acquire", interrupted)
        found.write(b"waits\n", 0.0)
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert lines_of(tmp_path, {})[-2:] == ["between", "waits"]
