"""The counts of handlers whose sinks are in the process of the call: beyond.md, row 17."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from mplog._logger.logger import Logger
from mplog._logger.statistics import ProcessStatistics


def own(logger: Logger) -> dict[str, int]:
    """The counts of this process that are not 0; their sum is right."""
    (found,) = logger.statistics().processes
    parts = found.written + found.dropped + found.filtered + found.failed + found.in_flight
    assert found.emitted == parts
    names = ("emitted", "written", "dropped", "filtered", "failed", "in_flight")
    return {name: getattr(found, name) for name in names if getattr(found, name)}


class Broken:
    """A sink that refuses every second message."""

    def __init__(self) -> None:
        self.seen = 0

    def write(self, _message: str) -> None:
        self.seen += 1
        if self.seen % 2:
            raise OSError("refused")


def test_nothing_at_first(logger: Logger) -> None:
    """A snapshot of zeros, without an error."""
    found = logger.statistics()
    assert own(logger) == {}
    assert (found.writer_lag, found.rotations, found.corrupt_rings) == (0.0, 0, 0)


def test_each_handler_counts(logger: Logger, tmp_path: Path) -> None:
    """Level and filter decide before anything is counted; what a removed handler has written stays counted."""
    seen: list[str] = []
    logger.add(seen.append)
    logger.add(tmp_path / "all.log")
    errors = logger.add(tmp_path / "errors.log", level="ERROR")
    logger.add(tmp_path / "none.log", filter="another_module")
    for _ in range(10):
        logger.info("x")
        logger.error("y")
    assert own(logger) == {"emitted": 50, "written": 50}
    logger.remove(errors)
    logger.info("x")
    assert own(logger) == {"emitted": 52, "written": 52}
    logger.remove()
    assert own(logger) == {"emitted": 52, "written": 52}


def test_sinks_formats_and_filters_that_fail(logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
    """Where sink or filter raises, the record has failed for that handler; where the format does, it is written."""

    def fail(_record: dict[str, Any]) -> Any:
        raise RuntimeError("not today")

    logger.add(Broken(), format="{message}")
    for _ in range(10):
        logger.info("x")
    assert own(logger) == {"emitted": 10, "written": 5, "failed": 5}
    logger.remove()
    logger.add(lambda _: None, format=fail)
    logger.add(lambda _: None, filter=fail)
    logger.info("x")
    assert own(logger) == {"emitted": 12, "written": 6, "failed": 6}
    assert "not today" in (logger.statistics().last_error or "")
    assert logger.statistics().last_error_at is not None
    capsys.readouterr()


def test_a_full_device(logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that takes nothing: all have failed, and that is the present state of the handler."""
    logger.add("/dev/full")
    for _ in range(3):
        logger.info("x")
    assert own(logger) == {"emitted": 3, "failed": 3}
    (problem,) = logger.health().problems
    assert problem.kind == "sink"
    assert "No space left" in str(logger.health())
    capsys.readouterr()


def test_a_sink_that_works_again_is_well(logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the last record of a handler says whether its sink refuses."""
    logger.add(Broken(), format="{message}")
    logger.info("x")
    assert not logger.health()
    logger.info("x")
    assert logger.health()
    capsys.readouterr()


def test_a_rotation_function_that_fails_has_not_lost_the_record(
    logger: Logger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error after the record is in the file is said, and the record is written."""

    def fail(_paths: list[str]) -> None:
        raise RuntimeError("no retention")

    logger.add(tmp_path / "app.log", format="{message}", rotation=10, retention=fail)
    for _ in range(4):
        logger.info("0123456")
    assert own(logger) == {"emitted": 4, "written": 4}
    assert logger.statistics().rotations == 3
    assert "no retention" in capsys.readouterr().err


def test_a_sink_that_logs_to_itself(logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
    """What is cut off is dropped."""
    logger.add(lambda _: logger.info("again"), format="{message}")
    logger.info("x")
    counts = own(logger)
    assert counts["dropped"] > 0
    assert counts["emitted"] == counts["written"] + counts["dropped"]
    capsys.readouterr()


def test_a_file_that_is_logged_to_while_it_is_written(logger: Logger, tmp_path: Path) -> None:
    """A message logged from inside a rotation function is counted once."""

    def rotate(message: Any, _file: Any) -> bool:
        if not message.startswith("inner"):
            logger.info("inner {}", message.strip())
        return False

    logger.add(tmp_path / "app.log", format="{message}", rotation=rotate)
    for n in range(5):
        logger.info("outer {}", n)
    assert own(logger) == {"emitted": 10, "written": 10}
    assert len((tmp_path / "app.log").read_text().splitlines()) == 10


def test_a_coroutine_without_a_loop(logger: Logger) -> None:
    """Nobody could ever run it, so it is dropped; with a loop it is written when the loop has it."""

    async def sink(_message: str) -> None: ...

    async def main() -> None:
        logger.info("in a loop")
        await logger.complete()

    logger.add(sink)
    logger.info("without one")
    asyncio.run(main())
    assert own(logger) == {"emitted": 2, "written": 1, "dropped": 1}


def test_snapshots_under_load_add_up(logger: Logger, tmp_path: Path) -> None:
    """Whatever other threads do: no count is negative, and none shrinks."""
    logger.add(tmp_path / "app.log", format="{message}")
    logger.add(lambda _: None)
    # With a queue, too: its session's writer takes part.
    logger.add(tmp_path / "queued.log", format="{message}", enqueue=True)
    stop = threading.Event()
    logged = [0, 0]

    def log(index: int) -> None:
        while not stop.is_set():
            logger.info("x")
            logged[index] += 1

    threads = [threading.Thread(target=log, args=(index,)) for index in (0, 1)]
    for thread in threads:
        thread.start()
    last: ProcessStatistics | None = None
    for _ in range(200):
        (found,) = logger.statistics().processes
        assert found.in_flight >= 0
        assert last is None or (last.emitted <= found.emitted and last.written <= found.written)
        last = found
    stop.set()
    for thread in threads:
        thread.join()
    assert logger.complete(10)
    total = 3 * sum(logged)
    assert own(logger) == {"emitted": total, "written": total}
    assert sum(len((tmp_path / name).read_text().splitlines()) for name in ("app.log", "queued.log")) == total * 2 // 3


def test_it_cannot_be_changed(logger: Logger) -> None:
    """A snapshot stays what it was."""
    before = logger.statistics()
    logger.add(lambda _: None)
    logger.info("x")
    assert before.emitted == 0
    with pytest.raises(AttributeError):
        before.rotations = 1  # type: ignore[misc]  # that is the test
