"""Patchers: when they run, in which order, and what they can change; logger-api.md, section 22."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from mplog._logger.logger import Logger


def note(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda record: record["extra"].setdefault("ran", []).append(name)


@pytest.fixture
def got(logger: Logger) -> list[Any]:
    """What a handler gets."""
    found: list[Any] = []
    logger.add(found.append, format="{extra} {message}")
    return found


class TestOrder:
    def test_configured_first_then_as_they_were_given(self, logger: Logger, got: list[Any]) -> None:
        """Each once per message, whatever the number of handlers."""
        logger.add(lambda _: None, format="{message}")
        view = logger.patch(note("first")).bind(a=1).patch(note("second"))
        logger.configure(patcher=note("configured"))
        view.info("x")
        assert got[0].record["extra"] == {"a": 1, "ran": ["configured", "first", "second"]}

    def test_they_belong_to_their_view(self, logger: Logger, got: list[Any]) -> None:
        """Neither the logger that it was made from nor a sister is changed."""
        one, two = logger.patch(note("one")), logger.patch(note("two"))
        for each in (logger, one, two, one.opt(lazy=True)):
            each.info("x")
        assert [message.record["extra"].get("ran") for message in got] == [None, ["one"], ["two"], ["one"]]

    def test_they_see_everything_and_run_in_the_call(self, logger: Logger, got: list[Any]) -> None:
        """Bound values, those of the context and the call; the message; the thread. Their result does not count."""
        seen: list[Any] = []

        def look(record: dict[str, Any]) -> str:
            seen.append((dict(record["extra"]), record["message"], threading.get_ident()))
            return "not used"

        with logger.contextualize(c=1, a="hidden"):
            logger.bind(a=2, b="hidden").patch(look).info("{b}", b=3)
        assert seen == [({"c": 1, "a": 2, "b": 3}, "3", threading.get_ident())]
        assert len(got) == 1

    def test_nobody_wants_the_record(self, logger: Logger) -> None:
        """Level, activation and missing handlers spare them."""
        view = logger.patch(lambda _: pytest.fail("was called"))
        view.critical("x")
        logger.add(print, level="ERROR")
        view.info("x")
        logger.disable(__name__)
        view.critical("x")


class TestChanges:
    def test_every_handler_sees_them(self, logger: Logger) -> None:
        """Its level, its filter, its format."""
        texts: list[Any] = []
        logger.add(texts.append, level="ERROR", format="1 {name} {message}")
        logger.add(texts.append, filter="elsewhere", format="2 {level.icon} {message}")

        def change(record: dict[str, Any]) -> None:
            record["name"] = "elsewhere.inside"
            record["message"] += "!"
            record["level"].no = 45
            record["level"].icon = "?"

        for _ in range(2):
            logger.patch(change).info("x")
            logger.info("unchanged")
        assert texts == ["1 elsewhere.inside x!\n", "2 ? x!\n"] * 2

    def test_they_are_of_one_record(self, logger: Logger, got: list[Any]) -> None:
        """What is bound or configured stays as it is, and so does the level."""
        logger.configure(extra={"a": 1})
        view = logger.bind(b=2)
        view.patch(lambda record: record["extra"].clear()).info("x")
        view.patch(lambda record: setattr(record["level"], "name", "other")).info("x")
        view.info("x")
        assert [message.record["extra"] for message in got] == [{}, {"a": 1, "b": 2}, {"a": 1, "b": 2}]
        assert [message.record["level"].name for message in got] == ["INFO", "other", "INFO"]

    def test_what_cannot_be_called_is_refused(self, logger: Logger) -> None:
        """At once, and not at the first message."""
        patchers: tuple[Any, ...] = (5, "text", [])
        for patcher in patchers:
            with pytest.raises(TypeError, match=type(patcher).__name__):
                logger.patch(patcher)
            with pytest.raises(TypeError, match=type(patcher).__name__):
                logger.configure(patcher=patcher)
