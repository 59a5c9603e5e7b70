"""Any process is killed at each point of points.py; after the next start every record is in its files exactly once.

The ledger knows for each process how many calls have returned: those records are in both files, once, whole and in
order. The one whose call had not returned may be there or not. Nothing else is, and nothing is left behind.
"""

from __future__ import annotations

import builtins
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from acts import OLD, PLAYS
from faults import FAULTS
from ledger import BEGUN, RETURNED, WHO, Ledger, text
from points import PARTS, POINTS, Case, Point
from programs import read_log

import mplog

LONG_AGO = 1577836800
"""The modification time of the file of long ago."""

FOREIGN = "foreign line"
WITHIN = 60.0
KILLED = -9


class Stage:
    """The other end of stage.py."""

    def __init__(self, directory: Path) -> None:
        here = Path(__file__).parent
        self.said = directory / "stage"
        with self.said.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "error", str(here / "stage.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                env={"PYTHONPATH": str(Path(mplog.__file__).parent.parent), "PATH": "", "MPLOG_AUTOINIT": "0"},
            )

    def ask(self, **request: Any) -> int | None:
        """Have one act performed; the exit code of its first process, None when it did not come to an end."""
        to, answers = self._process.stdin, self._process.stdout
        assert to is not None
        assert answers is not None
        to.write(json.dumps(request) + "\n")
        to.flush()
        if not select.select([answers], [], [], WITHIN)[0]:
            raise AssertionError(f"the stage gave no answer in {WITHIN} s; it said {self.said.read_text()[-2000:]!r}")
        line = answers.readline()
        assert line, f"the stage has ended, having said {self.said.read_text()[-3000:]}"
        status: int | None = json.loads(line)["status"]
        return status

    def end(self) -> None:
        """No more acts."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One for all tests of this file."""
    found = Stage(tmp_path_factory.mktemp("stage"))
    try:
        yield found
    finally:
        found.end()


@dataclass
class Theatre:
    """The place where one play is given: its directories, its ledger and its log files."""

    stage: Stage
    directory: Path
    here: Path = field(init=False)
    runtime: Path = field(init=False)
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.here, self.runtime = self.directory / "here", self.directory / "runtime"
        self.here.mkdir()
        self.runtime.mkdir(mode=0o700)
        self.ledger = Ledger(self.directory / "ledger")

    def give(self, play: str, who: str, deaths: dict[str, dict[str, int]], fault: str = "") -> int | None:
        """One act; see acts.py."""
        return self.stage.ask(
            play=play,
            who=who,
            deaths=deaths,
            fault=fault,
            here=str(self.here),
            runtime=str(self.runtime),
            directory=str(self.directory),
        )

    @property
    def said(self) -> str:
        """What the processes said on standard error."""
        path = self.directory / "said"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    @property
    def hits(self) -> list[str]:
        """The points at which processes died, in order."""
        path = self.directory / "hits"
        return path.read_text().splitlines() if path.exists() else []

    def check_files(self, torn: int = 0) -> None:
        """Compare both files with the ledger.

        Args:
            torn: lines that may be fragments, because a stranger wrote into the middle of one.
        """
        self._check("app.log", "", torn)
        self._check("other.log", "INFO ", 0)

    def _check(self, name: str, before: str, torn: int) -> None:
        texts = {before + text(who, number): (who, number) for who in WHO for number in range(600)}
        found: dict[str, list[int]] = {who: [] for who in WHO}
        strange = []
        for line in read_log(self.here, name):
            if line in texts:
                who, number = texts[line]
                found[who].append(number)
            elif line != "an old line":
                strange.append(line)
        assert len(strange) == torn, f"{name} has torn lines {strange[:3]}"
        assert all(line.endswith(FOREIGN) for line in strange), strange
        for who in WHO:
            returned, begun = self.ledger.get(who, RETURNED), self.ledger.get(who, BEGUN)
            numbers = found[who]
            wanted = set(range(returned))
            assert wanted <= set(numbers), f"{name} lacks of {who} {sorted(wanted - set(numbers))[:9]} of {returned}"
            assert set(numbers) <= set(range(begun)), f"{name} has of {who} {max(numbers)}, and {begun} were begun"
            assert sorted(set(numbers)) == sorted(numbers), f"{name} has of {who} doubled {_doubled(numbers)[:9]}"
            assert sorted(numbers) == numbers, f"{name} has those of {who} out of order"

    def check_nothing_left(self) -> None:
        """Runtime directory and log directory have nothing that only the dead needed."""
        left = [str(path.relative_to(self.runtime)) for path in self.runtime.rglob("*")]
        assert not left, f"in the runtime directory are {left}"
        hidden = [path.name for path in self.here.iterdir() if path.name.startswith(".")]
        assert not hidden, f"beside the logs are {hidden}"


def _doubled(numbers: list[int]) -> list[int]:
    return [number for number in sorted(set(numbers)) if numbers.count(number) > 1]


@pytest.fixture
def theatre(stage: Stage, tmp_path: Path) -> Theatre:
    return Theatre(stage, tmp_path)


def give(theatre: Theatre, case: Case, point: str, fault: str = "") -> None:
    """One play to its end, with a death at *point*, and the next start."""
    play = PLAYS[case.play]
    deaths: dict[str, dict[str, int]] = {case.victim: {point: case.nth}}
    deaths.update({who: {where: 1} for who, where in play.deaths.items()})
    if "retention" in play.app:
        old = theatre.here / OLD
        old.write_text("an old line\n")
        os.utime(old, (LONG_AGO, LONG_AGO))
    status = theatre.give(case.play, "owner", deaths, fault)
    if "owner" in deaths:
        assert status == KILLED, f"the owner was not killed ({status}): {point} was not reached; {theatre.said}"
    else:
        assert status == 0, f"the owner ended with {status}; {theatre.said}"
    if play.foreign:
        with (theatre.here / "app.log").open("a") as log:
            log.write(f"{FOREIGN}\n")
    if case.victim.startswith("next"):
        status = theatre.give(case.play, "next1", deaths, fault)
        assert status == KILLED, f"next1 was not killed ({status}): {point} was not reached; {theatre.said}"
    expected = [*play.deaths.values(), point]
    assert theatre.hits == expected, f"deaths were at {theatre.hits}; {theatre.said}"
    status = theatre.give(case.play, "next2", {}, fault)
    assert status == 0, f"the next start ended with {status}; {theatre.said}"


CASES = [(point, case) for point in POINTS for case in point.cases]


@pytest.mark.parametrize(
    ("point", "case"), CASES, ids=[f"{point.name}; {case.play}, {case.victim} {case.nth}" for point, case in CASES]
)
def test_no_kill_loses_doubles_or_tears_a_record(theatre: Theatre, point: Point, case: Case) -> None:
    """The process dies at the point, which is proved, and after the next start the files are as the ledger says."""
    give(theatre, case, point.name)

    theatre.check_files(torn=case.play == "overtaken")
    theatre.check_nothing_left()


CAUGHT = {
    "done mark left out": ("drain: before a head moves", Case("workers", "owner")),
    "promised after writing": ("commit: written", Case("workers", "owner")),
    "heads moved first": ("drain: shared out", Case("workers", "owner", 3)),
    "promises ignored": ("commit: written", Case("workers", "owner")),
    "slots ignored": ("drain: before a head moves", Case("workers", "owner")),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_seen(theatre: Theatre, fault: str) -> None:
    """The check fails where mplog lacks one of the steps that make a kill harmless."""
    point, case = CAUGHT[fault]
    give(theatre, case, point, fault)

    with pytest.raises(AssertionError, match=r"(app|other)\.log (has of worker\d doubled|lacks of worker\d)"):
        theatre.check_files()


def test_every_part_has_points_and_every_point_has_deaths() -> None:
    """No point of the table is left out by the cases above, and the table leaves out nothing that mplog does."""
    names = [point.name for point in POINTS]

    assert len(set(names)) == len(names)
    assert {name.partition(":")[0] for name in names} == set(PARTS)
    assert {point for point, _ in CASES} == set(POINTS)
    assert all(case.play in PLAYS for _, case in CASES)
    assert {case.victim for _, case in CASES} == {"owner", "worker1", "next1"}


def test_mplog_itself_has_no_points() -> None:
    """The points are put in by the stage alone: as it is installed, mplog has nothing of them."""
    assert not hasattr(builtins, "kill_point")
    sources = Path(mplog.__file__).parent.rglob("*.py")
    assert not [str(path) for path in sources if "kill_point" in path.read_text()]
