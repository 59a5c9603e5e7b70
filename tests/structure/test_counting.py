"""The count of parity cases, and that a whole run with too few of them fails."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from counting import LEAST, PARITY, ParityCount

FILES = [path.name for path in PARITY.glob("test_*.py")]


def counted(files: list[str], cases: int) -> ParityCount:
    """After one passed test of each file, the first with *cases* generated ones."""
    count = ParityCount()
    for file in files:
        properties = [("generated parity cases", cases)] if file == files[0] else []
        report: Any = SimpleNamespace(
            nodeid=f"tests/parity/{file}::test", when="call", passed=True, user_properties=properties
        )
        count.pytest_runtest_logreport(report)
    return count


def finish(count: ParityCount, *arguments: str, deselected: bool = False) -> int:
    """The exit status of a run that came to 0 without the count."""
    reporter = SimpleNamespace(stats={"deselected": [1]} if deselected else {})
    manager = SimpleNamespace(get_plugin=lambda _: reporter)
    session: Any = SimpleNamespace(config=SimpleNamespace(args=arguments, pluginmanager=manager), exitstatus=0)
    count.pytest_sessionfinish(session, 0)
    return int(session.exitstatus)


class TestTheCheck:
    def test_enough(self) -> None:
        """A whole run with enough cases passes; tests without generated ones are the table."""
        count = counted(FILES, LEAST)
        assert (finish(count, "tests"), count.generated, count.table) == (0, LEAST, len(FILES) - 1)

    def test_too_few(self) -> None:
        """One case less fails."""
        assert finish(counted(FILES, LEAST - 1), "tests") == pytest.ExitCode.TESTS_FAILED

    def test_a_part_may_have_few(self) -> None:
        """Some files, some tests of a file, a selection by words."""
        assert finish(counted(FILES[1:], 5), "tests/parity") == 0
        assert finish(counted(FILES, 5), "tests/parity/test_time_parity.py::test_tokens_agree") == 0
        assert finish(counted(FILES, 5), "tests", deselected=True) == 0
