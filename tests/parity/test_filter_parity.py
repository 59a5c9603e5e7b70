"""Filters beside the compatibility reference; logger-api.md, sections 8 and 10."""

from __future__ import annotations

from typing import Any

import pytest
from beside import pair
from hypothesis import given, settings
from hypothesis import strategies as st

MODULES = ["a", "a.b", "a.b.c", "a.bc", "ab", "b", "", ".", "a.", ".a", "a..b", None]
LEVELS = ["TRACE", "INFO", "ERROR", 0, 5, 20, 21, 33]


def passed(logger: Any, filter_: Any) -> list[tuple[Any, Any]] | tuple[type, str]:
    """Which of all modules and levels pass, twice from each call site; or what `add()` raises."""
    got: list[Any] = []
    try:
        logger.add(got.append, filter=filter_, level=0, format="{level.no}", catch=False)
    except Exception as error:  # noqa: BLE001 - compared
        return type(error), str(error).split(",")[0].split(" not exist")[0].split("'filter")[0]
    for name in MODULES:
        code = compile("for level in levels * 2: logger.log(level, 'x')", "made.py", "exec")
        exec(code, {"logger": logger, "levels": LEVELS, "__name__": name})
    logger.remove()
    return [(message.record["name"], message.record["level"].no) for message in got]


def same(filter_: Any) -> bool:
    """Whether both libraries do the same."""
    theirs, ours = [passed(logger, filter_) for logger in pair()]
    assert ours == theirs
    return True


TABLE: list[Any] = [
    None,
    "",
    "a",
    "a.b",
    "a.",
    ".",
    "nothing",
    {},
    {"a": True},
    {"a": False},
    {"": False},
    {"": True},
    {"": "WARNING"},
    {None: False},
    {None: 20},
    {None: "ERROR", "": "ERROR", "a": "DEBUG", "a.b": 21, "a.b.c": False},
    {"a": 0},
    {"a": 10**30},
    {"": False, "a.b": True},
    {"a.": False},
    {".": 30},
    {"a": "LOUD"},
    {"a": -1},
    {"a": 1.5},
    {"a": None},
    {"a": b"INFO"},
    {5: "INFO"},
    {("a",): "INFO"},
    {None: "LOUD"},
    5,
    b"a",
    ["a"],
    filter,
    lambda record: record["level"].no > 20,
    lambda record: record["name"],
    lambda record: [],
]


class TestFilters:
    @pytest.mark.parametrize("filter_", TABLE, ids=range(len(TABLE)))
    def test_table(self, filter_: Any) -> None:
        """Names, dicts, functions, and what none of them is."""
        assert same(filter_)

    @settings(deadline=None, max_examples=60, derandomize=True)
    @given(
        st.dictionaries(
            st.sampled_from(MODULES),
            st.booleans() | st.integers(0, 40) | st.sampled_from(["TRACE", "INFO", "CRITICAL"]),
            max_size=5,
        )
    )
    def test_any_dict(self, filter_: dict[Any, Any]) -> None:
        """The first of the module, its parents and "" decides."""
        assert same(filter_)

    @settings(deadline=None, max_examples=40, derandomize=True)
    @given(st.text(alphabet="ab.", max_size=5))
    def test_any_name(self, name: str) -> None:
        """By whole dotted parts."""
        assert same(name)

    def test_a_dict_is_read_once(self) -> None:
        """What happens to it, or to levels, after `add()` changes nothing."""
        counts = []
        for logger in pair():
            got: list[str] = []
            mine: dict[Any, Any] = {"": "ERROR"}
            logger.add(got.append, filter=mine)
            mine[""] = 0
            for _ in range(3):
                logger.info("x")
                logger.error("x")
            counts.append(len(got))
            logger.remove()
        assert counts == [3, 3]
