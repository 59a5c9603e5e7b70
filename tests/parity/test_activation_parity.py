"""`enable()` and `disable()` beside the compatibility reference.

logger-api.md, section 25
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twins import assert_same

NOWHERE = "no __name__ at all"


def call_from(logger: Any, name: Any) -> None:
    """Log from a module called *name*."""
    scope = {"logger": logger} if name is NOWHERE else {"logger": logger, "__name__": name}
    exec("logger.info('x')", scope)


RULES = ["", "a", "a.b", "a.b.c", "ab", "a.", ".", "b", "tests", "tests.", None]
NAMES = ["", "a", "a.b", "a.b.c", "a.bc", "ab", "ab.c", "a.", "a..b", "b", "tests", "testsuite", None, NOWHERE, 5]


class TestOneRule:
    @pytest.mark.parametrize("rule", RULES)
    def test_covers_what_the_reference_says(self, rule: str | None) -> None:
        """Every name, with one rule."""

        def calls(logger: Any) -> None:
            assert logger.disable(rule) is None
            for name in NAMES:
                if isinstance(name, (str, type(None))):
                    call_from(logger, name)
            assert logger.enable(rule) is None
            for name in NAMES:
                if isinstance(name, (str, type(None))):
                    call_from(logger, name)

        assert_same(calls)

    @pytest.mark.parametrize("name", [5, 1.5, b"a", [], object])
    def test_wrong_names_raise(self, name: Any) -> None:
        """Neither a string nor None."""
        assert assert_same(lambda log: log.enable(name)).error == "TypeError"
        assert assert_same(lambda log: log.disable(name)).error == "TypeError"
        assert assert_same(lambda log: log.configure(activation=[(name, True)])).error == "TypeError"


class TestCost:
    def test_a_disabled_call_evaluates_nothing(self) -> None:
        """No formatting, no lazy argument, no patcher."""

        def calls(logger: Any) -> list[str]:
            did: list[str] = []
            logger.disable("test_activation_parity")
            view = logger.opt(lazy=True).patch(lambda record: did.append("patched"))
            view.info("{}", lambda: did.append("called"))
            logger.info("{} {}", 1)
            logger.opt(exception=(1, 2)).info("x")
            return did

        assert assert_same(calls).result == []

    def test_the_level_is_looked_at_first(self) -> None:
        """Also a disabled module may not use a level that does not exist."""

        def calls(logger: Any) -> None:
            logger.disable("")
            logger.log("NONE", "x")

        assert assert_same(calls).error == "ValueError"

    def test_depth_decides_whose_name_counts(self) -> None:
        """It is that of the frame to which the record is attributed."""

        def calls(logger: Any) -> None:
            logger.disable("inner.module")
            scope = {"logger": logger, "__name__": "inner.module"}
            exec("def log(depth): logger.opt(depth=depth).info('x')", scope)
            for depth in (0, 1):
                scope["log"](depth)  # type: ignore[operator]  # it is a function by now
            logger.disable("test_activation_parity")
            logger.enable("inner")
            for depth in (0, 1):
                scope["log"](depth)  # type: ignore[operator]  # as above

        assert_same(calls)

    def test_patchers_have_no_influence(self) -> None:
        """A name that a patcher sets is not looked at."""

        def calls(logger: Any) -> None:
            logger.disable("other")
            logger.patch(lambda record: record.update(name="other")).info("x")

        assert len(assert_same(calls).records) == 1


class TestOnePlace:
    def test_that_is_enabled_and_disabled(self) -> None:
        """A call that is remembered follows each change."""

        def calls(logger: Any) -> None:
            for step in range(12):
                if step % 3 == 1:
                    logger.disable("test_activation_parity")
                if step % 3 == 2:
                    logger.enable("test_activation_parity")
                logger.info("step {}", step)
                logger.info("step")

        assert_same(calls)


class TestGenerated:
    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(st.lists(st.tuples(st.booleans(), st.sampled_from(RULES)), max_size=8))
    def test_any_sequence_of_rules(self, rules: list[tuple[bool, str | None]]) -> None:
        """The latest rule that covers a name decides."""

        def calls(logger: Any) -> None:
            for enabled, name in rules:
                (logger.enable if enabled else logger.disable)(name)
            for name in NAMES:
                if isinstance(name, (str, type(None))):
                    call_from(logger, name)

        assert_same(calls)
