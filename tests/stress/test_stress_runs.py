"""Small runs of the harness: the library passes, deliberately broken builds of it do not."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stress import mix, workshop
from stress.scenarios import disk_full, writers

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 100.0


def run(*arguments: str) -> tuple[int, dict[str, Any]]:
    """Run the harness; return its exit status and what it found out."""
    command = [sys.executable, "-m", "stress", *arguments, "--json"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        output, said = process.communicate(timeout=PATIENCE)
    except BaseException:
        process.send_signal(signal.SIGINT)  # it ends its programs, which have groups of their own, before itself
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        raise
    assert process.returncode in (0, 1), said
    return process.returncode, json.loads(output)


def what_is_wrong(found: dict[str, Any]) -> list[str]:
    """Every finding of every round."""
    return [f"round {round_['number']}: {finding}" for round_ in found["rounds"] for finding in round_["findings"]]


OWNER_DIES = (
    "kill-owner", "--exact", "1", "--afterwards", "1.2", "--rotation", "10 KB", "--compression", "gz", "--rate", "5000",
)  # fmt: skip
"""Deaths at exact steps of commits that rotation splits: where a fault of the commit shows."""


class TestTheLibraryPasses:
    @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver", "strangers"])
    def test_writers_with_rotation_and_a_kill(self, method: str) -> None:
        """Everything that was logged is there once, however the processes were started."""
        status, found = run(
            "writers", "--start-method", method, "--processes", "3", "--records", "3000", "--kill", "1",
            "--rotation", "100 KB", "--compression", "gz",
        )  # fmt: skip
        assert (what_is_wrong(found), status) == ([], 0)

    def test_workers_are_killed(self) -> None:
        """Survivors neither wait nor lose anything."""
        status, found = run("kill-workers", "--rounds", "4")
        assert (what_is_wrong(found), status) == ([], 0)

    def test_the_owner_is_killed(self) -> None:
        """Orphans go on, and the next start of the program writes what is left."""
        status, found = run(*OWNER_DIES, "--rounds", "3")
        assert (what_is_wrong(found), status) == ([], 0)

    def test_a_process_with_busy_threads_forks(self) -> None:
        """Neither the children nor the threads lose or double anything."""
        status, found = run("fork-storm", "--forks", "60", "--threads", "4", "--rate", "2000")
        assert (what_is_wrong(found), status) == ([], 0)

    def test_everybody_is_killed(self) -> None:
        """The next start of the program writes what all of them left."""
        status, found = run("kill-all", "--rounds", "3", "--exact", "0.7", "--rate", "5000", "--rotation", "50 KB")
        assert (what_is_wrong(found), status) == ([], 0)
        assert [kill["what"] for round_ in found["rounds"] for kill in round_["kills"]] == ["all"] * 3

    def test_files_are_rotated_all_the_time(self) -> None:
        """Each rotation comes when it is due, also with a stranger beside."""
        status, found = run(
            "rotation-storm", "--processes", "2", "--strangers", "1", "--records", "150", "--rotation", "2 KB"
        )
        assert (what_is_wrong(found), status) == ([], 0)

    def test_a_slow_sink_beside_the_file(self) -> None:
        """Callers do not wait for it."""
        status, found = run("slow-sink", "--processes", "2", "--records", "25", "--rate", "500")
        assert (what_is_wrong(found), status) == ([], 0)

    def test_workers_come_and_go(self) -> None:
        """A soak, as short as one can be."""
        status, found = run("soak", "--minutes", "0.03", "--lives", "3", "--processes", "2")
        assert (what_is_wrong(found), status) == ([], 0)

    @pytest.mark.parametrize("mounted", [True, False])
    def test_the_disk_is_full_for_a_while(self, mounted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where no disk can be mounted a limit of the files' size stands in; nothing is lost either way."""
        if mounted and not workshop._CAN_MOUNT:
            pytest.skip("mounting needs privileges")
        monkeypatch.setattr(workshop, "_CAN_MOUNT", mounted)
        settings = dataclasses.replace(mix.SHORT["disk-full"], rate=800.0, full=0.2, shortest=300, longest=500)
        played = disk_full.play_round(settings, 0)
        assert played.findings == []
        assert ("RLIMIT_FSIZE" in played.notes[0]) != mounted
        assert "cannot write to" in played.said

    def test_drops_are_counted_missing_and_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What finds no room is missing, of course; just as many are counted, and the log tells of as many."""
        monkeypatch.setenv("MPLOG_OVERFLOW", "drop")
        monkeypatch.setenv("MPLOG_RING_SIZE", "16384")
        settings = dataclasses.replace(mix.SHORT["writers"], records=3000, kill=0, rotation=None, compression=None)
        played = writers.play_round(settings, 0)
        assert [finding for finding in played.findings if "records missing" not in finding] == []
        assert played.balance is not None
        assert played.balance.dropped == played.audit.total("missing") > 0

    def test_a_mix_leaves_its_reports(self, tmp_path: Path) -> None:
        """Tables on standard output, and beside them the figures and the page in files."""
        json_file, html_file = tmp_path / "run.json", tmp_path / "run.html"
        command = [sys.executable, "-m", "stress", "all", "--rounds", "2", "--seed", "11"]
        command += ["--json", str(json_file), "--html", str(html_file)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "BALANCED: all, mplog: 2 of 2 rounds" in done.stdout
        assert "mplog, balance: " in done.stdout
        found = json.loads(json_file.read_text())
        assert found["balance"]["mplog"]["emitted"] == found["balance"]["mplog"]["written"] > 0
        assert [round_["settings"]["scenario"] for round_ in found["rounds"]] == ["fork-storm", "raised-signal"]
        assert "2 of 2 rounds balanced" in html_file.read_text()


class TestBrokenBuildsFail:
    def test_without_the_done_mark(self) -> None:
        """A commit that is never marked done is repeated after the owner's death."""
        status, found = run(*OWNER_DIES, "--rounds", "20", "--stop-early", "--adapter", "broken-done")
        assert status == 1
        assert sum(slot["doubled"] for round_ in found["rounds"] for slot in round_["audit"]["slots"])

    def test_with_the_tail_stored_first(self) -> None:
        """A tail that moves before the bytes are there lets the writer read what is not there yet."""
        status, found = run(
            "kill-workers", "--adapter", "broken-tail", "--rounds", "20", "--stop-early", "--kill", "3",
        )  # fmt: skip
        assert status == 1
        assert what_is_wrong(found)

    def test_with_counts_that_do_not_add_up(self) -> None:
        """All records are in the log, and the library's own counts say otherwise."""
        status, found = run("writers", "--adapter", "broken-count", "--processes", "1", "--records", "50")
        assert status == 1
        assert "50 records are in flight for ever" in what_is_wrong(found)[0]
        assert sum(slot["missing"] for round_ in found["rounds"] for slot in round_["audit"]["slots"]) == 0

    def test_records_in_the_memory_of_a_killed_process(self) -> None:
        """A peer whose call returns before anybody else has the record loses it with the process, and it is seen."""
        status, found = run("kill-workers", "--adapter", "queue-listener", "--exact", "0", "--timeout", "5")
        assert status == 1
        assert sum(slot["missing"] for round_ in found["rounds"] for slot in round_["audit"]["slots"])
