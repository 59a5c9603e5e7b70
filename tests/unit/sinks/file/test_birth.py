"""The recorded creation time of a file.

Covers logger-api.md, section 16.7.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mplog._sinks.file.birth import ATTRIBUTE, has_birth, read_birth, write_birth


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_text("x")
    os.utime(path, (1000, 2000))
    return path


def keeps_attributes(path: Path) -> bool:
    with path.open("rb") as opened:
        write_birth(opened.fileno(), 1.0)
        return has_birth(opened.fileno())


def test_unrecorded_is_the_modification_time(file: Path) -> None:
    """Without a record the modification time serves."""
    with file.open("rb") as opened:
        assert (read_birth(opened.fileno()), has_birth(opened.fileno())) == (2000.0, False)


def test_recorded_time_survives_writes_and_renames(file: Path) -> None:
    """A recorded time is exact, and belongs to the file whatever happens to it."""
    if not keeps_attributes(file):
        pytest.skip("no extended attributes here")
    with file.open("ab") as opened:
        write_birth(opened.fileno(), 1769882645.123457)
        opened.write(b"more")
    moved = file.rename(file.with_name("other"))
    with moved.open("rb") as opened:
        assert read_birth(opened.fileno()) == 1769882645.123457


@pytest.mark.parametrize("value", [b"nonsense", b"nan", b"inf", b""])
def test_spoilt_record_is_ignored(file: Path, value: bytes) -> None:
    """A record that is no time counts as none."""
    if not keeps_attributes(file):
        pytest.skip("no extended attributes here")
    os.setxattr(file, ATTRIBUTE, value)
    with file.open("rb") as opened:
        assert read_birth(opened.fileno()) == 2000.0


def test_failure_to_record_is_silent(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that keeps no attributes is no error."""

    def refuse(*args: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "setxattr", refuse, raising=False)
    with file.open("rb") as opened:
        write_birth(opened.fileno(), 1.0)
        assert read_birth(opened.fileno()) == 2000.0
