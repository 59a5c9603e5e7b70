"""A report is said whatever standard error, the trouble itself and the clock do; logger-api.md, section 20."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

import pytest
from programs import Program
from reports import heads

from mplog._logger.logger import Logger
from mplog._sinks import report

ALMOST_FULL = """
    import os, select
    from mplog import logger

    def sink(message):
        raise OSError("no")

    logger.remove()
    logger.add(sink)
    os.set_blocking(2, False)
    try:
        while True:
            os.write(2, bytes(4096))
    except BlockingIOError:
        pass
    os.set_blocking(2, True)
    os.read(os.open("/proc/self/fd/2", os.O_RDONLY), 8192)  # Room for some of its pieces.
    logger.info("x" * 9000)
    print("done")
"""


class TestStandardError:
    def test_it_comes_later(self, logger: Logger, monkeypatch: pytest.MonkeyPatch) -> None:
        """What nobody could read was not said: the next one is said in full, and the number of those before it."""
        monkeypatch.setattr(report, "AGAIN", 0.0)

        def sink(message: str) -> None:
            raise ValueError("no")

        logger.add(sink, format="{message}")
        closed = io.StringIO()
        closed.close()
        for stream in (None, closed):
            monkeypatch.setattr(sys, "stderr", stream)
            logger.info("unseen")
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stderr", stream)
        logger.info("seen")
        said = stream.getvalue()
        assert ": handler 0 (sink) failed with ValueError('no'). " in said.splitlines()[0]
        assert "2 before it could not be said" in said.splitlines()[0]
        assert "'message': 'seen'" in said

    def test_hostile_errors_are_said(self, logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
        """Whatever an error does when it is asked for its number, its class or where it was raised."""

        class Hostile(OSError):
            @property
            def refuse(self) -> Any:
                raise RuntimeError("hostile")

            errno = __traceback__ = __class__ = refuse

        class Equal:
            def __eq__(self, other: object) -> bool:
                raise RuntimeError("hostile")

            __hash__ = None  # type: ignore[assignment]  # as Python has it

        errors = [Hostile("no"), OSError(Equal(), "no")]

        def sink(message: str) -> None:
            raise errors[int(message)]

        logger.add(sink, format="{message}")
        raised = []
        for number in range(2):
            try:
                logger.info(number)
            except Exception:  # noqa: BLE001 - what is hostile to mplog is so to pytest, too
                raised.append(number)
        assert raised == []
        assert len(heads(capsys.readouterr().err)) == 2

    def test_nobody_reads_it_and_it_is_almost_full(self, program: Program) -> None:
        """A long line, too, is written as far as there is room and no further: the call returns."""
        reading, writing = os.pipe()
        try:
            running = program.start(ALMOST_FULL, stderr=writing, environment={"PYTHONUNBUFFERED": ""})
            os.close(writing)
            ended = running.wait(20)
            assert ended.output == "done\n"
        finally:
            os.close(reading)

    def test_hostile_text_forges_no_line(self, logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
        """Of a report, and drives no terminal."""

        class Forging(Exception):
            def __repr__(self) -> str:
                return "x\nmplog: forged\r\x1b[2J"

            __str__ = __repr__

        def sink(message: str) -> None:
            raise Forging

        logger.add(sink)
        logger.info("x")
        said = capsys.readouterr().err
        assert len(heads(said)) == 1
        assert "\x1b" not in said
        assert "\r" not in said

    @pytest.mark.parametrize(
        "clock", [lambda: "noon", lambda: 1 / 0, lambda: float("nan")], ids=["text", "error", "nan"]
    )
    def test_a_clock_that_is_replaced(self, monkeypatch: pytest.MonkeyPatch, clock: Any) -> None:
        """Costs the time of the report, not the report."""
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setattr("time.time", clock)
        report.once("kind", "some trouble")
        assert stream.getvalue().startswith("mplog: ")
        assert stream.getvalue().endswith(": some trouble\n")
