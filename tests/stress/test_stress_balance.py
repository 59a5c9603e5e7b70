"""The harness's comparison of the library's own counts with the ledger."""

from __future__ import annotations

from typing import Any

import pytest

from mplog._logger.statistics import ProcessStatistics, Statistics
from mplog.cli._ledger import FINISHED, SlotCounts
from stress.balance import balance_findings

GOOD = {"pid": 7, "name": "worker", "emitted": 10, "written": 7, "dropped": 2, "filtered": 0, "failed": 1}


def snapshot(**changes: Any) -> Any:
    """One process as it was counted."""
    process = ProcessStatistics(**{**GOOD, "in_flight": 0, "ring_fill": 0.0, **changes})
    return Statistics((process,), 0.0, 0, 0, None, None)


LEDGER = [SlotCounts(0, FINISHED, 7, 6, 6, 0), SlotCounts(1, FINISHED, 7, 5, 4, 0)]
"""Two threads of one process, of which one was killed in a call."""


@pytest.mark.parametrize("emitted", [10, 11])
def test_a_call_that_had_not_returned_may_count_or_not(emitted: int) -> None:
    """As the log itself may have its record or not."""
    assert balance_findings(snapshot(emitted=emitted, written=emitted - 3), LEDGER) == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"written": 8}, "10 emitted, 11 settled"),
        ({"written": 6, "in_flight": 1}, "in flight for ever"),
        ({"emitted": 9, "written": 6}, "the ledger has 10 to 11"),
        ({"emitted": 12, "written": 9}, "the ledger has 10 to 11"),
        ({"pid": 8}, "no statistics"),
    ],
)
def test_what_does_not_balance_is_found(changes: dict[str, Any], text: str) -> None:
    """Each kind of disagreement has its own words."""
    (finding,) = balance_findings(snapshot(**changes), LEDGER)
    assert text in finding
