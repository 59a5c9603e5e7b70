"""Names from path templates, names after rotations, and whose files are whose.

Covers logger-api.md, sections 16.1 and 16.6.
"""

from __future__ import annotations

import datetime as dt
import os
import pickle
from pathlib import Path

import pytest

from mplog._render.times import RecordTime, local_time
from mplog._sinks.file.naming import PathTemplate, is_part, part_name, part_target, rotated_name

MOMENT = RecordTime(2026, 1, 31, 18, 4, 5, 123456, tzinfo=dt.timezone.utc)
DATE = "2026-01-31_18-04-05_123456"
CREATED = dt.datetime(2026, 1, 31, 18, 4, 5, 123456).timestamp()


class TestResolve:
    @pytest.mark.parametrize(
        ("path", "name"),
        [
            ("/a/app.log", "/a/app.log"),
            ("/a/{time}.log", f"/a/{DATE}.log"),
            ("/{time:YYYY}/{time:MM-DD}.log", "/2026/01-31.log"),
            ("/{{a}}", "/{a}"),
            ("/x{time:HH!UTC}", "/x18"),
            ("/a/../b", "/b"),
        ],
    )
    def test_fills_in_the_time(self, path: str, name: str) -> None:
        """The field time is replaced everywhere in the path, by a sortable date when alone."""
        assert name == PathTemplate(path).resolve(MOMENT)

    def test_is_absolute_by_the_directory_of_the_moment(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A relative path is made absolute when a file is created, braces in the directory's name untouched."""
        directory = tmp_path / "{odd}"
        directory.mkdir()
        monkeypatch.chdir(directory)
        assert str(directory / "app.log") == PathTemplate("app.log").resolve(MOMENT)

    def test_other_fields_are_missing(self) -> None:
        """Another field than time is a KeyError."""
        with pytest.raises(KeyError, match="foo"):
            PathTemplate("{foo}.log").resolve(MOMENT)

    def test_plainness(self) -> None:
        """A template is plain when it has no field."""
        assert [PathTemplate(path).is_plain for path in ("a", "{{a}}", "{time}")] == [True, True, False]

    def test_travels(self) -> None:
        """A template survives pickling and equals its copy."""
        template = PathTemplate(Path("a_{time}.log"))
        assert template == pickle.loads(pickle.dumps(template))

    def test_bytes_are_refused(self) -> None:
        """A path of bytes is a type error that says what to do."""
        with pytest.raises(TypeError, match=r"must be text, but it is b'a'\. Decode"):
            PathTemplate(b"a")  # type: ignore[arg-type]


class TestRotatedName:
    @pytest.mark.parametrize(
        ("path", "name"),
        [
            ("/app.log", f"/app.{DATE}.log"),
            ("/app", f"/app.{DATE}"),
            ("/.hidden", f"/.hidden.{DATE}"),
            ("/a.tar.gz", f"/a.tar.{DATE}.gz"),
            ("/app_2026.log", f"/app_2026.{DATE}.log"),
        ],
    )
    def test_puts_the_date_before_the_extension(self, path: str, name: str) -> None:
        """The creation time in local time stands before the last extension."""
        assert name == rotated_name(path, CREATED, taken=lambda path: False)

    def test_counts_on_when_taken(self) -> None:
        """Existing names, and names whose archives exist, are passed over."""
        taken = {f"/app.{DATE}.log", f"/app.{DATE}.2.log.gz"}
        assert f"/app.{DATE}.3.log" == rotated_name("/app.log", CREATED, taken=taken.__contains__, suffixes=(".gz",))

    def test_archives_keep_their_ending_last(self) -> None:
        """An archive is renamed before both of its extensions."""
        name = f"/app.{DATE}.log.tar.gz"
        assert name == rotated_name("/app.log", CREATED, taken=lambda path: False, ending=".tar.gz")

    def test_is_recognised(self) -> None:
        """A template recognises what was renamed from its files, and nothing else."""
        for path in (
            "/d/app.log",
            "/d/app",
            "/d/.hidden",
            "/d/a.tar.gz",
            "/d/x_{time}.log",
            "/d/{time:YYYY}/a",
            "/d/a.2",
        ):
            template = PathTemplate(path)
            live = template.resolve(local_time(CREATED))
            renamed = rotated_name(live, CREATED, taken=lambda path: False)
            second = rotated_name(live, CREATED, taken=renamed.__eq__)
            assert [template.is_rotated(name) for name in (live, renamed, second)] == [False, True, True]

    @pytest.mark.parametrize(
        "name", ["app.log", "app.1.log", f"app.{DATE}.log.gz", f"my.app.{DATE}.log", f"app.{DATE}x.log", f"app.{DATE}"]
    )
    def test_others_are_not_recognised(self, name: str) -> None:
        """Live files, archives and the user's own names are not renamed files."""
        assert not PathTemplate("/d/app.log").is_rotated(f"/d/{name}")


def owned(directory: Path, template: str, names: list[str]) -> set[str]:
    for name in names:
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return {os.path.relpath(path, directory) for path in PathTemplate(directory / template).owned()}


class TestOwned:
    @pytest.mark.parametrize(
        ("template", "mine", "others"),
        [
            (
                "app.log",
                ["app.log", "app.log.1", f"app.{DATE}.log", f"app.{DATE}.2.log.gz", "app.anything.log"],
                ["app_.log", "app", "app.logs", "my.app.log"],
            ),
            ("app", ["app", "app.1", "app.2.gz"], ["app1", ".app"]),
            ("[a]{time:YYYY}.log", ["[a]2026.log"], ["a2026.log"]),
            ("d{time}/x.log", ["d1/x.log", "d2/x.1.log"], ["e/x.log"]),
            (".{time}.log", [".1.log", ".2.log.gz"], [".1.log.gz.mplog-part", "1.log"]),
        ],
    )
    def test_owns_what_its_pattern_makes(
        self, tmp_path: Path, template: str, mine: list[str], others: list[str]
    ) -> None:
        """Live, renamed and archived files belong to the template; neighbours do not."""
        assert set(mine) == owned(tmp_path, template, mine + others)
        paths = PathTemplate(tmp_path / template)
        assert all(paths.owns(str(tmp_path / name)) for name in mine)

    def test_only_regular_files(self, tmp_path: Path) -> None:
        """Directories and symbolic links are never owned."""
        (tmp_path / "app.dir.log").mkdir()
        (tmp_path / "app.link.log").symlink_to(tmp_path / "target")
        (tmp_path / "target").touch()
        assert {"app.log"} == owned(tmp_path, "app.log", ["app.log"])

    def test_parts_of_the_template(self, tmp_path: Path) -> None:
        """Archives in the making are found by the template of their source, and by no other."""
        part = part_name(str(tmp_path / f"app.{DATE}.log.gz"))
        Path(part).touch()
        Path(part_name(str(tmp_path / "other.log.gz"))).touch()
        assert [part] == PathTemplate(tmp_path / "app.log").parts()
        assert is_part(part)
        assert str(tmp_path / f"app.{DATE}.log.gz") == part_target(part)
