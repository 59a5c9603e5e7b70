"""Ring files: one never takes the place of another."""

from __future__ import annotations

from pathlib import Path

import pytest

from mplog._ring import ring_file
from mplog._ring.ring_file import MINIMUM_CAPACITY, RingOwner
from mplog._session import rings
from mplog._session.identity import myself

OWNER = RingOwner(1, 2, b"b" * 16, 3, b"s" * 16, "name")


def test_a_name_that_exists_is_refused(tmp_path: Path) -> None:
    """What the first ring holds stays there, and nothing half made lies beside it."""
    path = tmp_path / "1-2-0.ring"
    first = ring_file.create(str(path), MINIMUM_CAPACITY, OWNER)
    inode = path.stat().st_ino
    with pytest.raises(FileExistsError):
        ring_file.create(str(path), MINIMUM_CAPACITY, OWNER)
    assert path.stat().st_ino == inode
    assert [entry.name for entry in tmp_path.iterdir()] == ["1-2-0.ring"]
    first.close()


def test_another_directory_is_no_way_out(tmp_path: Path) -> None:
    """Two rings with one key would be one ring to a slot."""
    directories = [str(tmp_path / "a"), str(tmp_path / "b")]
    for directory in directories:
        Path(directory).mkdir()
    first = rings.create(directories, 0, myself(), b"s" * 16, "name")
    with pytest.raises(FileExistsError):
        rings.create(directories, 0, myself(), b"s" * 16, "name")
    assert list(Path(directories[1]).iterdir()) == []
    first.close()
