"""Small runs of the harness: the library passes, deliberately broken builds of it do not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

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
        status, found = run(*OWNER_DIES, "--rounds", "6")
        assert (what_is_wrong(found), status) == ([], 0)

    def test_a_process_with_busy_threads_forks(self) -> None:
        """Neither the children nor the threads lose or double anything."""
        status, found = run("fork-storm", "--forks", "60", "--threads", "4", "--rate", "2000")
        assert (what_is_wrong(found), status) == ([], 0)


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

    def test_a_file_that_nobody_coordinates(self) -> None:
        """A peer that rotates in each process for itself loses records, and the harness says so."""
        status, found = run(
            "writers", "--adapter", "loguru", "--start-method", "strangers", "--processes", "3", "--records", "3000",
            "--rotation", "20 KB", "--compression", "gz",
        )  # fmt: skip
        assert status == 1
        assert what_is_wrong(found)
