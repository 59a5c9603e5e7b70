"""Opening a log file: what cannot be opened as it was asked for leaves nothing open."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mplog._sinks.file import archive, open_file, opening, whose
from mplog._sinks.file.compression import Compression
from mplog._sinks.file.log_file import LogFile
from mplog._sinks.file.naming import PathTemplate
from mplog._sinks.file.options import FileOptions
from mplog._sinks.file.rotation import parse_rotation
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


def refused(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt("No space left on device")


@pytest.mark.parametrize("what", ["emptied", "tidied"])
def test_a_file_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """`add()` raises what is wrong, and the file is not kept open, nor taken for one that this process writes."""
    path = tmp_path / "app.log"
    path.write_text("old\n")
    (tmp_path / "app.2001-01-31_18-04-05_123456.log").write_text("older\n")
    if what == "emptied":
        monkeypatch.setattr(os, "ftruncate", refused)
    else:
        monkeypatch.setattr(archive, "archive", interrupted)
    options = FileOptions(PathTemplate(path), mode="w", compression=Compression(format="gz"))
    before = os.listdir("/proc/self/fd")
    with pytest.raises((OSError, KeyboardInterrupt), match="No space"):
        FileSink(options)
    assert os.listdir("/proc/self/fd") == before
    assert not whose.is_open_here(path.stat())


def test_an_old_file_that_cannot_be_compressed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever an earlier program has left keeps no program from logging; that it stays is said."""
    path, old = tmp_path / "app.log", tmp_path / "app.2001-01-31_18-04-05_123456.log"
    old.write_text("older\n")
    monkeypatch.setattr(archive, "archive", refused)
    sink = FileSink(FileOptions(PathTemplate(path), compression=Compression(format="gz")))
    sink.write(b"line\n", 0.0)
    assert path.read_text() == "line\n"
    assert old.read_text() == "older\n"
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"{old}, which an earlier program left, could not be compressed" in said
    monkeypatch.undo()
    sink.close()


@pytest.mark.parametrize("what", ["link", "fifo", "directory", "second name", "of others"])
def test_something_else_in_the_place_of_a_file_that_was_found(tmp_path: Path, what: str) -> None:
    """Between finding another process's file and opening it, others can put something there: it is not opened."""
    path, other = tmp_path / "2031.log", tmp_path / "victim.conf"
    other.write_text("victim\n")
    if what == "link":
        path.symlink_to(other)
    elif what == "fifo":
        os.mkfifo(path)
    elif what == "directory":
        path.mkdir()
    elif what == "second name":
        path.hardlink_to(other)
    else:
        path.write_text("theirs\n")
        path.chmod(0o666)
    file = LogFile(FileOptions(PathTemplate(tmp_path / "{time:YYYY}.log")))
    before = os.listdir("/proc/self/fd")
    with pytest.raises((FileNotFoundError, IsADirectoryError)):
        file.open_path(str(path), again=True, found=True)
    assert os.listdir("/proc/self/fd") == before
    assert other.read_text() == "victim\n"
    assert not os.listxattr(other)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of others")
def test_a_next_file_that_others_have_put_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rotation to a name that is taken by somebody else is refused, and the old file grows on."""
    now = 1_000_000_000.0
    monkeypatch.setattr(open_file, "wall_time", lambda: now)
    os.chown(tmp_path, 1, 1)
    template = PathTemplate(tmp_path / "{time:YYYY}.log")
    sink = FileSink(FileOptions(template, rotation=parse_rotation(10)))
    sink.write(b"12345678\n", now)
    theirs = tmp_path / "2031.log"
    theirs.touch()
    os.chown(theirs, 2, 2)
    now = 1_930_000_000.0
    sink.write(b"12345678\n", now)
    assert (tmp_path / "2001.log").read_bytes() == b"12345678\n" * 2
    theirs.unlink()
    monkeypatch.setattr(sink._turnover, "retry_from", 0.0)
    sink.write(b"12345678\n", now)
    assert theirs.read_bytes() == b"12345678\n"
    sink.close()
