"""What becomes of old files: each archived or removed as asked for, or told why not. logger-api.md, section 16."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import signal
import tarfile
import zipfile
from pathlib import Path

import pytest
from programs import Program, wait_until

from mplog._sinks.file import codec
from mplog._sinks.file.archive import archive
from mplog._sinks.file.compression import Compression

ROTATING = """
import os, sys
from mplog import logger
logger.remove()
path = os.fsdecode(bytes.fromhex(sys.argv[1]))
try:
    logger.add(path, format="{message}", **eval(sys.argv[2]))
except ValueError as error:
    print(error)
    sys.exit(3)
for number in range(3):
    logger.info("line {} of a few", number)
logger.remove()
"""
EXPECTED = {b"line 0 of a few\n", b"line 1 of a few\n", b"line 2 of a few\n"}


def content(path: bytes) -> bytes:
    """What is in a log file or in its archive."""
    name = os.fsdecode(path)
    if ".tar" in name:
        with tarfile.open(path) as tarred:
            extracted = tarred.extractfile(tarred.getmembers()[0])
            assert extracted is not None
            return extracted.read()
    if name.endswith(".zip"):
        with zipfile.ZipFile(name) as zipped:
            return zipped.read(zipped.namelist()[0])
    for ending, opened in ((".gz", gzip.open), (".bz2", bz2.open), (".xz", lzma.open), (".lzma", lzma.open)):
        if name.endswith(ending):
            with opened(name, "rb") as file:
                return bytes(file.read())
    return Path(name).read_bytes()


@pytest.mark.parametrize("format_", codec.FORMATS)
@pytest.mark.parametrize("name", [b"caf\xe9.log", "caf\u00e9 \U0001f600.log".encode(), b"a%b.log"])
def test_names_of_any_bytes(program: Program, format_: str, name: bytes) -> None:
    """Each format takes names that are no UTF-8, and loses nothing."""
    program.run(ROTATING, name.hex(), f"dict(rotation=20, compression={format_!r})")
    found = [os.path.join(os.fsencode(program.here), each) for each in os.listdir(os.fsencode(program.here))]
    assert {content(path) for path in found} == EXPECTED
    assert sum(path.endswith(f".{format_}".encode()) for path in found) == 2


@pytest.mark.parametrize(
    ("options", "longer"),
    [
        ("dict(rotation=20)", len(".2031-01-31_23-59-59_123456")),
        ("dict(rotation=20, compression='gz')", len("..2031-01-31_23-59-59_123456.gz.mplog-part")),
        ("dict(rotation=20, compression='tar.bz2')", len("..2031-01-31_23-59-59_123456.tar.bz2.mplog-part")),
        ("dict(compression='gz')", len("..gz.mplog-part")),
        ("dict()", 0),
    ],
)
@pytest.mark.parametrize("letter", ["a", "\u00e9"])
def test_names_as_long_as_can_be(program: Program, options: str, longer: int, letter: str) -> None:
    """Either all that becomes of a file has room for its name, or `add()` refuses it and has made nothing."""
    most = os.pathconf(program.here, "PC_NAME_MAX") - longer
    size = len(letter.encode())
    name = (letter * ((most - len(".log")) // size)).encode()
    longest = b"x" * (most - len(".log") - len(name)) + name + b".log"
    program.run(ROTATING, longest.hex(), options)
    found = [os.path.join(os.fsencode(program.here), each) for each in os.listdir(os.fsencode(program.here))]
    assert len(found) == (3 if "rotation" in options else 1)
    assert b"".join(sorted(map(content, found))) == b"".join(sorted(EXPECTED))
    for path in found:
        os.unlink(path)
    if longer:
        ended = program.run(ROTATING, (b"x" + longest).hex(), options, status=3)
        assert "is 1 bytes too long" in ended.output
        assert os.listdir(program.here) == []


def test_names_that_are_longer_in_other_months(program: Program) -> None:
    """What a name with a month or day has in the longest case is what counts."""
    most = os.pathconf(program.here, "PC_NAME_MAX") - len("..2031-01-31_23-59-59_123456.gz.mplog-part")
    path = "x" * (most - len("September-Wednesday.log")) + "{time:MMMM-dddd}.log"
    options = "dict(rotation=20, compression='gz', delay=True)"
    program.run(ROTATING, path.encode().hex(), options)
    assert program.run(ROTATING, f"x{path}".encode().hex(), options, status=3).output


def test_one_that_cannot_be_removed_keeps_no_other(program: Program) -> None:
    """The rest goes, at every rotation, and it is said once."""
    names = [f"app.2001-01-0{day}_00-00-00_000000.log" for day in range(1, 7)]
    for number, name in enumerate(names):
        (program.here / name).touch()
        os.utime(program.here / name, (10**9 + number, 10**9 + number))
    ended = program.run(
        f"""
        import os
        from mplog import logger
        remove = os.remove
        def refuse(path, *args, **options):
            if os.path.basename(path) in {names[3:5]!r}:
                raise PermissionError(1, "Operation not permitted", path)
            remove(path, *args, **options)
        os.remove = refuse
        logger.remove()
        logger.add("app.log", rotation=20, retention=2, format="{{message}}")
        for number in range(12):
            logger.info("line {{:02}} of a few", number)
        logger.remove()
        """,
        silent=False,
    )
    assert ended.said.count("and 1 other old files could not be removed") == ended.said.count("\n") == 1, ended.said
    left = sorted(path.name for path in program.here.iterdir())
    assert left[:2] == names[3:5]
    assert len(left) == 2 + 2 + 1


class TestAppendsWithoutTheLock:
    def test_go_into_no_file_that_is_archived(self, program: Program) -> None:
        """Who finds the lock of a renamed file held goes on in the current file."""
        rotator = program.start(
            """
            import gzip, os, sys, time
            from mplog import logger
            def compress(path):
                with open(path, "rb") as source:
                    data = source.read()
                open("compressing.txt", "w").close()
                while not os.path.exists("go.txt"):
                    time.sleep(0.001)
                with gzip.open(path + ".gz", "wb") as target:
                    target.write(data)
                os.remove(path)
            logger.remove()
            logger.add("app.log", format="{message}", rotation=200, compression=compress)
            logger.info("A" * 150)
            open("ready.txt", "w").close()
            while not os.path.exists("second.txt"):
                time.sleep(0.001)
            logger.info("B" * 150)
            """
        )
        wait_until((program.here / "ready.txt").exists, "the first has the file")
        other = program.start(
            """
            import fcntl, os, time
            from pathlib import Path
            from mplog import logger
            logger.remove()
            logger.add("app.log", format="{message}", rotation=100000)
            logger.info("other begins")
            inode = os.stat("app.log").st_ino
            Path("second.txt").touch()
            while not os.path.exists("compressing.txt"):
                time.sleep(0.001)
            (renamed,) = [path for path in Path().iterdir() if path.stat().st_ino == inode]
            with renamed.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                logger.info("without the lock")
            Path("go.txt").touch()
            """
        )
        assert other.wait().status == rotator.wait().status == 0
        assert sorted(line[:7] for line in other.log()) == ["A" * 7, "B" * 7, "other b", "without"]

    @pytest.mark.parametrize("compression", [Compression(format="gz"), Compression(function=os.unlink)])
    def test_that_have_begun_are_waited_for(self, tmp_path: Path, program: Program, compression: Compression) -> None:
        """A process stopped in the middle keeps the old file as it is; its death ends that."""
        log = tmp_path / "app.log"
        log.write_text("line\n")
        other = program.start(
            """
            import os, sys, time
            from mplog._sinks.file import presence
            fd = os.open(sys.argv[1], os.O_RDWR | os.O_APPEND)
            presence.begin_unlocked(fd)
            open("ready.txt", "w").close()
            time.sleep(1000)
            """,
            log,
        )
        wait_until((program.here / "ready.txt").exists, "the other is about to append")
        assert archive(str(log), compression) is None
        assert log.read_text() == "line\n"
        os.kill(other.process.pid, signal.SIGKILL)
        other.process.wait()
        archive(str(log), compression)
        assert not log.exists()

    @pytest.mark.parametrize("compression", ["'gz'", "compress"])
    @pytest.mark.parametrize("access", ["0", "os.O_RDWR"])
    def test_beside_rotations_lose_nothing(self, program: Program, compression: str, access: str) -> None:
        """Programs that never wait for the lock, in a file that is rotated and compressed all the time."""
        source = f"""
            import gzip, os, sys, time
            from mplog import logger
            from mplog._sinks.file import direct
            direct.DIRECT_BOUND = 0.0
            def compress(path):
                with open(path, "rb") as source, gzip.open(path + ".gz", "wb") as target:
                    target.write(source.read())
                os.remove(path)
            def opener(path, flags):  # Nobody joins a session that such a program has.
                return os.open(path, flags & ~os.O_WRONLY | {access} if {access} else flags, 0o644)
            logger.remove()
            logger.add("app.log", format="{{message}}", rotation=1500, compression={compression}, opener=opener)
            open(f"ready{{sys.argv[1]}}.txt", "w").close()
            while not os.path.exists("go.txt"):
                time.sleep(0.001)
            for number in range(600):
                logger.info("program {{}} {{}}", sys.argv[1], number)
            print(sum(handler.sink.unlocked for handler in logger._core.handlers()))
            """
        running = [program.start(source, number) for number in range(4)]
        wait_until(lambda: len(list(program.here.glob("ready*.txt"))) == 4, "all are ready", within=40)
        (program.here / "go.txt").touch()
        ended = [each.wait() for each in running]
        assert [(each.status, each.said) for each in ended] == [(0, "")] * 4
        assert sum(int(each.output) for each in ended) > 0
        assert sorted(ended[0].log()) == sorted(f"program {n} {m}" for n in range(4) for m in range(600))
