"""What mplog does itself, for a module would make each program start and end later, does what that module does."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import pytest

from mplog._ring.digest import sha256
from mplog._session import directory


def test_the_digest_is_that_of_hashlib() -> None:
    """Programs on every Python agree on names that are made of it."""
    assert sha256(b"mplog").hexdigest() == hashlib.sha256(b"mplog").hexdigest()


@pytest.mark.parametrize("named", [("TMPDIR",), ("TEMP",), ("TMP",), ("TMP", "TMPDIR"), ()])
@pytest.mark.parametrize("missing", [False, True])
def test_the_temporary_directory_is_that_of_tempfile(
    named: tuple[str, ...], missing: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever variable names one, and whether that is there."""
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)
    for name in named:
        monkeypatch.setenv(name, str(tmp_path / name))
        if not missing:
            (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert directory.defaults()[1] == tempfile.gettempdir()


def test_a_tree_is_removed_and_no_link_is_followed(tmp_path: Path) -> None:
    """Neither one in it nor one that is named."""
    kept = tmp_path / "kept"
    (kept / "sub").mkdir(parents=True)
    (kept / "file").write_text("theirs")
    tree = tmp_path / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "file").write_text("ours")
    (tree / "a" / "to a directory").symlink_to(kept)
    (tree / "to a file").symlink_to(kept / "file")
    (tree / "to nothing").symlink_to(tmp_path / "nothing")
    (tmp_path / "named").symlink_to(kept)
    directory.remove_tree(str(tmp_path / "named"))
    directory.remove_tree(str(tree))
    directory.remove_tree(str(tree))  # It is gone already.
    assert not tree.exists()
    assert sorted(path.name for path in kept.iterdir()) == ["file", "sub"]
    assert (tmp_path / "named").is_symlink()
