"""Standard records that take the short way: their lines are those of the full way."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mplog._logger.logger import Logger
from mplog._logger.standard_line import log_line
from mplog._sinks.standard import Name
from mplog.integrations import standard
from mplog.integrations.standard import InterceptHandler

FORMAT = "{time:YYYY-MM-DD HH:mm:ss.SSSSSS} {level: <8} {name}:{function}:{line} {file}|{file.path}|{module} {message}"


class Log:
    """A file of mplog's, a handler that gives it records, and which of these took the short way."""

    def __init__(self, logger: Logger, path: Path) -> None:
        self.logger = logger
        self.path = path
        self.handler = InterceptHandler()
        self.short: list[bool] = []

    def lines(self, record: logging.LogRecord, times: int = 4) -> list[str]:
        """What is written when *record* is logged so often."""
        before = len(self.path.read_text().splitlines())
        for _ in range(times):
            self.handler.emit(record)
        return self.path.read_text().splitlines()[before:]


@pytest.fixture
def log(logger: Logger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Log]:
    """One with a plain file."""
    monkeypatch.setattr(standard, "logger", logger)
    logger.add(tmp_path / "app.log", format=FORMAT, level="DEBUG")
    made = Log(logger, tmp_path / "app.log")

    def noted(record: logging.LogRecord, view: Any) -> bool:
        made.short.append(log_line(record, view))
        return made.short[-1]

    monkeypatch.setattr(standard, "log_line", noted)
    yield made
    logger.remove()


def record_of(**fields: Any) -> logging.LogRecord:
    """A record as `logging` makes it, with other values here and there."""
    made = logging.LogRecord("some.library", logging.INFO, "/srv/app/place.py", 17, "hello", (), None, "work")
    made.__dict__.update({"created": 1_700_000_000.25, **fields})
    return made


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"msg": "%s and %d and %.1f and %r", "args": ("a", 2, 0.5, None)},
        {"msg": "{} {x} <red> %d %"},
        {"name": "root", "levelname": "CRITICAL", "levelno": 50},
        {"created": 0.0},
        {"created": 1_000_000_000.9999996},
        {"created": 1_700_000_000.0000002},
        {"user": 5, "request_id": "a1"},
        {"process": 1, "thread": 2, "processName": None, "threadName": None},
        {"lineno": 0, "funcName": "<module>", "pathname": "x.py", "filename": "x.py", "module": "x"},
        {"msg": "é ☺ 漢"},
    ],
    ids=repr,
)
def test_the_short_way_says_the_same(log: Log, fields: dict[str, Any]) -> None:
    """What comes for the third time is written without a record of mplog's."""
    lines = log.lines(record_of(**fields))
    assert len(lines) == 4
    assert len(set(lines)) == 1
    assert log.short == [False, True, True, True]


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "fields",
    [
        {"msg": "two\nlines"},
        {"msg": "\x1b[31mred"},
        {"msg": Text("text")},
        {"msg": 17},
        {"msg": "%(a)s", "args": {"a": 1}},
        {"msg": "%s", "args": (Path("p"),)},
        {"msg": "%d %d", "args": (1,)},
        {"stack_info": "Stack (most recent call last):"},
        {"exc_text": "ValueError: no"},
        {"exc_info": (ValueError, ValueError("no"), None)},
        {"name": Text("some.library")},
        {"levelname": "LOUD", "levelno": 33},
        {"levelname": Text("INFO")},
        {"lineno": None},
        {"filename": None},
        {"created": 17},
    ],
    ids=repr,
)
def test_what_is_out_of_the_ordinary_takes_the_full_way(log: Log, fields: dict[str, Any]) -> None:
    """Each time, and also where ordinary ones of the same place have been before."""
    plain = record_of(**{name: fields[name] for name in ("filename",) if name in fields})
    log.lines(plain)
    log.short.clear()
    lines = log.lines(record_of(**fields))
    assert lines
    assert lines == lines[: len(lines) // 4] * 4
    assert log.short == [False] * 4


def test_a_record_that_came_from_mplog(log: Log) -> None:
    """Is in the log already, whatever has come from its place before."""
    log.lines(record_of())
    assert log.lines(record_of(name=Name("some.library"))) == []


def test_changes_are_seen_at_once(log: Log) -> None:
    """Levels, filters, names that are silenced, values that are bound, patchers: nothing is remembered too long."""
    record = record_of(levelname="DEBUG", levelno=10)
    assert len(log.lines(record)) == 4
    log.logger.disable("some.library")
    assert log.lines(record) == []
    log.logger.enable("some.library")
    assert len(log.lines(record)) == 4
    log.logger.configure(patcher=lambda made: made.update(message="patched"))
    assert all(line.endswith(" patched") for line in log.lines(record))
    log.logger.configure(patcher=lambda made: None)
    log.logger.remove()
    log.path.write_text("")
    log.logger.add(log.path, format="{extra} {message}")
    bound: Any = log.logger.bind(a=1)
    log.handler.logger = bound
    assert set(log.lines(record)) == {"{'a': 1} hello"}
    log.logger.remove()
    log.path.write_text("")
    log.logger.add(log.path, format="{message}", level="INFO")
    log.handler.logger = log.logger  # type: ignore[assignment]  # the stub's Logger, and the real one
    assert log.lines(record) == []
    log.logger.add(log.path.with_name("other.log"), format="{message}", filter="some.other", level="DEBUG")
    log.logger.add(log.path.with_name("same.log"), format="{message}", filter="some", level="DEBUG")
    assert log.lines(record) == []
    assert log.path.with_name("same.log").read_text().splitlines() == ["hello"] * 4
    assert log.path.with_name("other.log").read_text() == ""


def test_endless_names(log: Log) -> None:
    """A logger for each request makes neither memory grow without end nor calls slow."""
    for number in range(5000):
        log.handler.emit(record_of(name=f"request.{number}"))
        log.handler.emit(record_of(name=f"request.{number}"))
    state = log.logger._core.state
    assert len(state.met) == len(state.standard) == 4096
    assert len(log.path.read_text().splitlines()) == 10_000


class Refuses:
    """A stream that takes nothing any more."""

    refuses = False

    def write(self, text: str) -> None:
        if self.refuses:
            raise OSError("no room")


@pytest.mark.parametrize("catch", [True, False])
def test_a_sink_that_fails(log: Log, capsys: pytest.CaptureFixture[str], catch: bool) -> None:
    """Is reported, or raises in the call; others have the record."""
    stream = Refuses()
    log.logger.remove()
    log.path.write_text("")
    log.logger.add(log.path, format=FORMAT)
    log.logger.add(stream, format="{message}", catch=catch)
    log.lines(record_of())
    stream.refuses = True
    if catch:
        assert len(log.lines(record_of())) == 4
        assert "no room" in capsys.readouterr().err
    else:
        with pytest.raises(OSError, match="no room"):
            log.handler.emit(record_of())
        assert len(log.path.read_text().splitlines()) == 5
