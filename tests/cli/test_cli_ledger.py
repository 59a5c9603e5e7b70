"""The ledger: counters around each call, in a file that outlives their process."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from mplog.cli._ledger import FINISHED, GO, HOLD, READY, Ledger, LedgerError, stamped


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test's ledger goes."""
    return tmp_path / "ledger"


class TestCounters:
    def test_started_is_stored_before_the_call_and_returned_after_it(self, path: Path) -> None:
        """A process killed inside a call leaves exactly one undecided record."""
        with Ledger.create(path, 1) as ledger:
            slot = ledger.slot(0)
            during: list[tuple[int, int]] = []

            def log(_text: str) -> None:
                counts = slot.counts()
                during.append((counts.started, counts.returned))

            slot.call(log, "a")
            slot.call(log, "b")

            assert during == [(1, 0), (2, 1)]
            assert (slot.counts().started, slot.counts().returned) == (2, 2)

    def test_before_and_after_count_like_a_call(self, path: Path) -> None:
        """Callers that want their own call site in the line get the same text and the same counters."""
        with Ledger.create(path, 1) as ledger:
            slot = ledger.slot(0)
            text = slot.before("body")
            assert (slot.counts().started, slot.counts().returned) == (1, 0)
            slot.after()
            assert (slot.counts().started, slot.counts().returned) == (1, 1)
            assert stamped(0, 1, "body") == text

    def test_counters_survive_a_killed_process(self, path: Path) -> None:
        """What a process stored before SIGKILL is there for everyone else."""
        with Ledger.create(path, 2) as ledger:
            pid = os.fork()
            if not pid:
                slot = ledger.slot(1)
                slot.begin()
                for _ in range(3):
                    slot.call(lambda _text: None, "x")
                os.kill(os.getpid(), signal.SIGKILL)
            os.waitpid(pid, 0)
            (counts,) = ledger.counts()
            assert (1, pid, READY, 3, 3) == (
                counts.number,
                counts.pid,
                counts.state,
                counts.started,
                counts.returned,
            )

    def test_the_worst_call_is_remembered(self, path: Path) -> None:
        """The slot keeps the longest call, not the last one."""
        with Ledger.create(path, 1) as ledger:
            slot = ledger.slot(0)

            def slow(_text: str) -> None:
                sum(range(200_000))

            slot.call(slow, "slow")
            worst = slot.counts().worst_call_ns
            slot.call(lambda _text: None, "fast")
            assert 0 < worst == slot.counts().worst_call_ns


class TestFile:
    def test_two_mappings_see_each_other(self, path: Path) -> None:
        """The signal that one process stores is what another one reads."""
        with Ledger.create(path, 1) as ours, Ledger(path) as theirs:
            assert theirs.signal == HOLD
            ours.signal = GO
            assert theirs.signal == GO

    def test_unused_slots_are_not_listed(self, path: Path) -> None:
        """Only processes that began to log have to account for anything."""
        with Ledger.create(path, 3) as ledger:
            ledger.slot(2).begin()
            ledger.slot(2).finish()
            assert [(counts.number, counts.state) for counts in ledger.counts()] == [(2, FINISHED)]

    def test_a_slot_that_does_not_exist_is_refused(self, path: Path) -> None:
        """The text says how many there are and what to do."""
        with (
            Ledger.create(path, 3) as ledger,
            pytest.raises(LedgerError, match=r"slot 3 of 3 .* more slots"),
        ):
            ledger.slot(3)

    def test_another_file_is_refused(self, path: Path) -> None:
        """A file without the magic number is never counted in."""
        path.write_bytes(bytes(128))
        with pytest.raises(LedgerError, match="magic number"):
            Ledger(path)

    def test_an_existing_ledger_is_never_overwritten(self, path: Path) -> None:
        """Two rounds cannot share a ledger by mistake."""
        Ledger.create(path, 1).close()
        with pytest.raises(FileExistsError):
            Ledger.create(path, 1)
