"""What becomes of old files, beside the reference: logger-api.md, sections 16.4, 16.6 and 16.8.

Deliberate differences, each with a test here:

- a renamed file does not take a name whose archive is there already, so archives are not renamed for it;
- archives keep the modification time of their file (that is how a half-done compression is recognised after a kill);
- no message is lost when compression fails (beyond.md row 21).
"""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import io
import lzma
import os
import sys
import tarfile
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sides import Side, raised, run, sides

FORMATS = ["gz", "bz2", "xz", "lzma", "tar", "tar.gz", "tar.bz2", "tar.xz", "zip"]


def unpacked(name: str, data: bytes) -> Any:
    """What an archive holds: container, stream and contents."""
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [(each.filename, each.compress_type, archive.read(each)) for each in archive.infolist()]
    for suffix, decompress in ((".gz", gzip.decompress), (".bz2", bz2.decompress)):
        if name.endswith(suffix):
            return suffix, unpacked(name.removesuffix(suffix), decompress(data))
    for suffix, kind in ((".xz", lzma.FORMAT_XZ), (".lzma", lzma.FORMAT_ALONE)):
        if name.endswith(suffix):
            return suffix, unpacked(name.removesuffix(suffix), lzma.decompress(data, kind))
    if name.endswith(".tar"):
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tarred:
            return [(each.name, each.isfile(), tarred.extractfile(each).read()) for each in tarred]  # type: ignore[union-attr]  # regular files
    return data


def holds(side: Side) -> dict[str, Any]:
    """Every file by its name, unpacked."""
    return {name: unpacked(name, data) for name, data in side.left().items()}


class TestFormats:
    @pytest.mark.parametrize("compression", [*FORMATS, ".gz", "  .tar.gz ", "..zip"])
    @pytest.mark.parametrize("path", ["app.log", "app", "sub/a.b.log"])
    def test_at_a_rotation(self, tmp_path: Path, compression: str, path: str) -> None:
        """The same archives, with the same members."""

        def scenario(side: Side) -> None:
            side.add(path, rotation="1 h", compression=compression)
            for number in range(3):
                side.logger.info(str(number))
                side.tick(3600)

        reference, ours = run(tmp_path, scenario)
        assert holds(ours) == holds(reference)
        assert len(holds(ours)) == 3

    @pytest.mark.parametrize("compression", FORMATS)
    def test_at_the_end(self, tmp_path: Path, compression: str) -> None:
        """Without rotation the live file becomes an archive when the handler is removed, again and again."""

        def scenario(side: Side) -> None:
            handler = side.add(compression=compression)
            side.logger.info("a")
            side.logger.remove(handler)

        reference, ours = run(tmp_path, scenario)
        assert holds(ours) == holds(reference)
        assert list(ours.left()) == [f"app.log.{compression}"]

    @pytest.mark.parametrize("compression", ["gz", "tar.gz", "zip"])
    def test_existing_archive_is_renamed(self, tmp_path: Path, compression: str) -> None:
        """By its own creation time, with both extensions at the end."""

        def scenario(side: Side) -> None:
            for number in range(3):
                handler = side.add(compression=compression)
                side.logger.info(str(number))
                side.logger.remove(handler)
                archive = side.here / f"app.log.{compression}"
                # The reference reads the true clock for archives; both get the frozen one's time.
                for name in ("user.loguru_crtime", "user.mplog.created"):
                    os.setxattr(archive, name, str(1769600000.0 + 10 * number).encode())
                side.tick(10)

        reference, ours = run(tmp_path, scenario)
        assert holds(ours) == holds(reference)
        assert (
            f"app.{dt.datetime.fromtimestamp(1769600000, dt.timezone.utc):%Y-%m-%d_%H-%M-%S}_000000.log.{compression}"
            in (ours.left())
        )

    def test_delayed_and_never_opened(self, tmp_path: Path) -> None:
        """There is nothing to compress."""

        def scenario(side: Side) -> None:
            side.logger.remove(side.add(compression=side.said.append, delay=True))

        reference, ours = run(tmp_path, scenario)
        assert ours.said == reference.said == []


class TestFunctions:
    def test_paths_and_order(self, tmp_path: Path) -> None:
        """Called with the path of the closed, renamed file, before the retention."""

        def scenario(side: Side) -> None:
            def pack(path: str) -> None:
                side.said.append((os.path.relpath(path, side.here), Path(path).read_bytes()))
                os.rename(path, f"{path}.packed")

            side.add(
                rotation="2 B",
                compression=pack,
                retention=lambda files: side.said.append(sorted(map(os.path.basename, files))),
            )
            for number in range(3):
                side.logger.info(str(number))
                side.tick(1)

        reference, ours = run(tmp_path, scenario)
        assert [said for said in ours.said if isinstance(said, tuple)] == [
            said for said in reference.said if isinstance(said, tuple) and said[1]
        ]
        assert [type(said) for said in ours.said] == [tuple, list] * 2
        left = {name: content for name, content in reference.left().items() if content}
        assert ours.left() == left

    def test_where_they_run(self, tmp_path: Path) -> None:
        """In the thread of the call that rotates, which they delay; they get absolute paths as text."""

        def scenario(side: Side) -> None:
            def compress(path: str) -> None:
                side.said.append(
                    (type(path), os.path.isabs(path), threading.current_thread() is threading.main_thread())
                )

            def retain(paths: list[str]) -> None:
                side.said.append((type(paths), {type(path) for path in paths}, threading.get_ident() == caller))

            caller = threading.get_ident()
            side.add(rotation="2 B", compression=compress, retention=retain)
            for number in range(3):
                side.logger.info(str(number))
                side.tick(1)
                side.said.append(number)

        reference, ours = run(tmp_path, scenario)
        start = reference.said.index(0)  # The reference rotates an empty file first.
        assert ours.said == reference.said[start:]
        assert len(ours.said) == 7

    def test_at_the_end(self, tmp_path: Path) -> None:
        """Called once with the live file's path."""

        def scenario(side: Side) -> None:
            handler = side.add(compression=lambda path: side.said.append(os.path.relpath(path, side.here)))
            side.logger.info("a")
            side.logger.remove(handler)

        reference, ours = run(tmp_path, scenario)
        assert ours.said == reference.said == ["app.log"]
        assert ours.left() == reference.left()


class TestFailures:
    def test_at_a_rotation(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A handler error and no retention for both; mplog has written the record, which the reference loses."""

        def fail(path: str) -> None:
            raise ZeroDivisionError

        def scenario(side: Side) -> None:
            side.add(rotation=5, compression=fail, retention=side.said.append)
            for text in ("aaaa", "bbbb", "cccc"):
                side.logger.info(text)
                side.tick(1)

        reference, ours = run(tmp_path, scenario)
        assert sorted(ours.left().values()) == [b"aaaa\n", b"bbbb\n", b"cccc\n"]
        assert b"bbbb\n" not in reference.left().values()
        assert ours.said == reference.said == []
        assert capsys.readouterr().err.count(": handler 0 (") == 2

    def test_at_the_end(self, tmp_path: Path) -> None:
        """`remove()` raises what the function raises, retention does not happen, and the handler is gone."""

        def fail(path: str) -> None:
            raise ZeroDivisionError

        def scenario(side: Side) -> None:
            handler = side.add(compression=fail, retention=lambda files: side.said.append("retention"))
            side.logger.info("a")
            side.said.append(raised(lambda: side.logger.remove(handler)))
            side.said.append(raised(lambda: side.logger.remove(handler)))

        reference, ours = run(tmp_path, scenario)
        assert ours.said == reference.said == [ZeroDivisionError, ValueError]
        assert ours.left() == reference.left()

    @pytest.mark.parametrize("compression", FORMATS)
    @pytest.mark.parametrize("module", ["gzip", "bz2", "lzma", "tarfile", "zipfile"])
    def test_missing_modules(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compression: str, module: str
    ) -> None:
        """`add()` raises ImportError where the interpreter lacks what the format needs, and opens nothing."""
        with sides(tmp_path) as both:
            monkeypatch.setitem(sys.modules, module, None)
            errors = [raised(lambda side=side: side.add(compression=compression, delay=True)) for side in both]  # type: ignore[misc]  # bound now
            assert errors[0] is errors[1]
            assert not both[1].left()
            monkeypatch.undo()


class TestDifferences:
    def test_names_of_archives_are_not_used_again(self, tmp_path: Path) -> None:
        """Two files of one creation time: mplog numbers the second, the reference renames the archive of the first."""

        def scenario(side: Side) -> None:
            side.add(rotation="2 B", compression="gz")
            for number in range(4):
                side.logger.info(str(number))

        reference, ours = run(tmp_path, scenario)
        date = "app.2026-01-28_13-20-30_250000"
        assert sorted(ours.left()) == [f"{date}.2.log.gz", f"{date}.3.log.gz", f"{date}.log.gz", "app.log"]
        assert sum(name.count("2026") == 2 for name in reference.left()) >= 1

    def test_archives_keep_the_time_of_their_file(self, tmp_path: Path) -> None:
        """A retention by age goes by the last record in it."""

        def scenario(side: Side) -> None:
            handler = side.add(compression="gz")
            side.logger.info("a")
            os.utime(side.here / "app.log", (1000, 1000))
            side.logger.remove(handler)
            side.said.append(int((side.here / "app.log.gz").stat().st_mtime) == 1000)

        reference, ours = run(tmp_path, scenario)
        assert (ours.said, reference.said) == ([True], [False])
