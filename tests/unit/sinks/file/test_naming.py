"""Names from path templates, and names after rotations.

Covers logger-api.md, sections 16.1 and 16.6.
"""

from __future__ import annotations

import datetime as dt
import os
import pickle
from pathlib import Path

import pytest

from mplog._render.times import RecordTime
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
            PathTemplate(b"a")  # type: ignore[arg-type]  # which is the point


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


def test_parts_are_hidden_and_lead_back() -> None:
    """The name of an archive in the making says which archive it becomes."""
    part = part_name(f"/d/app.{DATE}.log.gz")
    assert is_part(part)
    assert os.path.basename(part).startswith(".")
    assert part_target(part) == f"/d/app.{DATE}.log.gz"
