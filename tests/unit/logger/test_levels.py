"""Levels: names, numbers, colours, icons; what `log` and `level` make of them.

Covers logger-api.md, sections 4 and 5.
"""

from __future__ import annotations

import threading
from typing import Any

import pytest

from mplog._logger import levels
from mplog._logger.levels import Level
from mplog._logger.logger import Logger

BUILT_IN = [
    ("TRACE", 5, "<cyan><bold>", "\u270f\ufe0f"),
    ("DEBUG", 10, "<blue><bold>", "\U0001f41e"),
    ("INFO", 20, "<bold>", "\u2139\ufe0f"),
    ("SUCCESS", 25, "<green><bold>", "\u2705"),
    ("WARNING", 30, "<yellow><bold>", "\u26a0\ufe0f"),
    ("ERROR", 40, "<red><bold>", "\u274c"),
    ("CRITICAL", 50, "<RED><bold>", "\u2620\ufe0f"),
]


@pytest.fixture
def lines(logger: Logger) -> list[str]:
    """What a handler for all levels gets."""
    got: list[str] = []
    logger.add(got.append, level=0, format="{level.name}|{level.no}|{level.icon}|{message}")
    return got


class TestBuiltIn:
    @pytest.mark.parametrize("level", BUILT_IN, ids=lambda level: level[0])
    def test_it_is_a_plain_tuple_of_four(self, logger: Logger, level: tuple[Any, ...]) -> None:
        """Name, number, colour, icon."""
        found = logger.level(level[0])
        assert found == level
        assert (found.name, found.no, found.color, found.icon) == level

    @pytest.mark.parametrize("level", BUILT_IN, ids=lambda level: level[0])
    def test_its_method_and_its_name_log_the_same(self, logger: Logger, lines: list[str], level: Any) -> None:
        """Each level has a method of its name."""
        name, number, _, icon = level
        for _ in range(2):
            getattr(logger, name.lower())("by method")
            logger.log(name, "by name")
        assert lines == [f"{name}|{number}|{icon}|by method\n", f"{name}|{number}|{icon}|by name\n"] * 2

    def test_the_environment_changes_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """`MPLOG_<LEVEL>_NO`, `_COLOR` and `_ICON`."""
        monkeypatch.setenv("MPLOG_INFO_NO", "21")
        monkeypatch.setenv("MPLOG_INFO_COLOR", "<red>")
        monkeypatch.setenv("MPLOG_INFO_ICON", "i")
        assert levels.built_in()["INFO"] == ("INFO", 21, "<red>", "i")
        assert levels.built_in()["DEBUG"] == BUILT_IN[1]


class TestAnonymous:
    @pytest.mark.parametrize("number", [0, 1, 20, 33, 10**9])
    def test_a_number_is_never_turned_into_a_name(self, logger: Logger, lines: list[str], number: int) -> None:
        """Not even when a level of that number, or of that made-up name, exists."""
        logger.level("Level 33", no=7, icon="!")
        logger.log(number, "x {}", 1)
        assert lines == [f"Level {number}|{number}| |x 1\n"]


class TestCustom:
    def test_a_new_level_is_usable_at_once(self, logger: Logger, lines: list[str]) -> None:
        """In handlers that exist already; colour and icon have defaults."""
        assert logger.level("NOTICE", no=22) == ("NOTICE", 22, "", " ")
        assert logger.level("LOUD", no=45, color="<red>", icon="!") == ("LOUD", 45, "<red>", "!")
        logger.log("NOTICE", "one")
        logger.log("LOUD", "two")
        assert lines == ["NOTICE|22| |one\n", "LOUD|45|!|two\n"]

    def test_colour_and_icon_can_be_changed_later(self, logger: Logger, lines: list[str]) -> None:
        """Each alone; the rest stays; call sites that ran before show it, too."""

        def call() -> None:
            logger.info("x")

        for _ in range(3):
            call()
        assert logger.level("INFO", icon="i") == ("INFO", 20, "<bold>", "i")
        assert logger.level("INFO", color="<blue>") == ("INFO", 20, "<blue>", "i")
        call()
        assert lines[-1] == "INFO|20|i|x\n"

    def test_several_levels_may_share_a_number(self, logger: Logger, lines: list[str]) -> None:
        """The name alone identifies a level."""
        logger.level("ALSO", no=20)
        logger.log("ALSO", "x")
        logger.info("y")
        assert [line.split("|")[0] for line in lines] == ["ALSO", "INFO"]

    def test_names_are_case_sensitive(self, logger: Logger, lines: list[str]) -> None:
        """`info` is no level."""
        with pytest.raises(ValueError, match="Level 'info' does not exist"):
            logger.log("info", "x")
        assert lines == []


class TestThreshold:
    def test_the_number_decides(self, logger: Logger) -> None:
        """A handler takes records of its own number and above."""
        got: list[str] = []
        logger.add(got.append, level="SUCCESS", format="{message}")
        logger.info("below")
        logger.success("at")
        logger.warning("above")
        logger.log(24, "below")
        logger.log(25, "at")
        assert got == ["at\n", "above\n", "at\n"]

    def test_zero_takes_everything(self, logger: Logger, lines: list[str]) -> None:
        """Level numbers start at 0."""
        logger.log(0, "x")
        assert lines == ["Level 0|0| |x\n"]

    def test_a_custom_level_as_threshold(self, logger: Logger) -> None:
        """By name, resolved once by `add()`."""
        got: list[str] = []
        logger.level("NOTICE", no=22)
        logger.add(got.append, level="NOTICE", format="{message}")
        logger.info("below")
        logger.log("NOTICE", "at")
        assert got == ["at\n"]


class TestResolve:
    def test_subclasses_of_str_and_int_will_do(self) -> None:
        """Enums of names and numbers are common."""
        assert levels.resolve(levels.built_in(), type("Name", (str,), {})("INFO")).no == 20
        assert levels.resolve({}, type("Number", (int,), {})(5)) == Level("Level 5", 5, "", " ")


def test_changes_of_one_level_by_several_threads_all_count(logger: Logger) -> None:
    """Colour and icon, each changed by its own thread, over and over: the last of each is there in the end."""
    logger.level("SHARED", no=1)

    def change(name: str, values: tuple[str, ...]) -> None:
        for _ in range(200):
            for value in values:
                logger.level("SHARED", **{name: value})  # type: ignore[arg-type]  # one option at a time

    threads = [
        threading.Thread(target=change, args=("color", ("<red>", "<blue>"))),
        threading.Thread(target=change, args=("icon", ("a", "b"))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert logger.level("SHARED") == ("SHARED", 1, "<blue>", "b")
