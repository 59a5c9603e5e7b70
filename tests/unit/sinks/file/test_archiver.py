"""The second thread of archives: it can be asked for from anywhere, and nobody waits for himself."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from programs import wait_until

from mplog._ring.clock import monotonic
from mplog._sinks.file import archiver as archivers
from mplog._sinks.file.archiver import Archiver
from mplog._sinks.file.compression import Compression


def old_files(directory: Path, count: int) -> list[str]:
    """Some files that could be archived."""
    paths = [directory / f"app.{number}.log" for number in range(count)]
    for path in paths:
        path.write_text("line\n")
    return list(map(str, paths))


def report(error: Exception) -> None:
    """Nothing is to go wrong."""
    raise AssertionError from error


def test_a_function_that_waits_for_archives_comes_back(tmp_path: Path) -> None:
    """As one does that removes the handler."""
    waited: list[bool] = []
    errors: list[Exception] = []
    archiver = Archiver(
        Compression(function=lambda path: waited.append(archiver.wait(monotonic() + 5))), lambda: None, errors.append
    )
    archiver.background = True
    archiver.take(old_files(tmp_path, 1)[0])
    assert archiver.wait(monotonic() + 20)
    assert waited == [False]
    assert not errors


def test_a_function_that_makes_another_archive_where_no_thread_can_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Late in the end of the interpreter: it is made there and then, once, and nobody waits for ever."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(archivers, "start_thread", refuse)
    first, second = old_files(tmp_path, 2)
    got: list[str] = []

    def function(path: str) -> None:
        got.append(path)
        if path == first:
            archiver.take(second)

    archiver = Archiver(Compression(function=function), lambda: None, report)
    archiver.background = True
    thread = threading.Thread(target=archiver.take, args=(first,), daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert got == [first, second]


def test_a_file_that_comes_during_a_fork_waits(tmp_path: Path) -> None:
    """A direct call of another thread may rotate while a fork has all threads of mplog paused."""
    got: list[str] = []
    archiver = Archiver(Compression(function=got.append), lambda: None, report)
    archiver.background = True
    archiver.pause(monotonic() + 5)
    path = old_files(tmp_path, 1)[0]
    archiver.take(path)
    assert archiver._thread is None
    assert not got
    archiver.resume()
    wait_until(lambda: got == [path], "it is archived", within=20)
    assert archiver.wait(monotonic() + 20)
