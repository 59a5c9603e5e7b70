"""The report as a page, and what its pictures are made of."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mplog.cli._audit import Audit, FileFacts, SlotAudit
from mplog.cli._ledger import FINISHED, READY, SlotCounts
from stress import latency, pictures
from stress.balance import Balance
from stress.page import page
from stress.run import Run
from stress.settings import Settings
from stress.timeline import Course, Kill
from stress.verdict import Round, early_rotations, numbered_files

HOSTILE = '<script>alert("1")</script>&'


def slot(number: int, state: int, missing: int = 0) -> SlotAudit:
    """One process's figures: 100 calls, the last one under way."""
    counts = SlotCounts(number, state, 1000 + number, started=101, returned=100, worst_call_ns=5_000_000)
    return SlotAudit(counts, written=100 - missing, missing=missing, expired=0, doubled=0, disordered=0, torn=0)


def played(adapter: str = "mplog", missing: int = 0, findings: tuple[str, ...] = ()) -> Round:
    """A round in which one worker of two was killed."""
    audit = Audit([slot(0, FINISHED), slot(1, READY, missing)], [FileFacts("stress.log", 10, 10, 1)], 0, 0, [], [])
    return Round(
        0,
        7,
        audit,
        1.5,
        findings=list(findings),
        roles={0: HOSTILE, 1: "worker 1"},
        settings=Settings(scenario="kill-workers", adapter=adapter, rotation="1 KB"),
        kills=[Kill(0.4, "worker", "worker 1", phase=2, in_call=True)],
        course=Course([0.0, 0.5, 1.0], [[0, 0], [50, 90], [100, 100]], [(0.9, "disk full")]),
        balance=Balance(1, 202, 200, 2) if adapter == "mplog" else None,
        latency={latency.bucket_of(4_000): 150, latency.bucket_of(5_000_000): 1},
    )


class Elements(HTMLParser):
    """Which elements a page has, and whether they are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()
        self.open: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it, and that it has to be closed."""
        self.seen[tag] += 1
        self.links += [str(value) for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it; it is closed already."""
        self.seen[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        """Close the last one, which must be it."""
        assert self.open.pop() == tag


class TestPage:
    def test_it_is_whole_and_needs_nothing_from_elsewhere(self) -> None:
        """Every element is closed, and there is no link, script, font or picture to load."""
        text = page(Run("all, mplog", ["all"], rounds=[played()]))
        elements = Elements(text)
        assert elements.open == []
        assert elements.links == []
        assert elements.seen["script"] == 0
        assert not re.search(r"url\(|@import|https?://", text)
        assert elements.seen["svg"] == 3

    def test_what_comes_from_outside_is_escaped(self) -> None:
        """A process's name or a program's words cannot become markup, neither in the text nor in a picture."""
        text = page(Run(HOSTILE, ["all", HOSTILE], rounds=[played(findings=(f"{HOSTILE}\n{HOSTILE}",))]))
        assert "<script" not in text
        assert text.count("&lt;script&gt;") >= 5

    def test_a_failed_round_says_what_is_wrong_and_how_to_repeat_it(self) -> None:
        """The verdict, the finding, the seed."""
        text = page(Run("all, mplog", ["all"], rounds=[played(missing=3, findings=("3 records missing",))]))
        assert "✗ failed" in text
        assert "3 records missing" in text
        assert "python -m stress all --seed 7 --rounds 1" in text

    def test_libraries_stand_side_by_side(self) -> None:
        """Each has a cell, also one that was not asked, with the reason."""
        rounds = [played(), played("loguru", missing=30, findings=("30 records missing",))]
        left_out = [(Settings(scenario="kill-workers", adapter="loguru"), "unused"),
                    (Settings(scenario="kill-workers", adapter="file-handler"), "does not fork")]  # fmt: skip
        text = page(Run("compare", ["compare"], rounds=rounds, left_out=left_out))
        assert "30 of 200 lost (15.0%)" in text
        assert "mplog, balance: 202 emitted = 200 written + 2 dropped + 0 filtered + 0 failed + 0 in flight" in text
        assert "loguru, balance" not in text
        assert text.index("✓ balanced") < text.index("✗ failed")
        assert "does not fork" in text


class TestPictures:
    def test_they_are_well_formed(self) -> None:
        """An SVG reader takes each of them."""
        round_ = played()
        counts = Counter(round_.latency)
        for picture in (
            pictures.histogram(counts, 5.0),
            pictures.course(round_),
            pictures.phases({"worker": Counter({0: 3, 9: 1}), "all": Counter()}),
            pictures.ranges([("mplog", counts, 5.0), (HOSTILE, counts, 900.0), ("silent", Counter(), 0.0)]),
        ):
            assert ElementTree.fromstring(picture).tag == "svg"

    def test_a_killed_worker_has_a_cross_and_its_circumstances(self) -> None:
        """Where the line ends, and what was going on."""
        picture = pictures.course(played())
        assert picture.count('class="cross"') == 1
        assert "worker 1: inside of a log call, the writer: intent written" in picture
        assert "disk full" in picture

    @pytest.mark.parametrize(
        ("nanoseconds", "text"),
        [(900, "900 ns"), (4_100, "4.1 µs"), (1e6, "1 ms"), (25_300_000, "25 ms"), (2e9, "2 s")],
    )
    def test_times_are_short(self, nanoseconds: float, text: str) -> None:
        """Two digits are enough on an axis."""
        assert pictures.duration(nanoseconds) == text


class TestLatencies:
    def test_every_time_lies_in_its_bucket(self) -> None:
        """From a nanosecond to minutes, the bounds are those that the picture draws."""
        times = {base + more for base in (2**bits for bits in range(37)) for more in (-1, 0, 1, base // 3, base // 2)}
        for nanoseconds in sorted(time for time in times if time > 0):
            bucket = latency.bucket_of(nanoseconds)
            if nanoseconds >= 4:
                assert latency.lower_bound(bucket) <= nanoseconds < latency.lower_bound(bucket + 1)

    def test_processes_count_in_slots_of_their_own(self, tmp_path: Path) -> None:
        """What is read back is the sum over all of them."""
        with latency.Latencies.create(tmp_path / "latencies", 3) as latencies:
            with latency.Latencies(tmp_path / "latencies") as elsewhere:
                elsewhere.book(2, 5_000)
            latencies.book(0, 5_000)
            assert latencies.counts() == Counter({latency.bucket_of(5_000): 2})

    def test_quantiles_are_upper_bounds(self) -> None:
        """99 of 100 calls were at most so long, within a quarter of a doubling."""
        counts = Counter({latency.bucket_of(1_000_000): 99, latency.bucket_of(64_000_000): 1})
        assert 1.0 <= latency.quantile(counts, 0.99) <= 1.25
        assert 64.0 <= latency.quantile(counts, 1.0) <= 80.0
        assert latency.quantile(Counter(), 0.5) == 0.0


class TestFiles:
    def test_numbered_files_are_read_from_the_oldest(self, tmp_path: Path) -> None:
        """The highest number is the oldest, the file without one is being written."""
        for name in (
            "stress.log",
            "stress.log.1",
            "stress.log.10.gz",
            "stress.log.2",
            ".__stress.lock",
            "stress.log.x",
        ):
            (tmp_path / name).touch()
        found = [path.name for path in numbered_files(tmp_path / "stress.log")]
        assert found == ["stress.log.10.gz", "stress.log.2", "stress.log.1", "stress.log"]

    def test_a_file_that_had_room_for_any_record_was_rotated_early(self) -> None:
        """The live file may be as short as it likes."""
        files = [
            FileFacts("a.1.log", 60, 60, 3, longest_line=40), FileFacts("a.2.log", 61, 61, 3, longest_line=30),
            FileFacts("a.log", 1, 1, 1, longest_line=1),
        ]  # fmt: skip
        assert early_rotations(files, 100) == ["a.1.log was rotated early, with 60 of 100 bytes"]
