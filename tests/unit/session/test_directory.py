"""Where a session's directory is made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mplog._session import directory


def test_a_directory_that_another_process_takes_away_again(runtime_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no full file system: who makes something in it makes it anew."""
    base_in = directory.base_in

    def taken_away(candidate: str) -> str:
        base = base_in(candidate)
        os.rmdir(base)
        return base

    monkeypatch.setattr(directory, "base_in", taken_away)
    assert directory.new_base() == str(runtime_dir / f"mplog-{os.geteuid()}")


def test_a_full_file_system(runtime_dir: Path) -> None:
    """It is named with what it has and what is needed, and nothing stays there."""
    with pytest.raises(OSError, match=rf"{runtime_dir}: \d+ bytes free of the {1 << 62} needed"):
        directory.new_base(1 << 62)
    assert list(runtime_dir.iterdir()) == []
