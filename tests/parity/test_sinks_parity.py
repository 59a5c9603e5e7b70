"""Kinds of sinks beside the compatibility reference: what they get, when, and how they end; logger-api.md, section 9.

Also sections 7, 8, 19 and 29. That a standard handler's own level is obeyed is newer than the installed reference, and
tested in tests/unit/sinks/test_standard.py. Calls from inside of a handler's own sink depart (row 11 of beyond.md) and
are left out.

Deliberate differences, each with a test here:

- options that are on or off take booleans, 0 and 1, and None where it is the default, not whatever is true;
- `remove()` of all stops every sink before it raises what the first one raised, where the reference keeps the others.
"""

from __future__ import annotations

import functools
import io
import itertools
import logging
import pathlib
import re
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest
from beside import ours, outcome, pair, reference, reports, sinks_shown
from hypothesis import given, settings
from hypothesis import strategies as st

from mplog._logger.logger import Logger

Events = list[Any]
Make = Callable[[Events], Any]


class Stream:
    """A stream that notes what is done to it; the rest comes from subclasses."""

    def __init__(self, events: Events) -> None:
        self.events = events

    def write(self, message: Any) -> None:
        self.events.append(("write", str(message), type(message).__name__, message.record["message"]))

    def __repr__(self) -> str:
        return "<a stream>"


class Flushed(Stream):
    def flush(self) -> None:
        self.events.append("flush")


class Stopped(Flushed):
    name = "stopped"

    def stop(self) -> None:
        self.events.append("stop")

    def close(self) -> None:
        self.events.append("close")


class Odd(Stream):
    name = None
    flush = 5
    stop = "stop"
    complete = None
    encoding = 7


class NumberName(Stream):
    name = 3


class FailingStop(Stopped):
    def stop(self) -> None:
        super().stop()
        raise OSError("cannot stop")


class Handler(logging.Handler):
    """A standard handler that notes."""

    def __init__(self, events: Events, level: int = 0) -> None:
        super().__init__(level)
        self.events = events

    def emit(self, record: logging.LogRecord) -> None:
        self.events.append(("emit", record.getMessage(), record.levelname))

    def close(self) -> None:
        self.events.append("close")
        super().close()


class Called:
    """An object that is called."""

    def __init__(self, events: Events) -> None:
        self.events = events

    def __call__(self, message: Any) -> None:
        self.events.append(("call", str(message), message.record["level"].name))


class NamedCalled(Called):
    __name__ = "named"


class WritingHandler(Handler):
    """Both: the stream comes first."""

    def write(self, message: str) -> None:
        self.events.append(("write", str(message)))


def make_class(events: Events) -> Any:
    class Sink:
        def __init__(self, message: str) -> None:
            events.append(("made", str(message)))

    return Sink


def make_function(events: Events) -> Any:
    def function(message: Any) -> None:
        events.append(("function", str(message), message.record["line"] > 0))

    return function


def make_failing(events: Events) -> Any:
    def failing(message: str) -> None:
        events.append(("failing", str(message)))
        if "bad" in message:
            raise ValueError(str(message))

    return failing


def make_ending(events: Events) -> Any:
    def ending(message: str) -> None:
        events.append(("ending", str(message)))
        if "bad" in message:
            raise KeyboardInterrupt

    return ending


SINKS: dict[str, Make] = {
    "stream": Stream,
    "flushed": Flushed,
    "stopped": Stopped,
    "odd": Odd,
    "number": NumberName,
    "failing stop": FailingStop,
    "handler": Handler,
    "writing handler": WritingHandler,
    "called": Called,
    "named": NamedCalled,
    "class": make_class,
    "function": make_function,
    "partial": lambda events: functools.partial(make_function(events)),
    "append": lambda events: events.append,
    "lambda": lambda events: lambda message: events.append(str(message)),
    "failing": make_failing,
    "ending": make_ending,
}

FORMATS: list[Any] = ["{message}", "{level}|{message}|{extra}", "", "{message}\n\n", lambda record: "F {message}|", "é"]
MESSAGES = ["plain", "bad", "", "two\nlines", "{braces}", "é\u20ac", "end\n"]


@pytest.mark.parametrize("name", SINKS)
class TestEachKind:
    def test_name(self, name: str) -> None:
        """What `repr` says."""
        shown = []
        for logger in pair():
            logger.add(SINKS[name]([]), level="WARNING")
            shown.append(sinks_shown(logger))
            outcome(logger.remove)
        assert shown[0] == shown[1]

    @pytest.mark.parametrize("format_", range(len(FORMATS)))
    @pytest.mark.parametrize("catch", [True, False])
    def test_what_it_gets(self, name: str, format_: int, catch: bool, capsys: pytest.CaptureFixture[str]) -> None:
        """Each message, with its record, and the end."""
        seen = []
        for logger in pair():
            events: Events = []
            number = logger.add(SINKS[name](events), format=FORMATS[format_], catch=catch)
            for message in MESSAGES:
                events.append(outcome(logger.bind(a=1).info, message))
                events.append(outcome(logger.log, 12, message))
            events.append(outcome(logger.remove, number))
            logger.info("late")
            seen.append((number, events, sinks_shown(logger), reports(capsys.readouterr().err)))
        assert seen[0] == seen[1]


NO_SINKS: list[Any] = [5, None, 1.5, object(), sys, types, [], {}, (), b"path", True, io, ...]


@pytest.mark.parametrize("sink", NO_SINKS, ids=range(len(NO_SINKS)))
def test_what_is_no_sink(sink: Any) -> None:
    """The same type of error, and an id is used up."""
    seen = [(outcome(logger.add, sink), outcome(logger.add, print)) for logger in pair()]
    assert seen[0] == seen[1] == (TypeError, 1)


KEYWORDS = ["rotation", "retention", "compression", "delay", "mode", "encoding", "loop", "what", "name"]


@pytest.mark.parametrize(("name", "keyword"), list(itertools.product(SINKS, KEYWORDS)))
def test_keywords_of_other_kinds(name: str, keyword: str) -> None:
    """Are refused with the same type of error."""
    seen = [outcome(logger.add, SINKS[name]([]), **{keyword: None}) for logger in pair()]
    assert seen == [TypeError, TypeError]


class Switch:
    """True or false by its own account."""

    def __init__(self, answer: bool) -> None:
        self._answer = answer

    def __bool__(self) -> bool:
        return self._answer

    def __repr__(self) -> str:
        return f"Switch({self._answer})"


def failing() -> None:
    """An error below a caller, with a value to show."""
    shown = "a value"
    raise ValueError(shown)


def looks(logger: Any, options: dict[str, Any]) -> str:
    """Which of the switches are on, by what a handler emits."""
    got: list[str] = []
    logger.add(got.append, format="<r>{message}</r>", **options)
    try:
        failing()
    except ValueError:
        logger.exception("x")
    logger.remove()
    text = "".join(got)
    colors = "\x1b" in text or "u001b" in text
    return f"json {text[:1] == '{'}, {colors=}, callers {'> File' in text}, values {text.count('a value')}"


SWITCHES = ["serialize", "colorize", "backtrace", "diagnose", "catch", "enqueue"]
PLAIN = {"backtrace": False, "diagnose": False, "colorize": False}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in SWITCHES for value in (True, False, 1, 0) if name != "enqueue" or not value),
        ("colorize", None),
        ("diagnose", None),
    ],
    ids=str,
)
def test_switches(name: str, value: Any) -> None:
    """Booleans, 0 and 1, and None where it is the default, switch the same on and off.

    An `enqueue` that is on is left out: the reference would have to pickle the sink for its queue.
    """
    assert looks(ours(), {**PLAIN, name: value}) == looks(reference(), {**PLAIN, name: value})
    assert looks(ours(), {**PLAIN, name: value}) == looks(
        ours(), {**PLAIN, name: None if value is None else bool(value)}
    )


@pytest.mark.parametrize("value", ["no", "", [], [0], 0.0, 2, None, Switch(True), Switch(False)], ids=str)
@pytest.mark.parametrize("name", SWITCHES)
def test_switches_that_are_no_booleans(name: str, value: Any) -> None:
    """What the reference takes for on or off is refused, by name and with the value."""
    if name in ("colorize", "diagnose") and value is None:
        pytest.skip("None is the default")
    if name != "enqueue" or not value:  # The queue of the reference would have to pickle the sink.
        as_boolean = {**PLAIN, name: None if value is None else bool(value)}
        assert looks(reference(), {**PLAIN, name: value}) == looks(reference(), as_boolean)
    logger, got = ours(), list[str]()
    with pytest.raises(TypeError, match=f"^Invalid {name}, it should be True or False.*{re.escape(repr(value))}"):
        logger.add(got.append, **{**PLAIN, name: value})
    assert outcome(logger.remove, 0) is ValueError, "a handler is there"


PATHS = ["app.log", "sub/app.log", "app {{}}.log", pathlib.Path("app.log"), pathlib.PurePosixPath("a") / "b.log"]


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_names_of_files(path: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As given, in quotes."""
    monkeypatch.chdir(tmp_path)
    shown = []
    for logger in pair():
        logger.add(path, delay=True)
        shown.append(sinks_shown(logger))
        logger.remove()
    assert shown[0] == shown[1]


LEVELS = ["TRACE", "DEBUG", "INFO", "WARNING", "ERROR"]
ADDITION = st.tuples(
    st.just("add"), st.sampled_from(sorted(SINKS)), st.sampled_from(LEVELS[:3]), st.booleans(), st.integers(0, 5)
)
CALL = st.tuples(st.just("log"), st.sampled_from(LEVELS), st.sampled_from(MESSAGES))
REMOVAL = st.tuples(st.just("remove"), st.one_of(st.none(), st.integers(-1, 6)))
OPERATIONS = st.builds(
    lambda first, then: [*first, *then],
    st.lists(ADDITION, min_size=1, max_size=4),
    st.lists(st.one_of(CALL, CALL, CALL, ADDITION, REMOVAL), min_size=3, max_size=12),
)


def run(logger: Any, operations: list[tuple[Any, ...]]) -> Events:
    """Everything that could be seen while *operations* were done."""
    events: Events = []
    for what, *arguments in operations:
        if what == "add":
            name, level, catch, format_ = arguments
            sink = SINKS[name](events)
            events.append(outcome(logger.add, sink, level=level, catch=catch, format=FORMATS[format_]))
        elif what == "log":
            events.append(outcome(logger.log, *arguments))
        elif arguments == [None]:
            events.append(remove_all(logger))
        else:
            events.append(outcome(logger.remove, *arguments))
        events.append(sinks_shown(logger))
    events.append(remove_all(logger))
    return events


def remove_all(logger: Any) -> Any:
    """The outcome of `remove()`, which the reference is told again until all are gone."""
    first = outcome(logger.remove)
    while not isinstance(logger, Logger) and outcome(logger.remove) is not None:
        pass
    return first


def test_remove_of_all_goes_on_after_an_error() -> None:
    """A sink that cannot be stopped keeps the reference from removing the others; here all go, then it is raised."""
    found = []
    for logger in pair():
        events: Events = []
        logger.add(FailingStop(events))
        logger.add(Stopped(events))
        found.append((outcome(logger.remove), events.count("stop"), sinks_shown(logger)))
    assert found == [(OSError, 1, "[(id=1, level=10, sink=stopped)]>"), (OSError, 2, "[]>")]


@given(OPERATIONS)
@settings(max_examples=250, deadline=None, derandomize=True)
def test_whatever_is_done(operations: list[tuple[Any, ...]]) -> None:
    """Adding, logging and removing in any order: the same ids, messages, errors and ends."""
    saved, sys.stderr = sys.stderr, io.StringIO()
    try:
        assert run(reference(), operations) == run(ours(), operations)
    finally:
        sys.stderr = saved
