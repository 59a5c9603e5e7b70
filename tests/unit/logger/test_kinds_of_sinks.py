"""What may be a sink, and what each kind gets; logger-api.md, sections 7, 8, 9 and 28."""

from __future__ import annotations

import asyncio
import copy
import functools
import io
import logging
import multiprocessing
import pathlib
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import multiprocess
import pytest

from mplog._capture.record import Message
from mplog._logger import options
from mplog._logger.levels import built_in
from mplog._logger.logger import Logger
from mplog._logger.options import Given
from mplog._sinks.kinds import CALL, COROUTINE, FILE, STANDARD, STREAM, encoding_of, kind_of, shown_name


class Writing:
    """Has a `write`, whatever else it is."""

    name = ""

    def write(self, message: str) -> None: ...

    def __repr__(self) -> str:
        return "<writing>"


class WritingHandler(logging.Handler):
    """Both, and so a stream."""

    def write(self, message: str) -> None: ...


class WritingPath(Writing, pathlib.PurePosixPath):
    """Both, and so a path."""


class WithClassWrite:
    """The class itself has a `write`, and so is a stream, though it can be called."""

    def write(self, message: str) -> None: ...


class Called:
    """An object that can be called."""

    def __call__(self, message: str) -> None: ...

    def __repr__(self) -> str:
        return "<called>"


class CalledLater:
    """An object whose call is a coroutine."""

    __name__ = ""

    async def __call__(self, message: str) -> None: ...

    def __repr__(self) -> str:
        return "<called later>"


class BadWrite(Called):
    """A `write` that is none."""

    write = 5


class Named(Writing):
    """A stream with a name that is no text."""

    name = 7  # type: ignore[assignment]  # which is the point


async def later(message: str) -> None: ...


def function(message: str) -> None: ...


KINDS: list[tuple[Any, str, str]] = [
    ("a.log", FILE, "'a.log'"),
    (Path("a.log"), FILE, "'a.log'"),
    (pathlib.PurePosixPath("a.log"), FILE, "'a.log'"),
    (WritingPath("a.log"), FILE, "'a.log'"),
    (Writing(), STREAM, "<writing>"),
    (Named(), STREAM, "7"),
    (WithClassWrite, STREAM, repr(WithClassWrite)),
    (WritingHandler(), STREAM, "<WritingHandler (NOTSET)>"),
    (logging.NullHandler(), STANDARD, "<NullHandler (NOTSET)>"),
    (logging.Handler(30), STANDARD, "<Handler (WARNING)>"),
    (later, COROUTINE, "later"),
    (CalledLater(), COROUTINE, "<called later>"),
    (functools.partial(later), COROUTINE, repr(functools.partial(later))),
    (function, CALL, "function"),
    (Called(), CALL, "<called>"),
    (BadWrite(), CALL, "<called>"),
    (Called, CALL, "Called"),
    (print, CALL, "print"),
    ([].append, CALL, "append"),
    (lambda message: None, CALL, "<lambda>"),
    (functools.partial(function), CALL, repr(functools.partial(function))),
]


def repr_of_type(sink: Any) -> str:
    """An id that is the same in all processes of a test run."""
    return type(sink).__name__


class TestKinds:
    @pytest.mark.parametrize(
        ("sink", "kind", "name"), KINDS, ids=[f"{number}-{kind}" for number, (_, kind, _name) in enumerate(KINDS)]
    )
    def test_the_first_that_fits_decides(self, sink: Any, kind: str, name: str) -> None:
        """And how `repr(logger)` names it."""
        assert kind_of(sink) == kind
        shown = repr(sink) if kind == STREAM and name == "<WritingHandler (NOTSET)>" else name
        assert shown_name(sink, kind) == shown

    @pytest.mark.parametrize("sink", [5, None, object(), sys, 1.5, [], {}, b"a.log", types])
    def test_what_is_no_sink(self, logger: Logger, sink: Any) -> None:
        """The text names the type."""
        with pytest.raises(TypeError, match=f"'{type(sink).__name__}'"):
            logger.add(sink)

    @pytest.mark.parametrize("sink", [sink for sink, kind, _ in KINDS if kind != FILE], ids=repr_of_type)
    @pytest.mark.parametrize("keyword", ["rotation", "encoding", "mode", "what", "delay"])
    def test_only_files_take_their_options(self, logger: Logger, sink: Any, keyword: str) -> None:
        """All other kinds refuse them, before anything happens."""
        given: dict[str, Any] = {keyword: None}
        with pytest.raises(TypeError, match=rf"^add\(\) got an unexpected keyword argument '{keyword}'"):
            logger.add(sink, **given)
        assert repr(logger) == "<mplog.logger handlers=[]>"

    def test_encodings(self, tmp_path: Path) -> None:
        """What a stream or standard handler says it has, else ASCII; UTF-8 for what takes text."""
        with (tmp_path / "a").open("w", encoding="latin1") as stream:
            assert encoding_of(stream, STREAM) == "latin1"
        assert encoding_of(io.StringIO(), STREAM) == "ascii"
        assert encoding_of(Writing(), STREAM) == "ascii"
        handler = logging.FileHandler(tmp_path / "b", encoding="utf-16", delay=True)
        assert encoding_of(handler, STANDARD) == "utf-16"
        assert encoding_of(logging.NullHandler(), STANDARD) == "ascii"
        assert encoding_of(print, CALL) == encoding_of(later, COROUTINE) == "utf8"

    def test_the_look_knows(self) -> None:
        """What the renderer has to know about the sink."""
        for sink, standard, encoding in (
            (logging.NullHandler(), True, "ascii"),
            (io.StringIO(), False, "ascii"),
            (print, False, "utf8"),
        ):
            spec, renderer = options.check(sink, Given(), 0, built_in())
            assert (spec.look.standard, spec.look.encoding) == (standard, encoding)
            assert renderer.look == spec.look


class TestContext:
    @pytest.mark.parametrize(
        "context",
        [None, "fork", "spawn", "forkserver", multiprocessing, multiprocessing.get_context("spawn"), multiprocess],
        ids=["none", "fork", "spawn", "forkserver", "default", "spawning", "multiprocess"],
    )
    def test_what_is_accepted(self, context: Any) -> None:
        """And changes nothing: row 8b of beyond.md."""
        before = multiprocessing.get_start_method(allow_none=True)
        default = multiprocessing.get_all_start_methods()[0]
        if context in (multiprocessing, multiprocess):
            context = context.get_context()
        options.check(print, Given(context=context), 0, built_in())
        options.check(print, Given(context=context, enqueue=True), 0, built_in())
        assert multiprocessing.get_start_method(allow_none=True) in (before, default)

    @pytest.mark.parametrize("enqueue", [False, True])
    def test_what_is_not(self, enqueue: bool) -> None:
        """Whatever `enqueue` is."""
        for context in (5, object(), ["fork"], print):
            with pytest.raises(TypeError, match=r"^Invalid context"):
                options.check(print, Given(context=context, enqueue=enqueue), 0, built_in())
        with pytest.raises(ValueError, match="cannot find context for 'thread'"):
            options.check(print, Given(context="thread", enqueue=enqueue), 0, built_in())


class TestMessages:
    def test_they_are_text_with_a_record(self, logger: Logger) -> None:
        """And can be pickled, as their record can."""
        got: list[Any] = []
        logger.add(got.append, format="{message}")
        logger.bind(a=[1]).info("x")
        try:
            int("y")
        except ValueError:
            logger.exception("z")
        for message, extra in zip(got, [{"a": [1]}, {}], strict=True):
            assert type(str(message)) is str
            copy = pickle.loads(pickle.dumps(message))
            assert (copy, type(copy)) == (message, type(message))
            assert copy.record["extra"] == message.record["extra"] == extra
            assert copy.record["message"] == message.record["message"]
            assert copy.record["time"] == message.record["time"]
        exception = pickle.loads(pickle.dumps(got[1])).record["exception"]
        assert exception.type is ValueError
        assert exception.traceback is None
        assert str(exception.value) == str(got[1].record["exception"].value)

    def test_one_without_a_record(self) -> None:
        """Text streams get no more than text; it can be pickled all the same."""
        assert pickle.loads(pickle.dumps(Message("x"))) == "x"

    def test_all_handlers_get_the_same_record(self, logger: Logger) -> None:
        """The object itself, so that what one changes the next one sees."""
        got: list[Any] = []
        logger.add(got.append)
        logger.add(got.append)
        logger.info("x")
        assert got[0].record is got[1].record


class TestCopies:
    def test_a_copy_has_sinks_of_the_same_kinds(self, logger: Logger) -> None:
        """Functions are shared, objects are copied, and removing them in one leaves the other working; section 28.1."""
        got: list[str] = []

        async def sink(message: str) -> None:
            got.append(f"later {message}")

        class Handler(logging.Handler):
            def __deepcopy__(self, memo: object) -> Handler:
                return Handler()  # The lock of a standard handler cannot be copied.

            def emit(self, record: logging.LogRecord) -> None:
                got.append(record.getMessage())

        logger.add(sink, format="{message}")
        logger.add(Handler(), format="{message}")
        other = copy.deepcopy(logger)
        logger.remove()

        async def main() -> None:
            other.info("x")
            await other.complete()

        asyncio.run(main())
        other.remove()
        assert got == ["x", "later x\n"]

    def test_what_cannot_be_copied(self, logger: Logger) -> None:
        """A standard handler with its lock, with the error of the sink."""
        logger.add(logging.StreamHandler(io.StringIO()))
        with pytest.raises(TypeError, match="RLock"):
            copy.deepcopy(logger)


class TestDefaultHandler:
    """Standard error is what it is at the moment of writing; W9 of the field notes."""

    @pytest.fixture
    def defaulted(self, logger: Logger, monkeypatch: pytest.MonkeyPatch) -> Logger:
        """A logger with a default handler on a stream of its own."""
        self.first = io.TextIOWrapper(io.BytesIO(), write_through=True)
        monkeypatch.setattr(sys, "stderr", self.first)
        monkeypatch.setattr(sys, "__stderr__", None)
        logger._core.add(sys.stderr, Given(format="{message}"), auto=True)
        return logger

    def shown(self, stream: Any) -> str:
        return stream.getvalue() if isinstance(stream, io.StringIO) else stream.buffer.getvalue().decode()

    def test_a_replaced_one(self, defaulted: Logger, monkeypatch: pytest.MonkeyPatch) -> None:
        """Is followed, also by call sites that have been used before, and left again."""
        second = io.StringIO()
        for stream in (self.first, second, self.first):
            monkeypatch.setattr(sys, "stderr", stream)
            for n in range(2):
                defaulted.info("line {}", n)
        assert self.shown(self.first) == "line 0\nline 1\n" * 2
        assert self.shown(second) == "line 0\nline 1\n"

    def test_a_closed_one(self, defaulted: Logger, monkeypatch: pytest.MonkeyPatch) -> None:
        """Costs what is logged until another one takes its place; nothing is raised or reported."""
        closed = io.StringIO()
        monkeypatch.setattr(sys, "stderr", closed)
        defaulted.info("b")
        text = closed.getvalue()
        closed.close()
        defaulted.info("c")
        third = io.StringIO()
        monkeypatch.setattr(sys, "stderr", third)
        defaulted.info("d")
        assert (text, third.getvalue()) == ("b\n", "d\n")

    def test_one_that_logs(self, defaulted: Logger, monkeypatch: pytest.MonkeyPatch) -> None:
        """An object that gives to the logger what is written to it is not followed: there would be no end."""

        class ToLogger:
            def write(self, text: str) -> None:
                defaulted.info(f"again {text}")

        monkeypatch.setattr(sys, "stderr", ToLogger())
        defaulted.info("x")
        sys.stderr.write("printed")
        assert self.shown(self.first) == "x\nagain printed\n"

    def test_none(self, defaulted: Logger, monkeypatch: pytest.MonkeyPatch) -> None:
        """The one that was there goes on."""
        monkeypatch.setattr(sys, "stderr", None)
        defaulted.info("x")
        assert self.shown(self.first) == "x\n"

    def test_a_stream_that_was_given_stays(self, logger: Logger, monkeypatch: pytest.MonkeyPatch) -> None:
        """Only the default handler follows."""
        first, second = io.StringIO(), io.StringIO()
        monkeypatch.setattr(sys, "stderr", first)
        logger.add(sys.stderr, format="{message}")
        monkeypatch.setattr(sys, "stderr", second)
        logger.info("x")
        assert (first.getvalue(), second.getvalue()) == ("x\n", "")
