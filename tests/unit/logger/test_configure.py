"""Several settings at once: their order, what is replaced and what stays; logger-api.md, section 27."""

from __future__ import annotations

from typing import Any

import pytest

from mplog._logger.logger import Logger


class TestOrder:
    def test_each_step_can_use_the_one_before(self, logger: Logger) -> None:
        """Old handlers go, then levels, patcher, extra and activation are set; new handlers come last."""
        old: list[Any] = []
        new: list[Any] = []
        logger.add(old.append, format="{message}")
        ids = logger.configure(
            activation=[("", False), (__name__, True)],
            handlers=[{"sink": new.append, "level": "LOUD", "format": "{level.icon}{extra}{message}"}],
            extra={"a": 1},
            patcher=lambda record: record["extra"].update(p=2),
            levels=[{"name": "LOUD", "no": 39, "icon": "!"}],
        )
        logger.log("LOUD", "x")
        logger.warning("too low")
        assert (ids, old, new) == ([1], [], ["!{'a': 1, 'p': 2}x\n"])

    def test_an_id_is_used_up_by_what_was_refused(self, logger: Logger) -> None:
        """As by an `add()` that raises."""
        logger.add(print)
        with pytest.raises(ValueError, match="LOUD"):
            logger.configure(handlers=[{"sink": len}, {"sink": print, "level": "LOUD"}, {"sink": str}])
        assert logger.configure(handlers=[{"sink": print}]) == [3]


class TestWhatIsReplaced:
    def test_extra_is_a_copy_and_is_replaced_whole(self, logger: Logger) -> None:
        """Later changes of what was given do not show; keys of an earlier one are gone, also for views."""
        got: list[Any] = []
        logger.add(got.append, format="{extra}")
        view = logger.bind(b=2)
        given = {"a": 1, "b": 1}
        logger.configure(extra=given)
        given["c"] = 3
        view.info("x")
        logger.configure(extra={})
        view.info("x")
        assert got == ["{'a': 1, 'b': 2}\n", "{'b': 2}\n"]

    def test_nothing_given_changes_nothing(self, logger: Logger) -> None:
        """Handlers, levels, extra, patcher, activation, strictness."""
        logger.add(print)
        logger.configure(extra={"a": 1}, patcher=len, activation=[("x", False)], strict=True)
        settings, shown = logger._core.state.settings, repr(logger)
        assert logger.configure() == []
        assert (logger._core.state.settings, repr(logger)) == (settings, shown)

    def test_a_place_that_is_remembered_follows(self, logger: Logger) -> None:
        """Extra, a level's icon and the patcher, from one call site."""
        got: list[Any] = []
        logger.add(got.append, format="{level.icon} {extra} {message}")
        icon = logger.level("INFO").icon
        changes: list[dict[str, Any]] = [
            {},
            {"extra": {"a": 1}},
            {"levels": [{"name": "INFO", "icon": "i"}]},
            {"patcher": lambda record: record["extra"].update(p=1)},
            {"extra": {}},
            {"activation": [(__name__, False)]},
            {"activation": [("", True)], "levels": [{"name": "INFO", "icon": "j"}]},
        ]
        for change in changes:
            logger.configure(**change)
            for n in range(2):
                logger.info("{}", n)
        wanted = [f"{icon} {{}}", f"{icon} {{'a': 1}}", "i {'a': 1}", "i {'a': 1, 'p': 1}", "i {'p': 1}", "j {'p': 1}"]
        assert got == [f"{line} {n}\n" for line in wanted for n in range(2)]
