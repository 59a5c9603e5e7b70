"""Which names a path template can make: the reverse of filling in a time.

Covers logger-api.md, section 16.9, where beyond.md, row 22, does not say otherwise.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mplog._render.times import RecordTime, local_time
from mplog._sinks.file.compression import Compression
from mplog._sinks.file.names import Endings, Kind
from mplog._sinks.file.naming import PathTemplate, part_name, rotated_name
from mplog._sinks.file.unfinished import sweep

DATE = "2026-01-31_18-04-05_123456"
CREATED = dt.datetime(2026, 1, 31, 18, 4, 5, 123456).timestamp()

TOKENS = [
    *("YYYY", "YY", "Q", "MMMM", "MMM", "MM", "M", "DDDD", "DDD", "DD", "D", "dddd", "ddd", "d", "E"),
    *("HH", "H", "hh", "h", "mm", "m", "ss", "s", "S", "SSS", "SSSSSS", "A", "ZZ", "Z", "zz", "X", "x"),
]
FIELDS = [f"{{time:{token}}}" for token in TOKENS]
DIRECTIVES = [f"%{letter}" for letter in "aAwdbBmyYHIpMSfzZjUWGuVFTRsce"] + ["%-d", "%-m", "%%"]
ZONES = [
    dt.timezone.utc,
    dt.timezone(dt.timedelta(hours=5, minutes=45), "+0545"),
    dt.timezone(-dt.timedelta(hours=8), "PST"),
]


def kind(template: str, name: str, endings: Endings = Endings()) -> Kind | None:  # noqa: B008 - immutable
    return PathTemplate(f"/d/{template}").names().kind(f"/d/{name}", endings)


class TestLive:
    @given(
        st.lists(
            st.sampled_from(["{time}", "{time:!UTC}", "/", "-", "x", *(f"{{time:{each}}}" for each in TOKENS)]),
            max_size=6,
        ),
        st.datetimes(dt.datetime(1000, 1, 1), dt.datetime(9000, 1, 1)),
        st.sampled_from(ZONES),
    )
    def test_what_a_moment_gives_is_recognised(self, parts: list[str], moment: dt.datetime, zone: dt.timezone) -> None:
        """Any template recognises what it has made of any moment."""
        template = PathTemplate("/d/a" + "".join(parts))
        path = template.resolve(RecordTime.fromisoformat(moment.isoformat()).replace(tzinfo=zone))
        assert template.names().kind(path) is Kind.LIVE

    @given(st.lists(st.sampled_from(DIRECTIVES), min_size=1, max_size=4), st.booleans())
    def test_what_strftime_gives_is_recognised(self, directives: list[str], in_utc: bool) -> None:
        """The same for templates with the directives of strftime, as far as the C library has no secrets."""
        spec = "_".join(directives) + "!UTC" * in_utc
        template = PathTemplate(f"/d/a{{time:{spec}}}.log")
        assert template.names().kind(template.resolve(local_time(time.time()))) is Kind.LIVE

    @pytest.mark.parametrize(
        ("template", "name"),
        [
            ("{time:YYYY-MM-DD}.log", "app.log"),
            ("{time:YYYY-MM-DD}.log", "2026-11-29_error.log"),
            ("{time:YYYY-MM-DD}.log", "2026-11-29-2.log"),
            ("{time:YYYY-MM-DD}.log", "2026-13-01.log"),
            ("{time:YYYY-MM-DD}.log", "2026-02-30.log"),
            ("{time:YYYY-MM-DD}.log", "0000-02-03.log"),
            ("{time:YYYY-MM-DD}.log", "2026-02-03.log.1"),
            ("{time:YYYY-MM-DD}.log", "\N{ARABIC-INDIC DIGIT TWO}026-02-03.log"),
            ("{time:MM-DD}.log", "02-30.log"),
            ("{time:YYYY}/{time:YYYY-MM}.log", "2025/2026-01.log"),
            ("{time:YYYY}/app.log", "current/app.log"),
            ("{time:YYYY}/app.log", "app.log"),
            ("{time:YYYY}_Q{time:Q}_{time:MM}.log", "2026_Q1_07.log"),
            ("{time:YYYY-MM-DD ddd}.log", "2026-11-29 Mon.log"),
            ("{time:YYYY DDDD}.log", "2026 366.log"),
            ("{time:HH hh A}.log", "13 01 AM.log"),
            ("{time}.log", "nginx.log"),
            ("{time}.log", "2026-01-31.log"),
            ("{time}", "README"),
            ("app-{time:%Y%m%d}.log", "app-2026113.log"),
            ("app-{time:%Y%m%d}.log", "app-x.log"),
            ("app-{time:%Y-%m-%e}.log", "app-2026-01- 0.log"),
            ("app{{time}}.log", f"app{DATE}.log"),
            ("app.log", "app_log"),
            ("app.log", "App.log"),
        ],
    )
    def test_what_no_moment_gives_is_not(self, template: str, name: str) -> None:
        """Literal parts count to the letter, times as times, and several in one path must agree."""
        assert kind(template, name) is None

    @pytest.mark.parametrize(
        ("template", "name"),
        [
            ("{time:MM-DD}.log", "02-29.log"),
            ("{time:YYYY-MM-DD}.log", "2024-02-29.log"),
            ("{time:YYYY/MM/DD}.log", "2026/01/31.log"),
            ("{time:YYYY-MM-DD ddd}.log", "2026-11-29 Sun.log"),
            ("{time:HH!UTC}_{time:HH}.log", "23_01.log"),
            ("a{{b}}.log", "a{b}.log"),
            ("x/../app.log", "app.log"),
            ("{time!s}.log", f"{DATE}.log"),
        ],
    )
    def test_what_some_moment_gives_is(self, template: str, name: str) -> None:
        """Moments that are not now, in fields of every form."""
        assert kind(template, name) is Kind.LIVE


class TestRotated:
    @pytest.mark.parametrize(
        "path",
        [
            "app.log",
            "app",
            ".hidden",
            "a.tar.gz",
            "x_{time}.log",
            "{time:YYYY}/a",
            "a.2",
            "app.{time:YYYY.MM.DD}",
            "a.",
            "é b\n.log",
        ],
    )
    def test_its_own_are_recognised(self, path: str) -> None:
        """A template recognises what was renamed from its files, and archives of that in any format."""
        template = PathTemplate(f"/d/{path}")
        names = template.names()
        live = template.resolve(local_time(CREATED))
        renamed = rotated_name(live, CREATED, taken=lambda path: False)
        second = rotated_name(live, CREATED, taken=renamed.__eq__)
        aside = rotated_name(renamed, CREATED, taken=lambda path: False, ending=".gz")
        found = [names.kind(name) for name in (live, renamed, second, f"{renamed}.gz", f"{second}.tar.xz", aside)]
        assert found == [Kind.LIVE, Kind.ROTATED, Kind.ROTATED, Kind.ARCHIVE, Kind.ARCHIVE, Kind.ARCHIVE]

    @pytest.mark.parametrize(
        "name",
        [
            *("app.1.log", "app.log.1", "app.log.gz", "app.log.md", "app.anything.log", "app..log"),
            *(f"my.app.{DATE}.log", f"app.{DATE}x.log", f"app.{DATE}", f"app.errors.{DATE}.log", f"app.{DATE}.txt"),
            *(f"app.{DATE}.1.log", f"app.{DATE}.02.log", f"app.{DATE}.{DATE}.log", f"app.{DATE}.log.zst"),
            *("app.2026-02-30_18-04-05_123456.log", "app.2026-01-31_25-04-05_123456.log", f"app.{DATE}.log.gz.gz"),
        ],
    )
    def test_others_are_not(self, name: str) -> None:
        """The user's own names, other handlers' files, and dates that are none."""
        assert kind("app.log", name) is None


class TestArchives:
    @pytest.mark.parametrize(
        ("template", "name", "endings", "expected"),
        [
            ("app.log", "app.log.gz", Endings(live=".gz"), Kind.ARCHIVE),
            ("app.log", "app.log.zip", Endings(live=".gz"), None),
            ("{time:YYYY}.log", "2026.log.zip", Endings(), Kind.ARCHIVE),
            ("{time:YYYY}.log", "app.log.zip", Endings(), None),
            ("app.log", f"app.{DATE}.log.zst", Endings(any=True), Kind.ARCHIVE),
            ("app.log", f"app.{DATE}.log.tar.zst", Endings(any=True), Kind.ARCHIVE),
            ("app.log", f"app.{DATE}.log.a.b.c", Endings(any=True), None),
            ("app.log", "app.log.zst", Endings(any=True), None),
            ("app.log", "app.errors.log.zst", Endings(any=True), None),
        ],
    )
    def test_by_what_the_handler_makes(self, template: str, name: str, endings: Endings, expected: Kind | None) -> None:
        """Dated names with any known ending; others with the one that the end of the handler gives them."""
        assert kind(template, name, endings) is expected


def found(directory: Path, template: str, names: list[str]) -> set[str]:
    for name in names:
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return {os.path.relpath(path, directory) for path, _ in PathTemplate(directory / template).names().files()}


class TestFiles:
    @pytest.mark.parametrize(
        ("template", "mine", "others"),
        [
            (
                "app.log",
                ["app.log", f"app.{DATE}.log", f"app.{DATE}.2.log.gz"],
                ["app_.log", "app", "app.logs", "my.app.log", "app.log.1", "app.anything.log"],
            ),
            ("app", ["app", f"app.{DATE}.gz"], ["app1", ".app"]),
            ("[a]{time:YYYY}.log", ["[a]2026.log"], ["a2026.log", "[a]x.log"]),
            ("d{time:H}/x.log", ["d1/x.log", f"d2/x.{DATE}.log"], ["e/x.log", "d77/x.log", "d1/y.log"]),
            (".{time:H}.log", [".1.log", ".2.log.gz"], [".1.log.gz.mplog-part", "1.log"]),
            ("{time:YYYY/MM}/x.log", [], ["2026/x.log"]),
        ],
    )
    def test_what_its_template_makes(self, tmp_path: Path, template: str, mine: list[str], others: list[str]) -> None:
        """Live, renamed and archived files belong to the template; neighbours do not."""
        assert set(mine) == found(tmp_path, template, mine + others)

    def test_only_regular_files(self, tmp_path: Path) -> None:
        """Directories and symbolic links are not found."""
        (tmp_path / f"app.{DATE}.log").mkdir()
        (tmp_path / f"app.{DATE}.2.log").symlink_to(tmp_path / "target")
        (tmp_path / "target").touch()
        assert {"app.log"} == found(tmp_path, "app.log", ["app.log"])

    def test_one_without_a_directory(self, tmp_path: Path) -> None:
        """There is nothing in a directory that is not there."""
        assert found(tmp_path, "none/{time:YYYY}/app.log", []) == set()

    def test_parts_of_the_template(self, tmp_path: Path) -> None:
        """What killed processes left of archives of one template is cleared, that of another is not."""
        mine = [part_name(str(tmp_path / name)) for name in (f"app.{DATE}.log.gz", "app.log.zip")]
        other = part_name(str(tmp_path / "other.log.gz"))
        for path in (*mine, other):
            Path(path).touch()
        sweep(PathTemplate(tmp_path / "app.log"), Compression(format="gz"))
        assert [str(path) for path in tmp_path.iterdir()] == [other]


class TestShape:
    def test_is_that_of_the_names(self) -> None:
        """Two templates that make the same names have the same shape, others have not."""
        same = ["{time:YYYY-MM-DD}.log", "{time:YYYY}-{time:MM}-{time:DD}.log", "{time:%Y-%m-%d}.log", "{time:%F}.log"]
        others = ["{time:YYYY-MM-DD!UTC}.log", "{{YYYY}}-{{MM}}-{{DD}}.log", "{time:YYYY-DD-MM}.log", "2026-01-01.log"]
        assert len({PathTemplate(f"/d/{each}").names().shape for each in same}) == 1
        assert len({PathTemplate(f"/d/{each}").names().shape for each in same + others}) == 5

    def test_is_told_from_the_directory(self) -> None:
        """A log that moves with its directory keeps its shape."""
        one, other = (PathTemplate(f"/{place}/{{time:YYYY}}/app.log").names() for place in ("a", "b/c"))
        assert one.shape == other.shape
        assert (one.directory, other.directory) == ("/a", "/b/c")
