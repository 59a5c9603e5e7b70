"""Reading a log back: every kind of damage is seen and named for what it is."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from mplog.cli._audit import Audit, audit, log_files
from mplog.cli._ledger import FINISHED, READY, SlotCounts, stamped

PREFIX = rb"\d\d:\d\d \| "


def counts(number: int, returned: int, *, started: int | None = None) -> SlotCounts:
    """One slot as the ledger would have it."""
    begun = returned if started is None else started
    state = FINISHED if begun == returned else READY
    return SlotCounts(number, state, pid=1000 + number, started=begun, returned=returned, worst_call_ns=0)


def line(slot: int, number: int, body: str = "some text") -> bytes:
    """One whole line."""
    return f"12:34 | {stamped(slot, number, body)}\n".encode()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where a test's log goes."""
    return tmp_path / "app.log"


def check(log: Path, content: bytes, *ledger: SlotCounts, retention: bool = False) -> Audit:
    """Write *content* as the live file and audit it."""
    log.write_bytes(content)
    return audit(log, ledger, prefix=PREFIX, notice=rb"12:34 \| mplog: .*", retention=retention)


class TestBalance:
    def test_everything_once_and_in_order_balances(self, log: Path) -> None:
        """Lines of several processes may alternate as they like."""
        result = check(log, line(0, 1) + line(1, 1) + line(0, 2), counts(0, 2), counts(1, 1))
        assert result.balanced
        assert [slot.written for slot in result.slots] == [2, 1]

    def test_a_missing_record_is_seen(self, log: Path) -> None:
        """A number up to *returned* that is nowhere is a loss."""
        result = check(log, line(0, 1) + line(0, 3), counts(0, 3))
        assert result.total("missing") == 1
        assert not result.balanced

    def test_a_doubled_record_is_seen(self, log: Path) -> None:
        """A second copy counts as one, wherever it stands."""
        result = check(log, line(0, 1) + line(0, 2) + line(0, 1), counts(0, 2))
        assert (result.total("doubled"), result.total("disordered")) == (1, 1)
        assert not result.balanced

    def test_a_line_behind_a_younger_one_is_seen(self, log: Path) -> None:
        """Order within a process is part of the promise."""
        result = check(log, line(0, 2) + line(0, 1), counts(0, 2))
        assert tuple(result.total(name) for name in ("missing", "doubled", "disordered")) == (0, 0, 1)
        assert not result.balanced

    @pytest.mark.parametrize("present", [True, False])
    def test_the_undecided_record_may_be_there_or_not(self, log: Path, present: bool) -> None:
        """A call that had started and not returned when its process was killed promises nothing."""
        tail = line(0, 3) if present else b""
        result = check(log, line(0, 1) + line(0, 2) + tail, counts(0, 2, started=3))
        assert result.balanced
        assert result.total("undecided") == 1

    def test_an_undecided_record_must_not_be_there_twice(self, log: Path) -> None:
        """Undecided means none or one."""
        assert not check(log, line(0, 1) * 2, counts(0, 0, started=1)).balanced

    def test_a_record_that_nobody_logged_is_seen(self, log: Path) -> None:
        """Neither an unknown slot nor a number beyond *started* can be explained."""
        result = check(log, line(0, 1) + line(0, 2) + line(7, 1), counts(0, 1))
        assert result.foreign == 2
        assert not result.balanced


class TestTornLines:
    @pytest.mark.parametrize(
        "damaged",
        [
            line(0, 1)[:-1],
            line(0, 1)[3:],
            line(0, 1)[:20] + b"\n",
            line(0, 1)[:14] + line(0, 1),
            line(0, 1).replace(b"some", b"sane"),
            line(0, 1).replace(b"some", b"\0\0\0\0"),
            b"\n",
        ],
        ids=["no newline", "no beginning", "no end", "two halves grown together", "changed", "zeros", "empty"],
    )
    def test_a_damaged_line_is_torn(self, log: Path, damaged: bytes) -> None:
        """Whatever is not exactly what was logged is torn, and its record missing."""
        result = check(log, damaged, counts(0, 1))
        assert (result.torn, result.total("missing")) == (1, 1)
        assert [repr(damaged)] == result.torn_samples

    def test_a_torn_line_is_booked_on_its_process(self, log: Path) -> None:
        """A line that begins like one of a process counts as that process's, others only in total."""
        result = check(log, line(0, 1) + line(1, 1)[:16] + b"\n" + b"?\n", counts(0, 1), counts(1, 0))
        assert [slot.torn for slot in result.slots] == [0, 1]
        assert result.torn == 2

    def test_what_the_library_says_about_itself_is_kept_apart(self, log: Path) -> None:
        """Notices are neither records nor damage."""
        result = check(log, line(0, 1) + b"12:34 | mplog: 3 records dropped\n", counts(0, 1))
        assert result.balanced
        assert result.notices == ["12:34 | mplog: 3 records dropped"]


class TestRotatedFiles:
    def test_files_are_read_in_the_order_they_were_made(self, log: Path) -> None:
        """Names sort by time; of two made at the same time the numbered one is younger; the live one is last."""
        names = [
            "app.2026-01-31_09-00-00_000001.log",
            "app.2026-01-31_09-00-00_000001.2.log.gz",
            "app.2026-01-31_09-00-00_000001.10.log",
            "app.2026-01-31_09-00-00_000002.log",
            "app.log",
        ]
        for name in reversed(names):
            (log.parent / name).write_bytes(b"")
        assert names == [path.name for path in log_files(log)]

    def test_packed_and_plain_files_count_together(self, log: Path) -> None:
        """A record is as good in a packed file as in the live one."""
        packed = log.with_name("app.2026-01-31_09-00-00_000000.log.gz")
        packed.write_bytes(gzip.compress(line(0, 1) + line(0, 2)))
        result = check(log, line(0, 3), counts(0, 3))
        assert result.balanced
        assert [facts.lines for facts in result.files] == [2, 1]

    def test_a_packed_file_that_breaks_off_is_torn(self, log: Path) -> None:
        """An interrupted compression is damage, not an empty file."""
        packed = log.with_name("app.2026-01-31_09-00-00_000000.log.gz")
        packed.write_bytes(gzip.compress(line(0, 1))[:-9])
        assert check(log, b"", counts(0, 1)).torn

    def test_retention_excuses_the_oldest_records_only(self, log: Path) -> None:
        """A run of missing records at the beginning has expired; a gap behind it has not."""
        result = check(log, line(0, 3) + line(0, 5), counts(0, 5), retention=True)
        assert (result.total("expired"), result.total("missing")) == (2, 1)
