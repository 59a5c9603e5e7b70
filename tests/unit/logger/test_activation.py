"""Which names a rule is about, and which of several rules counts; logger-api.md, section 25."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mplog._logger.logger import Logger
from mplog._logger.settings import Activation, covers


class TestCovers:
    @pytest.mark.parametrize(
        ("rule", "name", "expected"),
        [
            ("", "", True),
            ("", "a.b", True),
            ("a", "a", True),
            ("a", "a.b.c", True),
            ("a", "ab", False),
            ("a.b", "a", False),
            ("a.", "a", False),
            ("a.", "a..b", True),
            (".", "a", False),
            ("tests", "testsuite.unit", False),
        ],
    )
    def test_by_whole_parts(self, rule: str, name: str, expected: bool) -> None:
        """A module, and what is inside of it."""
        assert covers(rule, name) is expected


NAMES = st.sampled_from(["", "a", "a.b", "a.b.c", "ab", "b"])


class TestRules:
    def test_none_that_a_later_one_covers_is_kept(self) -> None:
        """However often somebody switches, there is no more to look through than names."""
        activation = Activation()
        for _ in range(100):
            activation = activation.changed("a.b", False).changed("a.c", True).changed("a", False)
        assert activation.rules == (("a", False),)
        assert activation.changed("", True).rules == (("", True),)

    def test_those_without_a_name_are_apart(self) -> None:
        """`None` is their rule, and `""` is not."""
        assert Activation().changed("", False).allows(None)
        assert not Activation().changed(None, False).changed("", True).allows(None)

    @settings(max_examples=200, deadline=None, derandomize=True)
    @given(st.lists(st.tuples(NAMES | st.none(), st.booleans()), max_size=8), NAMES | st.none())
    def test_the_latest_that_covers_a_name_decides(
        self, rules: list[tuple[str | None, bool]], name: str | None
    ) -> None:
        """Whatever was dropped meanwhile; and a copy from another process decides the same."""
        activation = Activation()
        expected = True
        for rule, enabled in rules:
            activation = activation.changed(rule, enabled)
            if rule is None or name is None:
                expected = enabled if rule is name else expected
            elif covers(rule, name):
                expected = enabled
        assert activation.allows(name) is expected
        assert pickle.loads(pickle.dumps(activation)).allows(name) is expected
        if activation.allows_all:
            assert expected


class TestLogger:
    def test_all_views_and_threads_obey(self, logger: Logger) -> None:
        """It is a setting of the process, not of the logger that it was said to."""
        got: list[Any] = []
        logger.add(got.append, format="{message}")
        view = logger.bind(a=1)
        view.disable(__name__)
        thread = threading.Thread(target=logger.info, args=("from a thread",))  # Its caller is `threading`.
        thread.start()
        thread.join()
        logger.info("dropped")
        view.opt(lazy=True).info("{}", pytest.fail)
        logger.enable(__name__)
        view.info("back")
        assert got == ["from a thread\n", "back\n"]

    def test_a_refused_name_changes_nothing(self, logger: Logger) -> None:
        """The text says what is one."""
        got: list[Any] = []
        logger.add(got.append, format="{message}")
        for call in (logger.enable, logger.disable):
            with pytest.raises(TypeError, match=r"should be a string \(or None\), not: 'int'"):
                call(5)  # type: ignore[arg-type]  # which is the point
        logger.info("x")
        assert got == ["x\n"]
