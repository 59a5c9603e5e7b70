"""The harness's comparison of the library's own counts with the ledger."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from mplog._logger.statistics import ProcessStatistics, Statistics
from mplog.cli._audit import Audit, SlotAudit
from mplog.cli._ledger import FINISHED, SlotCounts
from stress.balance import Balance, Owner, balance_findings, owners_findings, statistics_of, summed, told_findings
from stress.job import SOAK, STORM, STRANGER, TREE, Job

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


BESIDE = [SlotCounts(2, FINISHED, 8, 5, 5, 0)]
"""A thread of another program."""


def of_other(**changes: Any) -> Any:
    """The process that is asked, and one of another program, that it wrote for."""
    other = {"pid": 8, "emitted": 3, "written": 3, "dropped": 0, "failed": 0, "in_flight": 0, "ring_fill": 0.0}
    processes = snapshot().processes[0], ProcessStatistics(**{**GOOD, **other, **changes})
    return Statistics(processes, 0.0, 0, 0, None, None)


class TestProcessesOfOtherPrograms:
    def test_of_one_beside_it_may_have_written_a_part(self) -> None:
        """Another owner had the rest, and it may still have been logging."""
        assert balance_findings(of_other(), LEDGER, beside=BESIDE) == []
        assert balance_findings(of_other(emitted=4, in_flight=1), LEDGER, beside=BESIDE) == []

    @pytest.mark.parametrize(
        ("changes", "where", "text"),
        [
            ({"emitted": 6, "written": 6}, "beside", "the ledger has 0 to 5"),
            ({"emitted": 6, "written": 6}, "ended", "the ledger has 0 to 5"),
            ({"emitted": 4, "in_flight": 1}, "ended", "in flight for ever"),
            ({"emitted": 2, "in_flight": -1}, "beside", "in flight for ever"),
        ],
    )
    def test_what_cannot_be_is_found(self, changes: dict[str, Any], where: str, text: str) -> None:
        """More than there are, and what nobody will write any more."""
        (finding,) = balance_findings(of_other(**changes), LEDGER, **{where: BESIDE})  # type: ignore[arg-type]  # one of two arguments
        assert text in finding


def audited(missing: int = 0, expired: int = 0) -> Audit:
    """What was read back of `LEDGER`: seven records, of which the other two are missing and the last one failed."""
    slots = [
        SlotAudit(LEDGER[0], 4 - missing - expired, 2 + missing, expired, 0, 0, 0),
        SlotAudit(LEDGER[1], 3, 0, 0, 0, 0, 0),
    ]
    return Audit(slots, [], 0, 0, [], [])


class TestOwners:
    def owner(self, **changes: Any) -> Owner:
        """The one of `LEDGER`."""
        return Owner("tree", snapshot(**changes), frozenset({0, 1}))

    def test_counts_that_are_those_of_the_files(self) -> None:
        """Also where retention deleted some."""
        assert owners_findings([self.owner()], [audited()]) == []
        assert owners_findings([self.owner()], [audited(expired=2)], retention=True) == []

    def test_a_record_that_nobody_knows_of_may_have_been_deleted(self) -> None:
        """A killed process's last one, with all before it."""
        owner = self.owner(emitted=11, written=8)
        assert owners_findings([owner], [audited()], retention=True) == []
        assert owners_findings([owner], [audited()]) == ["tree: 8 counted as written, and 7 are there"]

    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            ({"written": 6, "dropped": 3, "emitted": 10}, "6 counted as written, and 7 are there"),
            ({"dropped": 1, "failed": 2}, "1 counted as dropped, and 2 are missing"),
            ({"dropped": 4, "failed": 0, "emitted": 11}, "4 counted as dropped, and 2 are missing"),
        ],
    )
    def test_counts_that_are_not_are_found(self, changes: dict[str, Any], text: str) -> None:
        """Although they add up."""
        assert owners_findings([self.owner(**changes)], [audited()]) == [f"tree: {text}"]

    def test_each_of_several_handlers_counts(self) -> None:
        """What one has and the other lacks is no secret to the counts."""
        owner = Owner("tree", snapshot(emitted=20, written=13, dropped=5, failed=2), frozenset({0, 1}), handlers=2)
        assert owners_findings([owner], [audited(), audited(missing=1)]) == []

    def test_what_two_owners_say_of_one_process_counts_once(self) -> None:
        """Its own owner's word."""
        guest = snapshot(emitted=5, written=2).processes[0]
        mine = of_other().processes[1]
        other = Owner("stranger", Statistics((mine, guest), 0.0, 0, 0, None, None), frozenset({2}))
        total = summed([self.owner(), other], [*LEDGER, *BESIDE])
        assert total == Balance(2, 13, 10, 2, 0, 1, 0)
        assert str(total) == "13 emitted = 10 written + 2 dropped + 0 filtered + 1 failed + 0 in flight"

    def test_a_snapshot_survives_its_way_through_a_file(self) -> None:
        """What is read back is what was taken."""
        assert statistics_of(json.loads(json.dumps(asdict(snapshot())))) == snapshot()


class TestNotices:
    TOLD = (
        "2026-01-01 | WARNING | mplog: process 7 (worker) dropped 2 records: 2 INFO; its queue was full",
        "mplog: 2026-01-01 12:00:00.123 process 7 (worker): process 7 drops records: its queue is full. They are "
        "counted, and the log will tell.\n"
        "mplog: 2026-01-01 12:00:00.123 process 7 (worker): process 8 dropped 1 record: 1 INFO; its queue was full\n"
        "mplog: 4 records were dropped here: too slow\n",
    )

    def test_they_tell_of_each_dropped_record(self) -> None:
        """In the log, in a slow sink, and on standard error where there is neither any more."""
        assert told_findings(Balance(1, 7, 0, 7), self.TOLD) == []

    def test_another_number_is_found(self) -> None:
        """In both directions."""
        assert told_findings(Balance(1, 8, 0, 8), self.TOLD) == ["8 counted as dropped, and 7 told of"]
        assert told_findings(Balance(), self.TOLD) == ["0 counted as dropped, and 7 told of"]


@pytest.mark.parametrize(
    ("job", "slots"),
    [
        ({"role": TREE, "processes": 2, "threads": 2, "own_slot": 9}, [0, 1, 2, 3, 9]),
        ({"role": STRANGER, "processes": 2, "threads": 2, "first_slot": 4}, [4, 5]),
        ({"role": STORM, "threads": 1, "forks": 3}, [0, 1, 2, 3]),
        ({"role": SOAK, "processes": 2, "lives": 2}, [0, 1, 2, 3]),
    ],
)
def test_a_program_knows_its_slots(job: dict[str, Any], slots: list[int]) -> None:
    """Those of all its processes, and no others."""
    assert list(Job(**{"adapter": "mplog", "log": "", "ledger": "", **job}).slots) == slots
