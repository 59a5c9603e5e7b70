"""An archiver killed by SIGKILL at each of its steps."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mplog._sinks.file.archive import archive
from mplog._sinks.file.codec import FORMATS, is_same
from mplog._sinks.file.compression import Compression
from mplog._sinks.file.naming import PathTemplate
from mplog._sinks.file.unfinished import sweep

DATED = "app.2026-01-31_18-04-05_123456.log"
ROOT = Path(__file__).parents[4]
GZ = Compression(format="gz")

CHILD = """
import os, signal, sys
from mplog._sinks.file.archive import archive
from mplog._sinks.file.compression import Compression

source, format, name, nth, when, links = sys.argv[1:]
calls = 0
real = getattr(os, name)

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def killing(*args, **kwargs):
    global calls
    calls += 1
    if calls == int(nth) and when == "before":
        die()
    result = real(*args, **kwargs)
    if calls == int(nth) and when == "after":
        die()
    return result

def no_links(*args, **kwargs):
    raise OSError(95, "Operation not supported")

import filelock  # its own calls do not count
if links == "no":
    os.link = no_links
setattr(os, name, killing)
archive(source, Compression(format=format))
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / DATED
    # Random enough that compressors write more than once, at all steps of the work.
    path.write_bytes(os.urandom(300_000) + b"\nlast line\n")
    return path


def kill(log: Path, name: str, nth: int, when: str, *, fmt: str = "gz", links: bool = True) -> None:
    arguments = [str(log), fmt, name, str(nth), when, "yes" if links else "no"]
    child = subprocess.run([sys.executable, "-c", CHILD, *arguments], cwd=ROOT, timeout=60, check=False)
    assert child.returncode == -signal.SIGKILL


def repair(log: Path, compression: Compression = GZ) -> None:
    """What the next holder does."""
    for path in sweep(PathTemplate(log.parent / "app.log"), compression):
        archive(path, compression)


def names(log: Path) -> list[str]:
    return sorted(path.name for path in log.parent.iterdir())


def without_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", refuse)


STEPS = [
    ("open", 1, "after"),
    ("ftruncate", 1, "before"),
    ("write", 1, "before"),
    ("write", 1, "after"),
    ("write", 3, "after"),
    ("fchmod", 1, "after"),
    ("utime", 1, "after"),
    ("link", 1, "before"),
    ("link", 1, "after"),
    ("unlink", 1, "before"),
    ("unlink", 1, "after"),
    ("unlink", 2, "before"),
    ("unlink", 2, "after"),
]


@pytest.mark.parametrize(("name", "nth", "when"), STEPS)
def test_killed_at_any_step(log: Path, name: str, nth: int, when: str) -> None:
    """The next holder finds one whole archive or makes it: nothing lost, nothing doubled, nothing left over."""
    content = log.read_bytes()
    kill(log, name, nth, when)
    repair(log)
    assert [f"{DATED}.gz"] == names(log)
    assert content == gzip.decompress(Path(f"{log}.gz").read_bytes())
    repair(log)
    assert [f"{DATED}.gz"] == names(log)


@pytest.mark.parametrize(("name", "when"), [("rename", "before"), ("rename", "after"), ("unlink", "after")])
def test_killed_where_there_are_no_hard_links(log: Path, monkeypatch: pytest.MonkeyPatch, name: str, when: str) -> None:
    """A file system without hard links loses and doubles nothing either."""
    content = log.read_bytes()
    without_links(monkeypatch)
    kill(log, name, 1, when, links=False)
    repair(log)
    assert [f"{DATED}.gz"] == names(log)
    assert content == gzip.decompress(Path(f"{log}.gz").read_bytes())


@pytest.mark.parametrize("fmt", FORMATS)
def test_published_archives_of_all_formats_are_recognised(log: Path, fmt: str) -> None:
    """An archive of any format whose maker died before removing the source is compared and kept."""
    content = log.read_bytes()
    kill(log, "unlink", 1, "before", fmt=fmt)
    identity = os.stat(f"{log}.{fmt}").st_ino
    repair(log, Compression(format=fmt))
    assert [f"{DATED}.{fmt}"] == names(log)
    assert identity == os.stat(f"{log}.{fmt}").st_ino
    log.write_bytes(content)
    with open(f"{log}.{fmt}", "rb") as archived, log.open("rb") as source:
        assert is_same(fmt, archived, source)


@pytest.mark.parametrize(
    ("name", "nth", "when"), [("write", 1, "after"), ("link", 1, "after"), ("unlink", 1, "before")]
)
def test_next_archiver_goes_on(log: Path, name: str, nth: int, when: str) -> None:
    """Archiving the same file again takes over what the killed process left, without a sweep."""
    content = log.read_bytes()
    kill(log, name, nth, when)
    assert f"{log}.gz" == archive(str(log), GZ)
    assert [f"{DATED}.gz"] == names(log)
    assert content == gzip.decompress(Path(f"{log}.gz").read_bytes())


def test_source_that_changed_after_the_kill_is_archived_anew(log: Path) -> None:
    """A file that was written to after its archive was published keeps its new lines."""
    kill(log, "link", 1, "after")
    with log.open("ab") as opened:
        opened.write(b"a new line\n")
    content = log.read_bytes()
    repair(log)
    assert content == gzip.decompress(Path(f"{log}.gz").read_bytes())
    assert len(names(log)) == 2


def test_killed_between_moving_an_old_archive_and_publishing(log: Path) -> None:
    """An older archive that was moved aside stays, once, whatever becomes of the new one."""
    content = log.read_bytes()
    Path(f"{log}.gz").write_bytes(b"old")
    kill(log, "rename", 1, "after")
    repair(log)
    contents = sorted(path.read_bytes() for path in log.parent.iterdir())
    assert len(contents) == 2
    assert b"old" in contents
    assert content == gzip.decompress(Path(f"{log}.gz").read_bytes())
