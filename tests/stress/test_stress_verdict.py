"""The harness's verdict on files, and its command line."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections import Counter
from pathlib import Path

import pytest

from mplog.cli._audit import FileFacts
from stress import cli, phase
from stress.arena import _runs
from stress.job import Job
from stress.sizes import size_limit
from stress.verdict import file_findings


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job with a size limit of 100 bytes in an otherwise empty directory."""
    return Job(role="tree", adapter="mplog", log=str(tmp_path / "app.log"), ledger="", rotation="100 B")


def facts(name: str, plain_bytes: int = 50, lines: int = 5) -> FileFacts:
    """One file as it was read."""
    return FileFacts(name, plain_bytes, plain_bytes, lines)


class TestWhoRuns:
    def test_a_process_that_is_reaped_while_it_is_looked_at_does_not_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its end was waited for, and taken back in that moment, so that a round failed."""
        pid = os.fork()
        if not pid:
            os._exit(0)

        def gone(_path: Path) -> str:
            os.waitpid(pid, 0)
            raise FileNotFoundError

        monkeypatch.setattr(Path, "read_text", gone)
        assert not _runs(pid)


class TestFiles:
    def test_files_within_the_options_are_well(self, job: Job) -> None:
        """Nothing is found where nothing is wrong."""
        assert file_findings([facts("app.1.log"), facts("app.log")], job) == []

    def test_a_file_over_the_limit_is_found(self, job: Job) -> None:
        """A limit is a limit."""
        (finding,) = file_findings([facts("app.log", 101)], job)
        assert "101 bytes, over the limit of 100" in finding

    def test_a_single_record_may_be_over_the_limit(self, job: Job) -> None:
        """A record that is larger than a file may be has a file of its own."""
        assert file_findings([facts("app.1.log", 101, lines=1)], job) == []

    def test_an_empty_rotated_file_is_found(self, job: Job) -> None:
        """Nobody needs a rotation of nothing."""
        assert file_findings([facts("app.1.log", 0, 0)], job) == ["app.1.log is empty"]

    def test_a_rotated_file_that_was_never_compressed_is_found(self, job: Job) -> None:
        """Compression is finished by whoever comes next."""
        packing = dataclasses.replace(job, compression="gz")
        files = [facts("app.1.log"), facts("app.2.log.gz"), facts("app.log")]
        assert file_findings(files, packing) == ["app.1.log was never compressed"]

    def test_too_many_rotated_files_are_found(self, job: Job) -> None:
        """Retention by count is exact once everyone has ended."""
        keeping = dataclasses.replace(job, retention=1)
        (finding,) = file_findings([facts("app.1.log"), facts("app.2.log"), facts("app.log")], keeping)
        assert finding.startswith("2 rotated files")

    def test_anything_beside_the_log_is_found(self, job: Job, tmp_path: Path) -> None:
        """Temporary names, lock files and the like have no business there."""
        (tmp_path / ".app.tmp").touch()
        assert file_findings([], job) == ["beside the log: .app.tmp"]

    @pytest.mark.parametrize(
        ("text", "size"),
        [("1 MB", 1_000_000), ("200 KB", 200_000), ("0.5 MiB", 524_288), ("90 B", 90), ("1 day", None), (None, None)],
    )
    def test_sizes_are_read_as_the_library_reads_them(self, text: str | None, size: int | None) -> None:
        """Decimal units unless there is an i in them; what is no size has no limit."""
        assert size == size_limit(text)


class TestCommandLine:
    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (["writers", "--processes", "2", "--kill", "3"], "not so many to kill"),
            (["kill-owner", "--start-method", "strangers"], "invalid choice"),
            (["kill-owner", "--aim", "2"], "from 0 to 1"),
            (["writers", "--rotation", "daily"], "not a size"),
            (["writers", "--filler", "9-3"], "first number is the smaller"),
            (["writers", "--records", "0"], "above zero"),
        ],
    )
    def test_wrong_usage_ends_with_2_and_says_what_is_right(
        self, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """No run is started on a misunderstanding."""
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        assert ended.value.code == 2
        assert says in capsys.readouterr().err

    def test_each_round_has_its_own_seed(self) -> None:
        """A round that failed can be repeated alone."""
        plan = cli.parse(["kill-owner", "--seed", "7"]).plan
        assert [settings.seed for settings in itertools.islice(plan, 3)] == [7, 8, 9]


class TestPhases:
    def test_the_share_counts_from_intent_to_the_move_of_a_head(self) -> None:
        """Phases 2, 3 and 4 are the commit; idle, draining and moved are not."""
        assert phase.share_committing(Counter({0: 1, 1: 1, 2: 1, 3: 1, 4: 1, 5: 1})) == 0.5

    def test_the_word_is_shared_through_its_file(self, tmp_path: Path) -> None:
        """What another process stores in the file's first word is what the harness reads."""
        with phase.PhaseWord(tmp_path / "phase") as word:
            with (tmp_path / "phase").open("r+b") as file:
                file.write((3).to_bytes(4, "little"))
            assert word.value == 3
            assert word.wait_for(3, deadline=float("inf"))

    def test_waiting_for_a_step_that_never_comes_ends(self, tmp_path: Path) -> None:
        """A library without phases does not stop the harness."""
        with phase.PhaseWord(tmp_path / "phase") as word:
            assert not word.wait_for(phase.INTENDED, deadline=0)
