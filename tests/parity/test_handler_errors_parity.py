"""Errors of handlers beside the compatibility reference: what becomes of them; logger-api.md, section 20.

Departures: row 11 of beyond.md (a sink that logs to itself is served, not refused), and row 25: a report begins with a
line of mplog's own, the rest is indented below it, and only the first of a kind is there; see
behaviour/test_reports_are_brief.py.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from beside import ours, outcome, pair, reference
from hypothesis import given, settings
from hypothesis import strategies as st

from mplog._sinks import report as reports_of_ours

ERRORS: dict[str, Callable[[], BaseException]] = {
    "value": lambda: ValueError("no"),
    "empty": lambda: RuntimeError(),
    "lines": lambda: OSError("two\nlines"),
    "key": lambda: KeyError("k"),
    "os": lambda: FileNotFoundError(2, "No such file", "a.log"),
    "unicode": lambda: UnicodeEncodeError("ascii", "é", 0, 1, "no"),
    "stop": lambda: StopIteration(5),
    "attribute": lambda: AttributeError("no"),
    "recursion": lambda: RecursionError("too deep"),
    "interrupt": lambda: KeyboardInterrupt(),
    "exit": lambda: SystemExit(3),
    "generator": lambda: GeneratorExit(),
}


def raising(error: str, how: str) -> None:
    """Raise an error, alone, with a cause or with a context."""
    made = ERRORS[error]()
    if how == "alone":
        raise made
    try:
        raise LookupError("first")
    except LookupError as first:
        if how == "caused":
            raise made from first
        raise made  # noqa: B904 - the context is the point


Places = dict[str, Callable[[Callable[[], None]], dict[str, Any]]]


def in_write(fail: Callable[[], None]) -> dict[str, Any]:
    class Stream:
        def write(self, message: str) -> None:
            fail()

    return {"sink": Stream()}


def in_flush(fail: Callable[[], None]) -> dict[str, Any]:
    class Stream(io.StringIO):
        def flush(self) -> None:
            fail()

    return {"sink": Stream()}


def in_filter(fail: Callable[[], None]) -> dict[str, Any]:
    return {"sink": lambda message: None, "filter": lambda record: fail()}


def in_format(fail: Callable[[], None]) -> dict[str, Any]:
    def shape(record: dict[str, Any]) -> str:
        fail()
        return "{message}"

    return {"sink": lambda message: None, "format": shape}


def in_function(fail: Callable[[], None]) -> dict[str, Any]:
    return {"sink": lambda message: fail()}


def in_handler(fail: Callable[[], None]) -> dict[str, Any]:
    import logging

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            fail()

    return {"sink": Handler()}


PLACES: Places = {
    "write": in_write,
    "flush": in_flush,
    "filter": in_filter,
    "format": in_format,
    "function": in_function,
    "handler": in_handler,
}

_FRAME = re.compile(r'^  File "(?P<file>.*?)", line \d+, in .*\n(?:    .*\n)*', re.MULTILINE)
_OWN = re.compile(r"^mplog: .*? process \d+ \(\w+\): (?:handler (\d+) .*)\n((?:    .*\n)*)", re.MULTILINE)
_CHANGING = [
    (re.compile(r"in Loguru Handler"), "in Handler"),
    (re.compile(r"0x[0-9a-f]+"), "0x"),
    (re.compile(r"'elapsed': datetime.timedelta\([^)]*\)"), "'elapsed'"),
    (re.compile(r"'time': \w+\(.*?'UTC'\)\)|'time': .*?\)\)"), "'time'"),
]


def as_theirs(found: re.Match[str]) -> str:
    """A report of mplog's in the form of the reference."""
    rest = re.sub("^    ", "", found[2], flags=re.MULTILINE)
    return f"--- Logging error in Handler #{found[1]} ---\n{rest}--- End of logging error ---\n"


def comparable(report: str) -> str:
    """A report without what differs from run to run, and without the libraries' own frames."""
    report = _OWN.sub(as_theirs, report)
    report = _FRAME.sub(lambda match: match[0] if match["file"] == __file__ else "", report)
    for pattern, text in _CHANGING:
        report = pattern.sub(text, report)
    return report


def run(logger: Any, place: str, error: str, how: str, *, catch: bool) -> list[Any]:
    """What comes of three messages, the second of which fails, in a handler between two others."""
    got: list[Any] = []
    failing = [False]

    def fail() -> None:
        if failing[0]:
            raising(error, how)

    logger.add(lambda message: got.append(f"first {message}"), format="{message}")
    logger.add(**PLACES[place](fail), catch=catch)
    logger.add(lambda message: got.append(f"last {message}"), format="{message}")
    for number in range(3):
        failing[0] = number == 1
        got.append(outcome(logger.bind(number=number).info, number))
    failing[0] = False
    logger.remove()
    return got


@pytest.mark.parametrize("catch", [True, False])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("error", ERRORS)
class TestEachError:
    @pytest.mark.parametrize("how", ["alone", "caused", "inside"])
    def test_what_comes_of_it(
        self, error: str, place: str, how: str, catch: bool, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The same messages arrive, the same is raised, and the same is reported, record and traceback included."""
        found = [
            (run(logger, place, error, how, catch=catch), comparable(capsys.readouterr().err)) for logger in pair()
        ]
        assert found[0] == found[1]


class Unprintable:
    """In the record."""

    def __repr__(self) -> str:
        raise RuntimeError("cannot be shown")


class Ending:
    """What an error report must not stop."""

    def __repr__(self) -> str:
        raise OSError("cannot be shown")


RECORDS: dict[str, dict[str, Any]] = {
    "plain": {"a": 1, "b": [1, {"c": None}]},
    "unprintable": {"a": Unprintable()},
    "nested": {"a": [Unprintable()]},
    "os": {"a": Ending()},
    "unicode": {"é": "\u20ac"},
    "braces": {"{": "{x}", "<red>": "</red>"},
}


@pytest.mark.parametrize("record", RECORDS)
def test_the_record_in_the_report(record: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As `str` shows it, or that it cannot be shown."""
    reports = []
    for logger in pair():
        logger.add(lambda message: raising("value", "alone"), format="{message}")
        logger.bind(**RECORDS[record]).info("x")
        reports.append(comparable(capsys.readouterr().err))
        logger.remove()
    assert reports[0] == reports[1]
    assert reports[0]


def test_every_call_of_one_place_is_reported_alike(capsys: pytest.CaptureFixture[str]) -> None:
    """Also when the place has been used before, and its handler is a real text stream, which takes a shorter way."""
    reports = []
    for logger in pair():
        stream = io.TextIOWrapper(io.BytesIO(), write_through=True)
        logger.add(stream, format="{message}")
        for number in range(4):
            if number == 2:
                stream.close()
            reports_of_ours._said.clear()
            logger.info("number {}", number)
        reports.append(comparable(capsys.readouterr().err))
        logger.remove()
    assert reports[0] == reports[1]
    assert reports[0].count("'message': 'number 2'") == reports[0].count("'message': 'number 3'") == 1


class Broken(io.StringIO):
    """A standard error that fails."""

    def write(self, text: str) -> int:
        raise OSError("broken pipe")


@pytest.mark.parametrize("stderr", [None, Broken()], ids=["none", "broken"])
def test_nowhere_to_report(stderr: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call goes on."""
    monkeypatch.setattr(sys, "stderr", stderr)
    for logger in pair():
        logger.add(lambda message: raising("value", "alone"))
        assert outcome(logger.info, "x") is None
        logger.remove()


HANDLERS = st.lists(
    st.tuples(st.sampled_from(sorted(PLACES)), st.sampled_from(sorted(ERRORS)), st.booleans(), st.integers(0, 3)),
    min_size=1,
    max_size=4,
)


def several(logger: Any, handlers: list[tuple[str, str, bool, int]], calls: int) -> list[Any]:
    """What comes of messages to several handlers, each of which fails for every n-th one."""
    number = [0]
    got: list[Any] = []
    saved, sys.stderr = sys.stderr, io.StringIO()
    try:
        for index, (place, error, catch, every) in enumerate(handlers):

            def fail(index: int = index, error: str = error, every: int = every) -> None:
                got.append((index, number[0]))
                if every and number[0] % every == 0:
                    raising(error, "alone")

            logger.add(**PLACES[place](fail), catch=catch)
        for number[0] in range(calls):
            reports_of_ours._said.clear()
            got.append(outcome(logger.info, "x"))
        return [*got, comparable(sys.stderr.getvalue())]
    finally:
        sys.stderr = saved


@given(HANDLERS, st.integers(1, 5))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_several_handlers(handlers: list[tuple[str, str, bool, int]], calls: int) -> None:
    """Whichever of them fail, and whenever."""
    assert several(ours(), handlers, calls) == several(reference(), handlers, calls)
