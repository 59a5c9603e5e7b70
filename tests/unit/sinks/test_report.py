"""Reports of mplog's own troubles never raise; logger-api.md, section 20."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from mplog._capture.record import Message
from mplog._logger.logger import Logger
from mplog._sinks.limit import Limit
from mplog._sinks.stream import StreamSink
from mplog._writer.outlet import Outlet


class Failing:
    """A stream in the place of standard error that takes nothing."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.calls = 0

    def write(self, _text: str) -> None:
        self.calls += 1
        raise self.error


class Hostile(Exception):
    """An error that cannot be shown."""

    def __str__(self) -> str:
        raise KeyError("no text")

    @property
    def __notes__(self) -> Any:
        raise KeyError("no notes")


def sink(message: str) -> None:
    """Fails for what asks for it."""
    if "bad" in message:
        raise Hostile


@pytest.mark.parametrize(
    "error", [KeyError("k"), ZeroDivisionError(), OSError("gone"), RuntimeError("closed")], ids=repr
)
class TestStandardErrorFails:
    def test_a_log_call_returns(self, logger: Logger, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        """Whatever the stream raises."""
        stream = Failing(error)
        monkeypatch.setattr(sys, "stderr", stream)
        logger.add(sink)
        for message in ("one", "bad", "two"):
            logger.info(message)
        monkeypatch.undo()
        assert stream.calls

    def test_the_thread_of_a_sink_goes_on(self, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        """It serves all that comes later, and whoever waits for it."""
        monkeypatch.setattr(sys, "stderr", Failing(error))
        outlet = Outlet(StreamSink(sink, is_function=True), 5)
        for message in ("one", "bad", "two"):
            outlet.put(Message(message))
        assert outlet.close(Limit(30))
        monkeypatch.undo()
        assert outlet.taken == 3


def test_an_error_that_cannot_be_shown(logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
    """Costs no more than its text."""
    logger.add(sink)
    logger.info("bad")
    said = capsys.readouterr().err
    assert ": handler 0 (sink) failed with Hostile()." in said.splitlines()[0]
    assert said.splitlines()[1].startswith("    Record was: {")
