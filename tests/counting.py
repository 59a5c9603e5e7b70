"""How many cases the parity tests compare: counted in each test, carried by its report, summed where all reports meet.

A run of all of `tests/parity` that compares too few generated cases fails, under pytest-xdist, too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

LEAST = 50_000
"""Generated cases that a run of all parity tests has to compare."""

PARITY = Path(__file__).parent / "parity"
_PROPERTY = "generated parity cases"
_WRAPPED = "counts its examples"


class _Tally:
    """What the test that runs now has compared."""

    def __init__(self) -> None:
        self.cases = 0


_tally = _Tally()


def ran(cases: int = 1) -> None:
    """Say that *cases* generated cases were compared, and that both libraries agreed."""
    _tally.cases += cases


def counted(test: Callable[..., Any]) -> Callable[..., Any]:
    """*test*, the body of a hypothesis test, counting the examples that it comes through."""

    @functools.wraps(test)
    def counting(*args: Any, **keywords: Any) -> Any:
        result = test(*args, **keywords)
        ran()
        return result

    setattr(counting, _WRAPPED, True)
    return counting


class ParityCount:
    """The plugin; `tests/conftest.py` registers it, so that a process that only gathers reports has it, too."""

    def __init__(self) -> None:
        self.table = 0
        self.generated = 0
        self._files: set[str] = set()

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Have the examples of hypothesis counted."""
        made = getattr(getattr(item, "function", None), "hypothesis", None)
        if made is not None and item.path.parent == PARITY and not hasattr(made.inner_test, _WRAPPED):
            made.inner_test = counted(made.inner_test)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Write the number of cases of one test where its report takes it from."""
        _tally.cases = 0
        try:
            return (yield)
        finally:
            if _tally.cases:
                item.user_properties.append((_PROPERTY, _tally.cases))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Sum the passed tests of the parity directory."""
        file = report.nodeid.partition("::")[0]
        if report.when != "call" or not report.passed or "parity/" not in file:
            return
        self._files.add(file.rpartition("/")[2])
        generated = sum(value for name, value in report.user_properties if name == _PROPERTY)  # type: ignore[misc]  # ours are numbers
        self.generated += generated
        self.table += not generated

    def lacking(self, config: pytest.Config) -> bool:
        """Whether everything in the parity directory was run, and too few cases were compared."""
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        partial = any("::" in argument for argument in config.args) or (
            reporter is not None and reporter.stats.get("deselected")
        )
        whole = {path.name for path in PARITY.glob("test_*.py")} <= self._files
        return whole and not partial and self.generated < LEAST

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Fail a run that seems to have succeeded."""
        if not hasattr(session.config, "workerinput") and exitstatus == 0 and self.lacking(session.config):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any, config: pytest.Config) -> None:
        """One line."""
        if not self._files:
            return
        terminalreporter.line(f"parity: {self.table} table cases, {self.generated} generated")
        if self.lacking(config):
            terminalreporter.line(
                f"ERROR: all parity tests ran, but they compared fewer than {LEAST} generated cases: more examples "
                "are needed",
                red=True,
            )
