"""Opening a log file: what cannot be opened as it was asked for leaves nothing open."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mplog._sinks.file import compression, opening, whose
from mplog._sinks.file.compression import Compression
from mplog._sinks.file.naming import PathTemplate
from mplog._sinks.file.options import FileOptions
from mplog._sinks.file.sink import FileSink


@pytest.mark.parametrize("opener", [None, lambda path, flags: os.open(path, flags, 0o600)])
def test_permissions_that_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opener: Callable[[str, int], int] | None
) -> None:
    """As some file systems do: the error is raised, and the descriptor is closed."""

    def refuse(_fd: int, _mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchmod", refuse)
    path = tmp_path / "app.log"
    options = FileOptions(PathTemplate(path), permissions=0o640, opener=opener)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(PermissionError):
        opening.open_file(str(path), options, again=False)
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.parametrize("what", ["emptied", "tidied"])
def test_a_file_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """`add()` raises what is wrong, and the file is not kept open, nor taken for one that this process writes."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "app.log"
    path.write_text("old\n")
    (tmp_path / "app.2001-01-31_18-04-05_123456.log").write_text("older\n")
    monkeypatch.setattr(*((os, "ftruncate") if what == "emptied" else (compression, "archive")), refuse)
    options = FileOptions(PathTemplate(path), mode="w", compression=Compression(format="gz"))
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match="No space"):
        FileSink(options)
    assert os.listdir("/proc/self/fd") == before
    assert not whose.is_open_here(path.stat())
