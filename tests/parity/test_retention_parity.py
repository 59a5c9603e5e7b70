"""Which old files go, beside the reference: logger-api.md, sections 16.6 and 16.9.

Deliberate differences, each with a test here:

- only names that this very handler can make belong to a path, not everything that begins and ends alike (beyond.md
  row 22);
- the file that any process or handler is writing to is never removed, nor counted (beyond.md row 5);
- a file and its archive count as one (a compression under way in another process must not change what is kept);
- symbolic links are no candidates (what they lead to is not this log's).
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sides import START, Side, raised, run

NOW = START.replace(tzinfo=dt.timezone.utc).timestamp()
HOUR, DAY = 3600, 86_400

NAMES = [
    "app.log",
    "app.log.1",
    "app.log.gz",
    "app.2026-01-01_00-00-00_000000.log",
    "app.2026-01-02_00-00-00_000000.2.log.gz",
    "app.anything.log",
    "app..log",
    "app_.log",
    "app",
    "app.logs",
    "app.log.",
    "my.app.log",
    "app.txt",
    "App.log",
    "app.x.log.y.z",
    "app.x.lo",
    ".app.log",
]
PATHS = [
    "app.log",
    "app",
    "app_{time}.log",
    "a[p]p.log",
    "app.tar.gz",
    "*.log",
    "{{app}}.log",
    "app.{time:YYYY}",
    "a?p",
]
DATE = "2026-01-01_00-00-00_000000"
DIRECTORY = iter(range(10**9))


def seed(side: Side, names: list[str], ages: Sequence[float]) -> None:
    """Old files, by their ages in seconds."""
    for name, age in zip(names, ages, strict=False):
        path = side.here / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
        os.utime(path, (NOW - age, NOW - age))


class TestCandidates:
    @pytest.mark.parametrize("path", PATHS)
    def test_names_that_belong_to_a_path(self, tmp_path: Path, path: str) -> None:
        """Of the files that the reference takes for its own a retention function gets those that it can have made."""
        live = path.replace("{time}", DATE).replace("{time:YYYY}", "2026").replace("{{", "{").replace("}}", "}")
        root, extension = os.path.splitext(live)
        mine = [live, f"{root}.{DATE}{extension}", f"{root}.{DATE}.2{extension}", f"{root}.{DATE}{extension}.gz"]
        if "{time" in path:
            mine.append(f"{live}.gz")
        others = [f"{live}.1", f"{live}.gz", f"{root}.x{extension}", path.replace("{time}", "x")]

        def scenario(side: Side) -> None:
            seed(side, [name for name in NAMES if "2026" not in name] + others + mine, [DAY] * 100)
            (side.here / "app.directory.log").mkdir(exist_ok=True)
            handler = side.add(
                path, delay=True, retention=lambda files: side.said.append(sorted(map(os.path.basename, files)))
            )
            side.logger.remove(handler)

        reference, ours = run(tmp_path, scenario)
        assert ours.said == [sorted(mine)]
        assert set(reference.said[0]) > set(mine)

    def test_fields_in_directories(self, tmp_path: Path) -> None:
        """A field in a directory matches its siblings that are called by a time."""

        def scenario(side: Side) -> None:
            seed(side, ["2025/app.log", "2026/app.log", "x/app.log", "app.log", "2025/other.log"], [DAY] * 9)
            handler = side.add(
                "{time:YYYY}/app.log",
                delay=True,
                retention=lambda files: side.said.append(sorted(os.path.relpath(file, side.here) for file in files)),
            )
            side.logger.remove(handler)

        reference, ours = run(tmp_path, scenario)
        assert ours.said == [["2025/app.log", "2026/app.log"]]
        assert reference.said == [["2025/app.log", "2026/app.log", "x/app.log"]]


class TestWhatGoes:
    @pytest.mark.parametrize("retention", [0, 1, 3, 5, 100, "1 h", "1 day", "0 s", dt.timedelta(days=2), "1 week, 2 h"])
    @pytest.mark.parametrize("way", ["rotation", "end", "delayed end"])
    def test_by_count_and_age(self, tmp_path: Path, retention: Any, way: str) -> None:
        """The same files go at a rotation, at the end without one, and at the end of a file never opened."""
        names = [f"app.2026-01-{day:02d}_00-00-00_000000.log" for day in range(1, 8)]
        ages = [HOUR, HOUR, 2 * HOUR, DAY, 3 * DAY, 8 * DAY, 8 * DAY]

        def scenario(side: Side) -> None:
            seed(side, names, ages)
            if way == "rotation":
                side.add(rotation=0, retention=retention)
                side.logger.info("a")
            else:
                handler = side.add(retention=retention, delay=way == "delayed end")
                if way == "end":
                    side.logger.info("a")
                side.logger.remove(handler)

        reference, ours = run(tmp_path, scenario)
        assert ours.left() == reference.left()

    @settings(
        max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(
        ages=st.lists(st.sampled_from([0, 1, HOUR, DAY, 2 * DAY, 30 * DAY, -HOUR]), max_size=8),
        retention=st.one_of(st.integers(0, 6), st.sampled_from(["1 h", "36 h", "1 month", "0 s"])),
        messages=st.integers(1, 3),
        compression=st.sampled_from([None, "gz"]),
    )
    def test_generated(
        self, tmp_path: Path, ages: list[float], retention: Any, messages: int, compression: str | None
    ) -> None:
        """Any ages, counts and numbers of rotations: the same names are left."""

        def scenario(side: Side) -> None:
            # Names in the order of ages, so that equal ages are broken the same way by both.
            seed(side, [f"app.2025-01-{day:02d}_00-00-00_000000.log.gz" for day in range(1, 9)], ages)
            side.add(rotation="2 B", retention=retention, compression=compression)
            for number in range(messages):
                side.logger.info(str(number))
                side.tick(1)
                for path in side.here.iterdir():
                    # The system's clock is not frozen: what was written now is as old as the frozen one says.
                    if path.stat().st_mtime > NOW + DAY:
                        os.utime(path, (NOW + number, NOW + number))

        reference, ours = run(tmp_path / str(next(DIRECTORY)), scenario)
        assert set(ours.left()) == set(reference.left())

    def test_what_a_function_sees_at_a_rotation(self, tmp_path: Path) -> None:
        """The renamed and compressed file is in the list, the new one is not."""

        def scenario(side: Side) -> None:
            side.add(
                rotation="2 B",
                compression="gz",
                retention=lambda files: side.said.append(sorted(map(os.path.basename, files))),
            )
            for number in range(3):
                side.logger.info(str(number))
                side.tick(1)

        reference, ours = run(tmp_path, scenario)
        assert ours.said == [said for said in reference.said if said][-len(ours.said) :]
        assert len(ours.said) == 2

    def test_function_is_called_without_files(self, tmp_path: Path) -> None:
        """Always, even with none."""

        def scenario(side: Side) -> None:
            side.logger.remove(side.add(delay=True, retention=side.said.append))

        reference, ours = run(tmp_path, scenario)
        assert ours.said == reference.said == [[]]


class TestFailures:
    def test_at_the_end(self, tmp_path: Path) -> None:
        """`remove()` raises what the function raises; the handler is gone all the same."""

        def fail(files: list[str]) -> None:
            raise ZeroDivisionError

        def scenario(side: Side) -> None:
            handler = side.add(retention=fail)
            side.logger.info("a")
            side.said.append(raised(lambda: side.logger.remove(handler)))
            side.said.append(raised(lambda: side.logger.remove(handler)))

        reference, ours = run(tmp_path, scenario)
        assert ours.said == reference.said == [ZeroDivisionError, ValueError]
        assert ours.left() == reference.left()

    def test_at_a_rotation(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A handler error for both; mplog has written the record (beyond.md row 21), which the reference loses."""

        def fail(files: list[str]) -> None:
            raise ZeroDivisionError

        def scenario(side: Side) -> None:
            side.add(rotation="2 B", retention=fail)
            for number in range(2):
                side.logger.info(str(number))

        reference, ours = run(tmp_path, scenario)
        assert sorted(ours.left().values()) == [b"0\n", b"1\n"]
        assert b"1\n" not in reference.left().values()
        assert "handler 0" in capsys.readouterr().err

    def test_raised_to_the_caller(self, tmp_path: Path) -> None:
        """With `catch=False` the call raises."""

        def fail(files: list[str]) -> None:
            raise ZeroDivisionError

        def scenario(side: Side) -> None:
            side.add(rotation="2 B", retention=fail, catch=False)
            side.logger.bind(a=1).info("0") if side.is_reference else side.logger.info("0")
            side.said.append(raised(lambda: side.logger.info("1")))

        reference, ours = run(tmp_path, scenario)
        assert ours.said == [ZeroDivisionError]
        assert reference.said in ([ZeroDivisionError], [None])


class TestDifferences:
    @pytest.mark.parametrize("other", ["app.errors.log", "app.{time}.log"])
    def test_open_files_are_spared(self, tmp_path: Path, other: str) -> None:
        """The live file of another handler stays, also where a rotation gives such names, and does not count."""

        def scenario(side: Side) -> None:
            side.add(other)
            side.logger.info("kept")
            kept = next(side.here.iterdir())
            side.add("app.log", rotation="2 B", retention=0)
            for number in range(3):
                side.logger.info(str(number))
            side.said.append(kept.exists())

        reference, ours = run(tmp_path, scenario)
        assert (ours.said, reference.said) == ([True], [False])

    def test_file_and_archive_count_as_one(self, tmp_path: Path) -> None:
        """One is enough to keep both, as one process may be between the two."""

        def scenario(side: Side) -> None:
            name = "app.2026-01-01_00-00-00_000000.log"
            seed(side, [name, f"{name}.gz", "app.2026-01-02_00-00-00_000000.log"], [DAY, DAY, 2 * DAY])
            side.logger.remove(side.add(delay=True, retention=2))

        reference, ours = run(tmp_path, scenario)
        assert (len(ours.left()), len(reference.left())) == (3, 2)

    def test_links_are_no_candidates(self, tmp_path: Path) -> None:
        """A link named like an old file stays, with what it leads to."""

        def scenario(side: Side) -> None:
            seed(side, ["precious.txt"], [DAY])
            (side.here / f"app.{DATE}.log").symlink_to(side.here / "precious.txt")
            side.logger.remove(side.add(delay=True, retention=0))

        reference, ours = run(tmp_path, scenario)
        assert (len(ours.left()), len(reference.left())) == (2, 1)
