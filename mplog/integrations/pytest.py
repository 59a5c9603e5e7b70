"""A plugin for pytest: the fixture `mplog_records`, and what it holds in the report of a test that has failed.

pytest finds it by itself where mplog is installed; `-p no:mplog` does without. For tests that do not use the fixture it
does nothing.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mplog.testing import Records

_STASHED = pytest.StashKey["Records"]()


@pytest.fixture
def mplog_records(request: pytest.FixtureRequest) -> Iterator[Records]:
    """What this test logs with mplog, and what its child processes log: see `mplog.testing.Records`."""
    from mplog.testing import capture

    with capture() as records:
        request.node.stash[_STASHED] = records
        yield records


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the records of a test that has failed."""
    report = yield
    records = item.stash.get(_STASHED, None)
    if report.when == "call" and report.failed and records is not None:
        lines = [
            f"{record['level'].name: <8} {record['process'].name}:{record['name']}:{record['line']} {record['message']}"
            for record in records
        ]
        report.sections.append(("mplog records", "\n".join(lines)))
    return report
