"""What calls do with what they are given, where mplog differs from the reference on purpose.

logger-api.md, section 3
logger-api.md, section 21
"""

# What is tested is the behaviour of calls, wrong ones and odd ones included; tests/typing is about types.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

import pytest

from mplog._logger.logger import Logger
from mplog._sinks import report


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is told again what was said once."""
    monkeypatch.setattr(report, "_said", {})


@pytest.fixture
def got(logger: Logger) -> list[Any]:
    """The messages of one handler."""
    found: list[Any] = []
    logger.add(found.append, format=lambda _: "{message}\n", catch=False)
    return found


def boom(*_: Any) -> Any:
    raise RuntimeError("boom")


class TestNothingRaises:
    """beyond.md, rows 10 and 21."""

    def test_a_lazy_argument(self, logger: Logger, got: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
        """The text as given, a mark, one report for the call site; the other arguments are still called."""
        called: list[str] = []
        for _ in range(3):
            logger.opt(lazy=True).info("{} {a} {b}", boom, a=lambda: called.append("a"), b=boom)
        assert [str(text) for text in got] == ["{} {a} {b} <not formatted>\n"] * 3
        assert called == ["a"] * 3
        extra = got[0].record["extra"]
        assert extra["mplog_error"] == "RuntimeError('boom')"
        assert extra["a"] is None
        assert extra["b"] == "<not evaluated: RuntimeError('boom')>"
        said = capsys.readouterr().err.splitlines()
        assert len(said) == 1
        assert f"{__file__}:" in said[0]
        assert "boom" in said[0]

    def test_a_lazy_argument_that_is_no_function(self, logger: Logger, got: list[Any]) -> None:
        """It is an argument, not an option."""
        logger.opt(lazy=True).info("{}", 5)
        assert [str(text) for text in got] == ["{} <not formatted>\n"]

    def test_a_patcher(self, logger: Logger, got: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
        """The record as far as it was patched; later patchers run."""
        view = logger.patch(lambda record: record["extra"].update(a=1)).patch(boom)
        view = view.patch(lambda record: record["extra"].update(b=2))
        for _ in range(3):
            view.info("x {}", 1)
        assert [str(text) for text in got] == ["x 1 <not patched>\n"] * 3
        assert got[0].record["extra"] == {"a": 1, "b": 2, "mplog_error": "RuntimeError('boom')"}
        assert len(capsys.readouterr().err.splitlines()) == 1

    def test_the_configured_patcher(self, logger: Logger, got: list[Any]) -> None:
        """Likewise."""
        logger.configure(patcher=boom)
        logger.info("x")
        assert [str(text) for text in got] == ["x <not patched>\n"]

    def test_a_record_keyword(self, logger: Logger, got: list[Any]) -> None:
        """With `opt(record=True)` the name is taken."""
        logger.opt(record=True).info("x {record}", record=1)
        assert [str(text) for text in got] == ["x {record} <not formatted>\n"]

    def test_markup_that_cannot_be_read(self, logger: Logger, got: list[Any]) -> None:
        """A message is a message."""
        logger.opt(colors=True).info("<nothing>{}</>", 1)
        assert [str(text) for text in got] == ["<nothing>{}</> <not formatted>\n"]

    def test_an_exception_that_is_none(self, logger: Logger, got: list[Any]) -> None:
        """A tuple of another length."""
        logger.opt(exception=(1, 2)).info("x")
        assert got[0].record["exception"] is None

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
    def test_what_ends_a_program_passes(self, logger: Logger, got: list[Any], error: type[BaseException]) -> None:
        """Only exceptions are kept from the caller."""

        def end(*_: Any) -> None:
            raise error

        with pytest.raises(error):
            logger.opt(lazy=True).info("{}", end)
        with pytest.raises(error):
            logger.patch(end).info("x")
        logger.info("usable")
        assert [str(text) for text in got] == ["usable\n"]

    def test_a_message_that_cannot_be_compared(self, logger: Logger, got: list[Any]) -> None:
        """At a call site that is remembered for a text comes an object."""

        class Odd:
            __hash__ = None  # type: ignore[assignment]  # not hashable either

            def __eq__(self, other: object) -> bool:
                raise RuntimeError("no comparison")

            def __str__(self) -> str:
                return "odd"

        class Text(str):
            __slots__ = ()

            def format(self, *args: object, **kwargs: object) -> str:
                return "its own"

        for message in ("text {}", "text {}", Odd(), Text("text {}"), "text {}"):
            logger.info(message, 1)
        texts = [str(text) for text in got]
        assert texts[:2] == ["text 1\n"] * 2
        assert "Odd object" in texts[2]
        assert texts[3:] == ["its own\n", "text 1\n"]


class TestStrict:
    """beyond.md, row 10: `configure(strict=True)` and MPLOG_STRICT."""

    def test_configured(self, logger: Logger, got: list[Any]) -> None:
        """On and off again, also against the environment."""
        logger.configure(strict=True)
        for call in (
            lambda: logger.info("{} {}", 1),
            lambda: logger.opt(lazy=True).info("{}", boom),
            lambda: logger.patch(boom).info("x"),
            lambda: logger.opt(record=True).info("x", record=1),
            lambda: logger.opt(exception=(1, 2)).info("x"),
        ):
            with pytest.raises((ValueError, RuntimeError, TypeError)):
                call()
        assert got == []
        logger.configure(strict=False)
        logger.info("{} {}", 1)
        assert len(got) == 1

    def test_configured_goes_before_the_environment(
        self, logger: Logger, got: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """MPLOG_STRICT=1 holds until something else is configured."""
        monkeypatch.setenv("MPLOG_STRICT", "1")
        with pytest.raises(ValueError, match="The logging message could not be formatted"):
            logger.info("{} {}", 1)
        logger.configure(strict=False)
        logger.info("{} {}", 1)
        assert len(got) == 1

    def test_the_error_wraps_the_cause(self, logger: Logger, got: list[Any]) -> None:
        """ValueError from KeyError, IndexError, AttributeError, ValueError; others pass as they are."""
        logger.configure(strict=True)
        for message, args, cause in (
            ("{a}", (1,), KeyError),
            ("{} {}", (1,), IndexError),
            ("{0.a}", (1,), AttributeError),
            ("{:d}", ("x",), ValueError),
            (5, (1,), AttributeError),
        ):
            with pytest.raises(ValueError, match=r"^The logging message could not be formatted") as caught:
                logger.info(message, *args)
            assert type(caught.value.__cause__) is cause
        with pytest.raises(TypeError):
            logger.info("{:>5}", [])
