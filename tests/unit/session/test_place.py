"""Sessions on disk, made while other processes remove what is empty."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from pathlib import Path

import pytest

from mplog._session import directory, place
from mplog._session.identity import myself


def test_directories_that_vanish_before_they_are_filled(runtime_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is made again; the session is found by all its names, and no other one is left of an earlier attempt."""
    private, made = directory.private, Counter[str]()

    def vanishing(path: str) -> str:
        private(path)
        name = os.path.basename(path)
        made[name] += 1
        if name in ("sessions", "by-pid", "by-authkey") and made[name] <= 2:
            os.rmdir(path)  # What `remove_if_empty` does in another process, at this very moment.
        return path

    monkeypatch.setattr(directory, "private", vanishing)
    found = place.make_place(myself(), [b"key"])
    assert made["sessions"] == made["by-pid"] == made["by-authkey"] == 3
    assert place.all_places() == [found.path]
    for keys, who in (([], myself()), ([b"key"], dataclasses.replace(myself(), pid=1))):
        other = place.find(keys, who)
        assert other is not None
        assert other.path == found.path
        other.control.close()
    found.remove()
    found.control.close()
    assert not list(runtime_dir.rglob("*"))
