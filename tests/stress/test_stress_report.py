"""What the harness prints: on 80 columns, whom it judges, what was not played, what a long call has waited for."""

from __future__ import annotations

import io
import itertools
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from mplog.cli._audit import Audit, FileFacts, SlotAudit
from mplog.cli._ledger import FINISHED, READY, SlotCounts
from stress import latency, mix, report
from stress.balance import Balance
from stress.libraries import ADAPTERS
from stress.longest import longest_of
from stress.processor import Processor
from stress.run import Run
from stress.scenarios import PLAY
from stress.settings import START_METHODS, Settings
from stress.verdict import Round

ROOT = Path(__file__).resolve().parents[2]

WITHOUT = """
import runpy, sys
from importlib.abc import MetaPathFinder
class Nothing(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Nothing())
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in {missing!r} else found(name, package)
sys.argv[0] = "stress"
runpy.run_module("stress", run_name="__main__")
"""


def played(settings: Settings, *, lost: int = 0, worst_ms: float = 1234.5) -> Round:
    """A round with figures as wide as they may become; the second worker was killed."""
    audit = Audit(
        [
            SlotAudit(
                SlotCounts(number, state, 4_000_000 + number, 1_234_568, 1_234_567, int(worst_ms * 1e6)),
                1_234_567 - lost, lost, 0, 0, 0, 0,
            )
            for number, state in enumerate((FINISHED, READY))
        ],
        [FileFacts("stress.log", 10, 10, 1)], 0, 0, [], [],
    )  # fmt: skip
    return Round(
        0,
        settings.seed,
        audit,
        1.5,
        findings=["lost"] * bool(lost),
        roles={0: "worker 12", 1: "worker 13"},
        settings=settings,
        balance=Balance(1, 202, 200, 2) if settings.adapter == "mplog" else None,
        latency={latency.bucket_of(4_000): 150},
    )


def shown(run: Run, width: int = 80) -> str:
    """What is printed of *run*."""
    stream = io.StringIO()
    report.show(Console(file=stream, width=width), run)
    return stream.getvalue()


def comparison(*, lost: int) -> Run:
    """Every library in every scenario and way to start that it claims; mplog has lost so many records in one."""
    adapters, methods = [name for name in ADAPTERS if not name.startswith("broken-")], list(START_METHODS)
    length = mix.length_of_comparison(adapters, list(PLAY), methods)
    plan = list(itertools.islice(mix.compared(adapters, list(PLAY), methods, 0), length))
    claimed = [settings for settings in plan if mix.why_not(settings) is None]
    rounds = [played(settings, lost=lost if settings.adapter == "mplog" else 5) for settings in claimed]
    return Run("compare", ["compare"], rounds=rounds)


class TestColumns:
    @pytest.mark.parametrize("width", [80, 120])
    def test_no_line_is_wider_than_the_screen(self, width: int) -> None:
        """And no figure is broken: the names of the columns, and thousands with their commas, are there whole."""
        text = shown(comparison(lost=0), width)
        assert max(map(len, text.splitlines())) <= width
        assert "2,469,134" in text
        assert "concurrent-log-handler" in text
        words = set(text.split())
        assert {"passed", "logged", "lost", "doubled", "torn", "stuck", "p50", "p99", "longest"} <= words

    def test_so_is_a_single_round(self) -> None:
        """With its processes, and with the longest call in words."""
        text = shown(Run("kill-owner", ["kill-owner"], rounds=[played(Settings(scenario="kill-owner"))]))
        assert max(map(len, text.splitlines())) <= 80
        assert {"undecided", "doubled", "1,234,567", "killed"} <= set(text.split())
        assert "longest call: 1.2 s: worker 13 in kill-owner (fork), seed 0" in text.replace("\n", " ")


class TestWhomItJudges:
    def test_a_comparison_is_well_where_mplog_was(self) -> None:
        """Others promise something else: what they lose is in the table, and is no failure of the run."""
        run = comparison(lost=0)
        assert run.failures
        assert run.passed
        last = shown(run).splitlines()[-1]
        assert last.startswith("BALANCED: mplog: ")
        assert "the other libraries: 0 of " in " ".join(shown(run).split())

    def test_it_fails_where_mplog_did(self) -> None:
        """Whatever the others have done."""
        run = comparison(lost=3)
        assert not run.passed
        assert "FAILED: mplog: 0 of " in shown(run)

    def test_a_library_alone_is_judged_itself(self) -> None:
        """Whoever tortures one wants to know."""
        rounds = [played(Settings(scenario="kill-owner", adapter="loguru"), lost=1)]
        assert not Run("kill-owner, loguru", ["kill-owner"], rounds=rounds).passed


class TestNotPlayed:
    def test_whole_scenarios_ways_to_start_and_rounds_are_named(self) -> None:
        """So that nobody takes a short run for all there is."""
        rounds = [
            played(Settings(scenario=name, start_method=method))
            for name in PLAY
            for method in mix.methods_of(name)
            if name not in ("fuzz", "soak") and (name, method) != ("kill-all", "spawn")
        ]
        run = Run("all, mplog", ["all"], rounds=rounds, asked=60, tried=37)
        assert report.not_played(run) == [
            "not played: 23 of 60 rounds, for the time was up or one failed",
            "not played: kill-all (spawn), fuzz, soak",
        ]
        assert "not played: kill-all (spawn), fuzz, soak" in shown(run)


class TestLongestCall:
    @pytest.mark.parametrize(
        ("ms", "missed", "words"),
        [
            (5.0, {}, "worker 13 in kill-owner (fork), seed 0"),
            (
                300.0,
                {1: 295.2},
                "in kill-owner (fork), seed 0; for 295 ms of it the machine ran something else",
            ),
            (300.0, {1: 20.0}, "for the rest, perhaps: a call that finds its owner gone"),
            (300.0, {}, "perhaps the machine ran something else, which is not counted here, or a call that finds"),
        ],
    )
    def test_it_says_what_it_has_waited_for(self, ms: float, missed: dict[int, float], words: str) -> None:
        """As far as that is known; what is guessed is said to be guessed, and a short one needs no excuse."""
        round_ = played(Settings(scenario="kill-owner"), worst_ms=ms)
        round_.missed_ms = missed
        assert words in str(longest_of([round_]))

    def test_quantiles_are_not_beyond_it(self) -> None:
        """A bucket's upper bound may be."""
        round_ = played(Settings(scenario="kill-owner"), worst_ms=0.004)
        assert report.Totals([round_]).call_ms(0.99) == 0.004

    def test_the_kernel_counts_what_a_thread_has_missed(self) -> None:
        """A thread that sleeps is not ready to run: its time has gone elsewhere, and so says the count."""
        processor = Processor()
        if processor.missed_in(0) is None:
            pytest.skip("this kernel does not count it")
        processor.look()
        begun = time.perf_counter_ns()
        time.sleep(0.05)
        spent = time.perf_counter_ns() - begun
        missed = processor.missed_in(spent)
        processor.close()
        assert missed is not None
        assert 0 <= missed <= spent - 40_000_000

    def test_it_is_handed_over_in_shared_memory(self, tmp_path: Path) -> None:
        """The longest of a slot, and whether it is known; counts of calls are not mixed up with it."""
        with latency.Latencies.create(tmp_path / "latencies", 3) as latencies:
            latencies.book(1, 20_000_000)
            latencies.explain(1, 20_000_000, 15_000_000)
            latencies.explain(1, 12_000_000, 12_000_000)
            latencies.explain(2, 12_000_000, None)
            assert latencies.missed_ms() == {1: 15.0}
            assert latencies.counts().total() == 1


class TestWithoutItsExtras:
    def run(self, missing: set[str], *words: str) -> tuple[int, list[str]]:
        """Run the command where *missing* cannot be imported; its status and what it says."""
        ended = subprocess.run(
            [sys.executable, "-c", WITHOUT.format(missing=missing), *words],
            cwd=ROOT,
            env={**os.environ, "COLUMNS": "1000"},
            capture_output=True,
            text=True,
            check=False,
        )
        return ended.returncode, ended.stderr.splitlines()

    def test_it_says_in_one_line_what_to_install(self) -> None:
        """No traceback, whatever was asked for."""
        for words in ([], ["--help"], ["all"]):
            status, said = self.run({"rich"}, *words)
            assert (status, len(said)) == (2, 1), said
            assert "-m pip install -e '.[stress]'" in said[0]

    @pytest.mark.parametrize(
        ("words", "missing"),
        [
            (["compare"], "loguru"),
            (["all", "--adapter", "loguru"], "loguru"),
            (["kill-owner", "--adapter", "logging-mp"], "logging_mp"),
            (["all", "--html", "page.html"], "jinja2"),
        ],
    )
    def test_so_it_does_of_what_only_some_commands_need(self, words: list[str], missing: str) -> None:
        """Before anything is played."""
        status, said = self.run({missing}, *words)
        assert status == 2
        assert missing.replace("_", "-") in said[-1]
        assert "-m pip install -e '.[stress]'" in said[-1]
