"""What connects the files of one log: the anchor of its limits, and the way to the next file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mplog._sinks.file import birth, series
from mplog._sinks.file.naming import PathTemplate
from mplog._sinks.file.options import FileOptions
from mplog._sinks.file.rotation import Rotation, parse_rotation
from mplog._sinks.file.series import Series
from mplog._sinks.file.sink import FileSink


def rotation(value: object) -> Rotation:
    parsed = parse_rotation(value)
    assert parsed is not None
    return parsed


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    found = os.open(tmp_path / "app.log", os.O_RDWR | os.O_CREAT)
    birth.write_birth(found, 1000.0)
    if not birth.has_birth(found):
        os.close(found)
        pytest.skip("no extended attributes here")
    yield found
    os.close(found)


class TestAnchor:
    def test_of_a_file_without_a_series(self, fd: int) -> None:
        """A series begins with the file."""
        assert series.read_series(fd, rotation("1 h")) == Series(1000.0, 1000.0)

    def test_is_kept_exactly(self, fd: int) -> None:
        """What was written is read, to the bit."""
        written = Series(1769606430.123457, 1769610031.9999998)
        series.write_series(fd, written, rotation("1 h"))
        assert series.read_series(fd, rotation("1 h")) == written

    def test_of_other_steps(self, fd: int) -> None:
        """A log whose rule was changed counts the new steps from its present file, and rotates no earlier for it."""
        series.write_series(fd, Series(10.0, 1000.0), rotation("1 h"))
        assert series.read_series(fd, rotation("2 h")) == Series(1000.0, 1000.0)
        assert series.read_series(fd, rotation(["1 h", "daily", 100])) == Series(10.0, 1000.0)

    @pytest.mark.parametrize("value", [b"", b"x", b"1", b"nan 1 3600.0", b"1 inf 3600.0", b"\xff\xfe \x00"])
    def test_spoilt(self, fd: int, value: bytes) -> None:
        """Nonsense counts as none."""
        os.setxattr(fd, series.SERIES, value)
        assert series.read_series(fd, rotation("1 h")) == Series(1000.0, 1000.0)

    def test_reading_fixes_the_creation_time(self, tmp_path: Path) -> None:
        """A file whose creation time is unknown keeps its modification time as such, whatever is written later."""
        path = tmp_path / "found.log"
        path.touch()
        os.utime(path, (50, 50))
        opened = os.open(path, os.O_RDWR)
        assert series.read_series(opened, rotation("1 h")) == Series(50.0, 50.0)
        os.write(opened, b"more")
        assert series.read_series(opened, rotation("1 h")) == Series(50.0, 50.0)
        os.close(opened)


class TestClockJumps:
    """field-notes R13."""

    def rotations(self, tmp_path: Path, rule: str, moments: list[float]) -> list[bytes]:
        path = tmp_path / "app.log"
        path.touch()
        with path.open("ab") as file:
            birth.write_birth(file.fileno(), moments[0])
        sink = FileSink(FileOptions(PathTemplate(path), rotation=rotation(rule)))
        for number, moment in enumerate(moments):
            sink.write(b"%d\n" % number, moment)
        sink.close()
        found = sorted(tmp_path.iterdir(), key=lambda each: each.stat().st_mtime_ns)
        return [each.read_bytes() for each in found]

    @pytest.mark.parametrize("rule", ["1 h", "hourly", "daily", "04:00", "weekly"])
    def test_an_hour_back(self, tmp_path: Path, rule: str) -> None:
        """At most one rotation, and nothing is overwritten."""
        at = 1.8e9
        found = self.rotations(tmp_path, rule, [at, at + 3600, at, at + 60, at + 1800, at + 3600, at + 3601])
        assert len(found) <= 2
        assert sorted(b"".join(found).split()) == [b"%d" % number for number in range(7)]

    @pytest.mark.parametrize("rule", ["1 h", "hourly", "daily", "04:00", "weekly", "1 ms"])
    def test_ten_years_ahead(self, tmp_path: Path, rule: str) -> None:
        """One rotation for the whole gap, not one for each limit in it, nor for each record after it."""
        ahead = 1.8e9 + 10 * 365 * 86_400
        found = self.rotations(tmp_path, rule, [1.8e9, ahead, ahead, ahead, 1.8e9, 1.8e9 + 1])
        assert found == [b"0\n", b"1\n2\n3\n4\n5\n"]


class TestWay:
    def test_to_the_next_file(self, fd: int) -> None:
        """A path of any bytes, until the file is the current one again."""
        names = PathTemplate("/tmp/{time:YYYY}é\udcff.log").names
        assert series.successor(fd, names) is None
        series.set_successor(fd, "/tmp/2031é\udcff.log")
        assert series.successor(fd, names) == "/tmp/2031é\udcff.log"
        series.forget(fd)
        assert series.successor(fd, names) is None

    @pytest.mark.parametrize(
        ("said", "found"),
        [
            ("/var/log/2031/app.log", "/var/log/2031/app.log"),
            ("/otherwise/called/2031/app.log", "/var/log/2031/app.log"),
            ("/var/log/2031/../app.log", None),
            ("/etc/passwd", None),
            ("passwd", None),
            ("/var/log/31/app.log", None),
            ("/var/log/2031/app.2031-01-31_23-59-59_123456.log", None),
            ("\0", None),
        ],
    )
    def test_leads_to_names_of_the_log_only(self, fd: int, said: str, found: str | None) -> None:
        """Whatever an attribute says, the next file is one that the template can make, in its own directory."""
        os.setxattr(fd, series.NEXT, os.fsencode(said))
        assert series.successor(fd, PathTemplate("/var/log/{time:YYYY}/app.log").names) == found

    def test_loop_of_names(self, tmp_path: Path) -> None:
        """Names that repeat lead nobody in circles: the file that is opened again forgets what came after it."""
        template = PathTemplate(tmp_path / "app_{time:YYYY}.log")
        sinks = [FileSink(FileOptions(template, rotation=rotation(10))) for _ in range(3)]
        for number in range(60):
            sinks[number % 3].write(b"%06d\n" % number, 1.8e9)
        for sink in sinks:
            sink.close()
        lines = sorted(line for path in tmp_path.iterdir() for line in path.read_bytes().split())
        assert lines == [b"%06d" % number for number in range(60)]
        assert len(list(tmp_path.iterdir())) == 60
