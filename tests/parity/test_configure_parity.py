"""`configure()` and `level()` beside the compatibility reference.

logger-api.md, section 27
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twins import assert_same, error_of, twins


def add(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda record: record["extra"].__setitem__(name, value)


def handlers_of(logger: Any) -> str:
    text = repr(logger)
    return text[text.index("handlers=") :]


def ids(logger: Any) -> Any:
    got: list[str] = []
    first = logger.configure(handlers=[{"sink": got.append, "format": "{message}"}, {"sink": print, "level": 100}])
    logger.info("x")
    second = logger.configure(handlers=[])
    logger.info("y")
    third = logger.configure(handlers=[{"sink": got.append, "format": "{level.no}"}])
    logger.info("z")
    return first, second, third, got


def new_levels_in_handlers(logger: Any) -> Any:
    got: list[str] = []
    logger.configure(
        levels=[{"name": "NEW", "no": 12, "color": "", "icon": "!"}, {"name": "INFO", "icon": "i"}],
        handlers=[{"sink": got.append, "level": "NEW", "format": "{level} {level.icon} {message}", "colorize": False}],
    )
    logger.log("NEW", "x")
    logger.info("y")
    logger.debug("z")
    return got, logger.level("NEW"), logger.level("INFO")


def errors(logger: Any) -> Any:
    notes = []
    for arguments in (
        {"levels": [{"name": "ONE", "no": 1}, {"name": "INFO", "no": 1}], "extra": {"a": 1}},
        {"extra": {"b": 1}, "activation": [("x", False), (5, True)]},
        {"levels": [{"nam": "TWO"}]},
        {"handlers": [{"format": "x"}]},
        {"handlers": [{"sink": print, "unknown": 1}]},
        {"handlers": 5},
        {"levels": 5},
        {"activation": 5},
        {"activation": [("a",)]},
        {"extra": 5},
        {"unknown": 1},
    ):
        try:
            logger.configure(**arguments)
        except Exception as error:  # noqa: BLE001 - which, is what is compared
            notes.append(error_of(error))
    return notes


CASES: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda log: (log.configure(), log.info("x")),
    "extra": lambda log: (log.configure(extra={"a": 1}), log.info("x"), log.configure(extra={"b": 1}), log.info("y")),
    "extra, empty": lambda log: (log.configure(extra={"a": 1}), log.configure(extra={}), log.info("y")),
    "extra from pairs": lambda log: (log.configure(extra=[("a", 1)]), log.info("x")),
    "extra shows through": lambda log: (
        [view := log.bind(a=1), log.configure(extra={"a": 2, "b": 2})][1],
        view.info("x"),
    ),
    "extra is copied": lambda log: (
        [given := {"a": 1}, log.configure(extra=given), given.update(b=2)][2],
        log.info("x"),
    ),
    "patcher": lambda log: (log.configure(patcher=add("p", 1)), log.info("x"), log.bind(a=1).info("y")),
    "patcher replaced": lambda log: (
        log.configure(patcher=add("p", 1)),
        log.configure(patcher=add("q", 1)),
        log.info("x"),
    ),
    "patcher kept": lambda log: (log.configure(patcher=add("p", 1)), log.configure(extra={"a": 1}), log.info("x")),
    "activation": lambda log: (
        log.configure(activation=[("", False), ("test_configure_parity", True)]),
        log.info("x"),
        log.configure(activation=[("test_configure_parity", False)]),
        log.info("y"),
    ),
    "ids": ids,
    "new levels in handlers": new_levels_in_handlers,
    "errors": errors,
    "generators": lambda log: (
        log.configure(levels=iter([{"name": "G", "no": 5}]), activation=iter([("", True)])),
        log.log("G", "x"),
    ),
    "level": lambda log: [log.level("INFO"), log.level("NEW", 5), log.level("NEW", icon="x"), log.level("NEW")],
    "level equals a tuple": lambda log: log.level("NEW", no=5, color="<red>", icon="x") == ("NEW", 5, "<red>", "x"),
    "level, unknown": lambda log: log.level("NONE"),
    "level, unknown update": lambda log: log.level("NONE", icon="x"),
    "level, known number": lambda log: log.level("INFO", 20),
    "level, negative": lambda log: log.level("NEW", -1),
    "level, float": lambda log: log.level("NEW", 1.5),
    "level, text": lambda log: log.level("NEW", "5"),
    "level, name no text": lambda log: log.level(5),
    "level, bad colour": lambda log: log.level("NEW", 5, color="<nothing>"),
    "level, closing colour": lambda log: log.level("NEW", 5, color="<red>x</red>"),
    "level, spaces": lambda log: log.level("NEW", 5, color=" <red> "),
    "level, level in colour": lambda log: log.level("NEW", 5, color="<level>"),
}


class TestConfigure:
    @pytest.mark.parametrize("name", CASES)
    def test_same_outcome(self, name: str) -> None:
        """Results, errors and the records that follow."""
        assert_same(CASES[name])

    def test_handlers_are_replaced(self) -> None:
        """All of them, also by none. What an error leaves is another matter, see unit/logger/test_configure.py."""
        with twins() as both:
            shown = []
            for logger in both:
                logger.add(print)
                logger.configure(handlers=[{"sink": print}, {"sink": len}])
                before = handlers_of(logger)
                logger.configure(handlers=[])
                shown.append((before, handlers_of(logger), logger.configure(handlers=[{"sink": print}])))
        assert shown[0] == shown[1]


extras = st.dictionaries(st.sampled_from("abc"), st.integers(0, 3), max_size=2)
steps = st.fixed_dictionaries(
    {},
    optional={
        "extra": extras,
        "patcher": st.sampled_from([add("p", 1), add("a", 9), None]),
        "activation": st.lists(
            st.tuples(st.sampled_from(["", "test_configure_parity", "x", None]), st.booleans()), max_size=3
        ),
        "levels": st.lists(
            st.fixed_dictionaries(
                {"name": st.sampled_from(["A", "B", "INFO"])},
                optional={"no": st.integers(-1, 60), "icon": st.sampled_from("xy"), "color": st.just("<red>")},
            ),
            max_size=2,
        ),
    },
)


class TestGenerated:
    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(st.lists(steps, max_size=6))
    def test_any_sequence_of_configurations(self, plan: list[dict[str, Any]]) -> None:
        """After each, the same records from the same calls."""

        def calls(logger: Any) -> list[str]:
            notes, bound = [], logger.bind(b=7)
            for arguments in plan:
                try:
                    notes.append(str(logger.configure(**arguments)))
                except ValueError as error:
                    notes.append(error_of(error))
                    break  # The reference has done some of it, and mplog nothing.
                for level in ("A", "INFO"):
                    try:
                        bound.log(level, "x")
                    except ValueError as error:
                        notes.append(error_of(error))
                logger.info("plain")
            return notes

        assert_same(calls)
