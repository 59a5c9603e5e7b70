"""Opening a log file: what cannot be opened as it was asked for leaves nothing open."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mplog._sinks.file import opening
from mplog._sinks.file.naming import PathTemplate
from mplog._sinks.file.options import FileOptions


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
