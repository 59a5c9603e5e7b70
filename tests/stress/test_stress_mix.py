"""Which rounds a run plays, and how one that failed is played again."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mplog.cli._audit import Audit
from stress import cli, mix
from stress.libraries import ADAPTERS
from stress.run import Bounds, Run, play_all
from stress.scenarios import PLAY, STORIES
from stress.settings import START_METHODS, Settings
from stress.verdict import Round

ONLY_FOR_ROOT = {"rights-given-up"} if os.geteuid() else set()


def planned(*words: str, count: int) -> list[Settings]:
    """The first rounds that a command line asks for."""
    return list(itertools.islice(cli.parse(words).plan, count))


class TestMix:
    @pytest.mark.parametrize("seed", [0, 17, 123_456])
    def test_sixty_seeds_in_a_row_hold_every_scenario_with_every_start_method(self, seed: int) -> None:
        """Nothing is left to luck in a short run, wherever it starts."""
        rounds = planned("all", "--seed", str(seed), count=mix.WHOLE_CYCLE)
        kills = {"kill-workers", "kill-owner", "kill-all"}
        deaths = {*kills, "raised-signal", "rights-given-up"}
        wanted = set(itertools.product({*kills, "rotation-storm", "slow-sink", "disk-full"}, START_METHODS))
        assert wanted - {(settings.scenario, settings.start_method) for settings in rounds} == set()
        assert {settings.scenario for settings in rounds} == PLAY.keys() - {"soak", "fuzz", *ONLY_FOR_ROOT}
        assert sum(settings.scenario in deaths for settings in rounds) >= 0.7 * len(rounds)

    def test_a_seed_is_a_round(self) -> None:
        """The round of a seed is the same whatever came before it."""
        long = planned("all", "--seed", "0", count=40)
        assert [planned("all", "--seed", str(seed), count=1)[0] for seed in range(40)] == long

    def test_all_runs_in_order_to_the_end_of_its_cycle(self) -> None:
        """Without a number of rounds, or minutes, there is one whole cycle."""
        assert cli.parse(["all"]).bounds.rounds == mix.WHOLE_CYCLE
        assert cli.parse(["all", "--minutes", "5"]).bounds == Bounds(rounds=None, minutes=5)

    def test_a_round_can_be_repeated(self) -> None:
        """The same seed again and again, for what does not fail each time."""
        request = cli.parse(["all", "--seed", "9", "--repeat", "3"])
        assert request.bounds.rounds == 3
        assert [settings.seed for settings in itertools.islice(request.plan, 3)] == [9, 9, 9]

    def test_no_library_is_asked_for_what_it_does_not_claim(self) -> None:
        """Rounds of a mix leave out file options that a library lacks; what is left is said to be left out."""
        for adapter in ADAPTERS:
            for settings in planned("all", "--adapter", adapter, count=60):
                reason = mix.why_not(settings)
                assert reason is None or ADAPTERS[adapter].abilities < ADAPTERS["mplog"].abilities

    def test_each_scenario_has_a_short_form_and_a_story(self) -> None:
        """What can be played alone can be compared."""
        assert mix.SHORT.keys() == PLAY.keys() == STORIES.keys()


class TestComparison:
    def test_each_scenario_with_each_library(self) -> None:
        """One pass holds each once."""
        words = [
            "compare",
            "--adapters",
            "mplog,loguru",
            "--scenarios",
            "writers,fork-storm",
            "--start-methods",
            "fork,spawn",
        ]
        request = cli.parse(words)
        assert request.bounds.rounds == 6
        rounds = list(itertools.islice(request.plan, 6))
        assert [(settings.scenario, settings.start_method, settings.adapter) for settings in rounds] == [
            ("writers", "fork", "mplog"),
            ("writers", "fork", "loguru"),
            ("writers", "spawn", "mplog"),
            ("writers", "spawn", "loguru"),
            ("fork-storm", "fork", "mplog"),
            ("fork-storm", "fork", "loguru"),
        ]

    def test_what_a_library_does_not_claim_is_left_out_and_said(self) -> None:
        """A library that knows forked children only is not tortured with spawned ones."""
        words = [
            "compare", "--adapters", "multiprocessing-logging", "--scenarios", "writers", "--start-methods", "spawn",
        ]  # fmt: skip
        request = cli.parse(words)
        run = play_all(request.plan, request.bounds, words, request.title, lambda _run: None)
        assert run.rounds == []
        assert [reason for _, reason in run.left_out] == ["does not work with 'spawn'"]


class TestKills:
    @pytest.mark.parametrize("words", ["kill-workers --processes 2", "hookless-fork --forks 2"])
    def test_more_than_there_are_to_kill(self, words: str, capsys: pytest.CaptureFixture[str]) -> None:
        """Is wrong usage, and the text says of how many."""
        with pytest.raises(SystemExit) as ended:
            cli.parse([*words.split(), "--kill", "3"])
        assert ended.value.code == 2
        option = words.split(maxsplit=1)[1]
        assert f"--kill 3 of {option}: there are not so many to kill." in capsys.readouterr().err

    def test_all_that_a_program_forks(self) -> None:
        """Its children are counted, not the processes of a tree."""
        (settings,) = planned("hookless-fork", "--forks", "9", "--kill", "9", count=1)
        assert (settings.forks, settings.kill) == (9, 9)


class TestCommandForOneRound:
    @pytest.mark.parametrize(
        ("words", "command"),
        [
            (["all", "--rounds", "2000", "--minutes=60", "--seed", "5"], "all --seed 42 --rounds 1"),
            (["all", "--html", "page.html", "--json", "--stop-early"], "all --stop-early --seed 42 --rounds 1"),
            (["soak", "--minutes", "9"], "soak --minutes 9 --seed 42 --rounds 1"),
            (["writers", "--rotation", "1 MB"], "writers --rotation '1 MB' --seed 42 --rounds 1"),
            (
                ["compare", "--rounds", "3"],
                "compare --seed 42 --adapters loguru --scenarios writers --start-methods spawn",
            ),
        ],
    )
    def test_it_names_the_seed_and_nothing_else_changes(self, words: list[str], command: str) -> None:
        """What failed in a long run is one command away."""
        settings = Settings(scenario="writers", adapter="loguru", start_method="spawn", seed=42)
        played = Round(3, 42, Audit([], [], 0, 0, [], []), 1.0, settings=settings)
        assert Run("", words).command_for(played) == f"python -m stress {command}"


class TestPrograms:
    def test_a_program_that_tortures_another_library_has_nothing_of_mplog_in_it(self) -> None:
        """What counts its calls, and what configures the other library, imports no part of this one."""
        modules = "stress.ledger, stress.libraries, stress.steps, stress.workload"
        code = f"import sys, {modules}; print([name for name in sys.modules if name.startswith('mplog')])"
        root = Path(__file__).resolve().parents[2]
        done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
        assert done.stdout == "[]\n"
