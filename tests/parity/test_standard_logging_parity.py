"""Standard handlers as sinks beside the compatibility reference: each attribute of a record; logger-api.md, section 31.

Departures: time, thread and process are those of the call, to the microsecond; and a handler's own level is obeyed,
which is newer than the installed reference.
"""

from __future__ import annotations

import io
import logging
from typing import Any

import pytest
from beside import ours, pair, reference
from hypothesis import given, settings
from hypothesis import strategies as st

TIMES = {"created", "msecs", "relativeCreated"}


class Keeping(logging.Handler):
    """Keeps what it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        assert type(text) is str
        shown = logging.Formatter("%(levelname)s|%(name)s|%(message)s|%(lineno)d").format(record)
        attributes = {key: value for key, value in record.__dict__.items() if key not in TIMES}
        exception = attributes.pop("exc_info")
        attributes["exc_info"] = exception and (*exception[:2], type(exception[2]))
        if exception and exception[0] is not None:
            # How a traceback is drawn is compared elsewhere; here, what stands around it.
            head, _, tail = text.partition("Traceback (most recent call last):")
            attributes["msg"] = attributes["message"] = (head, bool(tail), tail[-1:])
            shown = shown[: len(head)]
        self.got.append({**attributes, "shown": shown, "text": None if exception else text})


FORMATS: list[Any] = [
    "{message}",
    "{level: <8}|{name}|{line}|{message}",
    "{message}|{extra}",
    "",
    "{message}\n",
    "<red>{message}</red>",
    "{message} <{exception}>",
    "{exception}",
    lambda record: "F {message}\n",
    lambda record: "F {message}|{exception}|",
    lambda record: "",
]
CALLS: dict[str, Any] = {
    "plain": lambda logger: logger.info("x"),
    "arguments": lambda logger: logger.warning("{} {name}", 1, name="n"),
    "braces": lambda logger: logger.error("{}"),
    "percent": lambda logger: logger.info("100% %s %d"),
    "lines": lambda logger: logger.critical("a\nb\n"),
    "empty": lambda logger: logger.debug(""),
    "number": lambda logger: logger.log(12, "x"),
    "zero": lambda logger: logger.log(0, "x"),
    "success": lambda logger: logger.success("x"),
    "trace": lambda logger: logger.trace("x"),
    "bound": lambda logger: logger.bind(name="n", message="m", args=(1,), exc_info=True).info("x"),
    "raw": lambda logger: logger.opt(raw=True).info("raw\n"),
    "raw without end": lambda logger: logger.opt(raw=True).info("raw"),
    "no exception": lambda logger: logger.exception("none"),
    "exception": lambda logger: logger.opt(exception=ValueError("no")).error("failed"),
    "triple": lambda logger: logger.opt(exception=(KeyError, KeyError("k"), None)).error("failed"),
    "empty triple": lambda logger: logger.opt(exception=(None, None, None)).error("failed"),
    "raw exception": lambda logger: logger.opt(raw=True, exception=ValueError("no")).error("failed"),
    "depth": lambda logger: logger.opt(depth=1).info("x"),
    "too deep": lambda logger: logger.opt(depth=1000).info("x"),
    "patched": lambda logger: logger.patch(lambda record: record["extra"].update(a=1)).info("x"),
    "renamed": lambda logger: logger.patch(lambda record: record.update(name="other", line=7, function="f")).info("x"),
}


def seen(logger: Any, call: Any, **options: Any) -> list[dict[str, Any]]:
    """What a handler gets for one call."""
    handler = Keeping()
    logger.add(handler, level=0, **options)
    call(logger)
    logger.remove()
    return handler.got


@pytest.mark.parametrize("format_", range(len(FORMATS)))
@pytest.mark.parametrize("name", CALLS)
def test_every_attribute(name: str, format_: int) -> None:
    """Of the record, what `getMessage()` gives, and what a standard formatter makes of it."""
    theirs, mine = (
        seen(logger, call, format=FORMATS[format_]) for logger, call in zip(pair(), [CALLS[name]] * 2, strict=True)
    )
    assert len(theirs) == len(mine) == 1
    for record in (*theirs, *mine):
        if record["exc_info"]:
            # The objects are two, made by two calls.
            kind, value, traceback = record["exc_info"]
            record["exc_info"] = (kind, str(value), traceback)
    assert mine[0] == theirs[0]


@pytest.mark.parametrize("name", ["plain", "arguments", "lines", "bound", "raw"])
def test_serialized(name: str) -> None:
    """One line of JSON, with its end, whatever the rest."""
    theirs, mine = (seen(logger, CALLS[name], serialize=True)[0]["text"] for logger in pair())
    assert mine.count("\n") == theirs.count("\n") == 1
    assert mine[-1] == theirs[-1]


@pytest.mark.parametrize(
    "pattern", ["%(message)s", "%(levelname)-8s %(name)s %(module)s.%(funcName)s:%(lineno)d %(message)s", "%(extra)s"]
)
@pytest.mark.parametrize("name", [name for name in CALLS if "exception" not in name and name != "triple"])
def test_stream_handlers(name: str, pattern: str) -> None:
    """What stands in the stream at the end."""
    texts = []
    for logger in pair():
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(logging.Formatter(pattern))
        logger.add(handler, format="{level} {message}", level=0)
        CALLS[name](logger)
        logger.remove()
        texts.append(stream.getvalue())
    assert texts[0] == texts[1]


@given(
    st.text(max_size=20).filter(lambda text: text.isprintable() or text.isspace()),
    st.integers(0, 60),
    st.dictionaries(st.sampled_from(["name", "a", "msg", "level"]), st.integers(), max_size=3),
    st.sampled_from(FORMATS[:5]),
    st.booleans(),
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_any_message(message: str, level: int, extra: dict[str, int], format_: str, raw: bool) -> None:
    """With any level, extra and format."""
    theirs, mine = reference(), ours()

    def call(logger: Any) -> None:
        logger.bind(**extra).opt(raw=raw).log(level, message)

    assert seen(mine, call, format=format_, sanitize=False) == seen(theirs, call, format=format_)
