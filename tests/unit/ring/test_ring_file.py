"""Ring files: one never takes the place of another."""

from __future__ import annotations

import os
import signal
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


@pytest.mark.parametrize("made", ["by us", "by another"])
def test_a_forked_child_does_not_keep_the_lock(tmp_path: Path, made: str) -> None:
    """Its copy of the map stays open; whoever comes after a dead holder must not wait for the child's end, too."""
    path = str(tmp_path / "1-2-0.ring")
    ring = ring_file.create(path, MINIMUM_CAPACITY, OWNER)
    if made == "by another":
        ring.close()
        ring = ring_file.open_existing(path)
    assert rings.try_lock(ring)
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        ring.forget()
        os.write(tell, b"!")
        signal.pause()
    os.read(told, 1)
    other = ring_file.open_existing(path)
    try:
        assert not rings.try_lock(other)
        ring.forget()
        assert rings.try_lock(other)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for each in (ring, other):
            each.close()
        os.close(told)
        os.close(tell)
