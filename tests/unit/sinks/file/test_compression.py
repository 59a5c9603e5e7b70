"""Archives: formats, names, several archivers at once, and what happens beside them.

Covers logger-api.md, section 16.8.
"""

from __future__ import annotations

import bz2
import gc
import gzip
import lzma
import os
import pickle
import stat
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import filelock
import pytest

from mplog._sinks.file.archive import archive
from mplog._sinks.file.birth import read_birth, write_birth
from mplog._sinks.file.claim import abandon_claims, claimed
from mplog._sinks.file.codec import FORMATS
from mplog._sinks.file.compression import Compression, parse_compression
from mplog._sinks.file.naming import PathTemplate, part_name
from mplog._sinks.file.unfinished import sweep

DATED = "app.2026-01-31_18-04-05_123456.log"
CONTENT = b"".join(b"line %d of the log\n" % number for number in range(50_000))


def tar_content(path: str) -> bytes:
    with tarfile.open(path) as archived:
        assert archived.getnames() == [DATED]
        member = archived.extractfile(DATED)
        assert member is not None
        return member.read()


def zip_content(path: str) -> bytes:
    with zipfile.ZipFile(path) as archived:
        assert [(info.filename, info.compress_type) for info in archived.infolist()] == [(DATED, zipfile.ZIP_DEFLATED)]
        return archived.read(DATED)


def lzma_content(path: str) -> bytes:
    with lzma.open(path, format=lzma.FORMAT_ALONE) as archived:
        return archived.read()


READERS: dict[str, Callable[[str], bytes]] = {
    "gz": lambda path: gzip.decompress(Path(path).read_bytes()),
    "bz2": lambda path: bz2.decompress(Path(path).read_bytes()),
    "xz": lambda path: lzma.decompress(Path(path).read_bytes(), lzma.FORMAT_XZ),
    "lzma": lzma_content,
    "tar": tar_content,
    "tar.gz": tar_content,
    "tar.bz2": tar_content,
    "tar.xz": tar_content,
    "zip": zip_content,
}

GZ = Compression(format="gz")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / DATED
    path.write_bytes(CONTENT)
    return path


def names(log: Path) -> list[str]:
    return sorted(path.name for path in log.parent.iterdir())


class TestParse:
    def test_none_is_no_compression(self) -> None:
        """Without a compression old files stay as they are."""
        assert parse_compression(None) is None

    @pytest.mark.parametrize("value", [" .gz ", "gz", "..gz"])
    def test_dots_and_spaces_do_not_matter(self, value: str) -> None:
        """Surrounding spaces and leading dots are ignored."""
        assert parse_compression(value) == GZ

    @pytest.mark.parametrize("value", [True, 5, b"gz", ["gz"]])
    def test_other_types(self, value: object) -> None:
        """Anything else is a type error that shows the value and lists the formats."""
        with pytest.raises(TypeError, match=r"^Cannot infer compression .* \(got .*\)\. Pass one of gz, "):
            parse_compression(value)

    @pytest.mark.parametrize("value", ["rar", "GZ", "", "tar.lzma", "gz."])
    def test_unknown_formats(self, value: str) -> None:
        """An unknown format is refused with the list of those there are."""
        with pytest.raises(ValueError, match=rf"^Invalid compression format: '{value}'\. Use one of gz, bz2, xz"):
            parse_compression(value)

    @pytest.mark.parametrize(
        ("value", "missing"),
        [
            ("gz", "gzip"),
            ("bz2", "bz2"),
            ("xz", "lzma"),
            ("lzma", "lzma"),
            ("zip", "zipfile"),
            ("tar", "tarfile"),
            ("tar.gz", "gzip"),
            ("tar.gz", "tarfile"),
            ("tar.bz2", "bz2"),
            ("tar.xz", "lzma"),
        ],
    )
    def test_missing_modules_show_at_once(self, monkeypatch: pytest.MonkeyPatch, value: str, missing: str) -> None:
        """An interpreter without the module fails where the format is named, not at the first rotation."""
        monkeypatch.setitem(sys.modules, missing, None)
        with pytest.raises(ImportError):
            parse_compression(value)

    def test_suffixes(self) -> None:
        """A format's suffix is its name behind a dot; a function has none."""
        assert (Compression(format="tar.gz").suffix, Compression(function=print).suffix) == (".tar.gz", "")

    def test_can_be_pickled(self) -> None:
        """A compression travels to another process."""
        assert pickle.loads(pickle.dumps(GZ)) == GZ


class TestArchive:
    @pytest.mark.parametrize("name", FORMATS)
    @pytest.mark.parametrize("content", [CONTENT, b""], ids=["lines", "empty"])
    def test_keeps_the_content(self, log: Path, name: str, content: bytes) -> None:
        """The archive holds the file under its base name; the file and the part are gone."""
        log.write_bytes(content)
        target = archive(str(log), Compression(format=name))
        assert f"{log}.{name}" == target
        assert content == READERS[name](target)
        assert [f"{DATED}.{name}"] == names(log)

    def test_keeps_mode_and_time(self, log: Path) -> None:
        """Mode and modification time are the source's; the archive's creation time is its own."""
        log.chmod(0o640)
        os.utime(log, ns=(1, 1_700_000_000_123_456_789))
        target = archive(str(log), GZ)
        assert target is not None
        status = os.stat(target)
        assert (stat.S_IMODE(status.st_mode), status.st_mtime_ns) == (0o640, 1_700_000_000_123_456_789)

    def test_existing_archive_is_renamed(self, log: Path) -> None:
        """An older archive of that name moves to its own creation time and keeps its content."""
        old = Path(f"{log}.gz")
        old.write_bytes(b"old")
        with old.open("rb") as opened:
            write_birth(opened.fileno(), 0.0)
            if read_birth(opened.fileno()) != 0.0:
                pytest.skip("no extended attributes here")
        archive(str(log), GZ)
        moved = [name for name in names(log) if name != f"{DATED}.gz"]
        assert len(moved) == 1
        assert moved[0].startswith(DATED.removesuffix(".log"))
        assert moved[0].endswith("_000000.log.gz")
        assert (log.parent / moved[0]).read_bytes() == b"old"

    def test_equal_files_one_after_the_other_all_stay(self, log: Path) -> None:
        """Files of one name and one content are different files: each has its archive."""
        for _ in range(4):
            log.write_bytes(b"same\n")
            assert archive(str(log), GZ) is not None
        assert len(names(log)) == 4

    def test_function_gets_the_path(self, log: Path) -> None:
        """A function is called with the path, and nothing else happens."""
        calls: list[str] = []
        assert archive(str(log), Compression(function=calls.append)) is None
        assert ([str(log)], [DATED]) == (calls, names(log))

    def test_vanished_source_is_no_error(self, log: Path) -> None:
        """A file that retention removed before needs no archive."""
        log.unlink()
        assert archive(str(log), GZ) is None
        assert names(log) == []

    def test_source_vanishing_meanwhile(self, log: Path) -> None:
        """A file removed while it is compressed leaves nothing behind."""

        def remove() -> bool:
            log.unlink(missing_ok=True)
            return False

        assert archive(str(log), GZ, unwanted=remove) is None
        assert names(log) == []

    def test_unwanted_ends_the_work(self, log: Path) -> None:
        """When nobody wants the archive any longer the part goes and the source stays."""
        assert archive(str(log), GZ, unwanted=lambda: True) is None
        assert names(log) == [DATED]

    def test_source_still_written_is_left_alone(self, log: Path) -> None:
        """A file that grows while it is compressed is not archived: no line can be lost."""

        def grow() -> bool:
            with log.open("ab") as opened:
                opened.write(b"more\n")
            return False

        assert archive(str(log), Compression(format="tar"), unwanted=grow) is None
        assert names(log) == [DATED]

    def test_failure_leaves_the_source(self, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A full disk is an error; the source stays and the part goes."""

        def full(fd: int, data: bytes) -> int:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(os, "write", full)
            with pytest.raises(OSError, match="No space left"):
                archive(str(log), GZ)
        assert names(log) == [DATED]

    @pytest.mark.parametrize("name", FORMATS)
    def test_nothing_is_written_late(self, log: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        """A compressor that failed and is finalised later writes nothing to a descriptor that is another file's now."""
        real = os.write
        written: list[int] = []

        def full(fd: int, data: bytes) -> int:
            written.append(fd)
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(os, "write", full)
            with pytest.raises(OSError, match="No space left") as failure:
                archive(str(log), Compression(format=name))
            patched.setattr(os, "write", real)
            other = os.open(log.parent / "other", os.O_RDWR | os.O_CREAT)
            try:
                del failure
                gc.collect()
                assert os.fstat(other).st_size == 0
                assert written
            finally:
                os.close(other)

    def test_claim_lasts_until_the_source_is_gone(self, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nobody else can take over between publishing the archive and removing source and part."""
        part = part_name(f"{log}.gz")
        removed: list[str] = []
        real = os.unlink

        def watched(path: str) -> None:
            with claimed(part, None, create=False) as fd:
                assert fd is None
            removed.append(path)
            real(path)

        with monkeypatch.context() as patched:
            patched.setattr(os, "unlink", watched)
            archive(str(log), GZ)
        assert [str(log), part] == removed

    def test_claimed_by_another(self, log: Path) -> None:
        """A file that another process is at is left to it, by archive and by sweep."""
        part = part_name(f"{log}.gz")
        fd = os.open(part, os.O_RDWR | os.O_CREAT)
        assert filelock.lock_descriptor(fd, blocking=False)
        try:
            assert archive(str(log), GZ) is None
            assert sweep(PathTemplate(log.parent / "app.log"), GZ) == []
            assert [os.path.basename(part), DATED] == names(log)
        finally:
            os.close(fd)
        assert archive(str(log), GZ) is not None

    def test_a_link_in_place_of_the_part_is_not_followed(self, log: Path) -> None:
        """A symbolic link planted under the part's name is refused, and its target untouched."""
        victim = log.parent / "victim"
        victim.write_bytes(b"precious")
        os.symlink(victim, part_name(f"{log}.gz"))
        with pytest.raises(OSError, match=r"symbolic link|Too many levels"):
            archive(str(log), GZ)
        assert victim.read_bytes() == b"precious"
        assert log.read_bytes() == CONTENT

    def test_many_archivers_make_one_archive(self, log: Path) -> None:
        """Of several that archive the same file one does the work, and nothing is doubled."""
        results: list[str | None] = []
        threads = [threading.Thread(target=lambda: results.append(archive(str(log), GZ))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(result is not None for result in results) == 1
        assert [f"{DATED}.gz"] == names(log)
        assert READERS["gz"](f"{log}.gz") == CONTENT

    def test_forked_child_gives_claims_back(self, log: Path) -> None:
        """A claim abandoned in a child is closed there and forgotten."""
        part = part_name(f"{log}.gz")
        with claimed(part, None, create=True) as fd:
            assert fd is not None
            abandon_claims()
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.fstat(fd)


class TestSweep:
    def test_returns_what_was_never_archived(self, log: Path) -> None:
        """Renamed files without archive are returned; live files, archives and neighbours are not."""
        for name in ("app.log", "app.1.log", "app.2026-01-31_18-04-05_123457.log.gz", "app.old.log"):
            (log.parent / name).write_bytes(b"x")
        before = names(log)
        assert [str(log)] == sweep(PathTemplate(log.parent / "app.log"), GZ)
        assert before == names(log)

    def test_archives_of_a_bare_time_are_not_archived_again(self, tmp_path: Path) -> None:
        """Where the whole name is the time, an archive is still told from a file."""
        (tmp_path / "x.2026-01-31_18-04-05_123456.gz").touch()
        assert sweep(PathTemplate(tmp_path / "{time}"), GZ) == []

    def test_removes_leftovers(self, log: Path) -> None:
        """Parts that nobody works on go, also those of a format used before, and with compression off."""
        for name in ("gz", "tar.xz"):
            Path(part_name(f"{log}.{name}")).write_bytes(b"half")
        assert sweep(PathTemplate(log.parent / "app.log"), None) == []
        assert names(log) == [DATED]

    def test_leaves_other_logs_alone(self, log: Path) -> None:
        """The parts of another log in the same directory are not touched."""
        other = Path(part_name(str(log.parent / "other.log.gz")))
        other.touch()
        sweep(PathTemplate(log.parent / "app.log"), GZ)
        assert other.exists()

    def test_different_archive_of_that_name_is_no_reason_to_remove(self, log: Path) -> None:
        """A source beside an archive that does not hold it is still to be archived."""
        with gzip.open(f"{log}.gz", "wb") as opened:
            opened.write(CONTENT[:-1])
        os.utime(f"{log}.gz", ns=(1, os.stat(log).st_mtime_ns))
        assert [str(log)] == sweep(PathTemplate(log.parent / "app.log"), GZ)
        assert log.read_bytes() == CONTENT
