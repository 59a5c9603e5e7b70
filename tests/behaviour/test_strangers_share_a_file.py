"""Programs with no common parent that add the same file rotate it once per due event and lose nothing.

Covers logger-api.md, section 36.
"""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from programs import Program, assert_once_in_order, wait_until

STRANGER = """
import os, sys, time
from mplog import logger

number, records, options = int(sys.argv[1]), int(sys.argv[2]), eval(sys.argv[3])
logger.remove()
logger.add(options.pop("path", "app.log"), format="{process.id} {message}", **options)
open(f"ready{number}.txt", "w").close()
while not os.path.exists("go.txt"):
    time.sleep(0.001)
for count in range(records):
    logger.info("stranger{} {}", number, count)
logger.remove()
"""


def run_strangers(program: Program, processes: int, records: int, options: str) -> Path:
    """Start them, let them log at the same time, wait for all."""
    running = [program.start(STRANGER, number, records, options) for number in range(processes)]
    for number in range(processes):
        wait_until((program.here / f"ready{number}.txt").exists, f"stranger {number} is ready")
    (program.here / "go.txt").touch()
    for each in running:
        ended = each.wait()
        assert (0, "") == (ended.status, ended.said)
    program.leaves_nothing()
    return program.here


def contents(here: Path) -> dict[str, bytes]:
    """Every file of the log by its name, unpacked."""
    return {
        path.name: gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in here.iterdir()
        if ".log" in path.name
    }


@pytest.mark.parametrize("compression", ["None", "'gz'"])
def test_rotation_by_size(program: Program, compression: str) -> None:
    """No line is lost, doubled or torn; no file is over the limit or empty; nothing else lies there."""
    options = f"dict(rotation='20 KB', compression={compression})"
    here = run_strangers(program, 6, 1500, options)

    found = contents(here)
    lines = [line for name in sorted(found) for line in found[name].decode().splitlines()]
    assert_once_in_order(
        sorted(lines, key=lambda line: int(line.split()[-1])),
        [f"stranger{number} {count}" for number in range(6) for count in range(1500)],
    )
    for name, content in found.items():
        assert 0 < len(content) <= 20_000, (name, len(content))
        if name != "app.log":
            suffix = r"\.gz" if "gz" in compression else ""
            assert re.fullmatch(r"app\.\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_\d{6}(\.\d+)?\.log" + suffix, name), name
    total = sum(map(len, found.values()))
    assert len(found) <= total // (20_000 - 100) + 2, "a file was rotated before it was full"


def test_rotation_by_time(program: Program) -> None:
    """A file that is due is rotated once, by whoever comes first; nobody rotates the new one."""
    old = program.here / "app.log"
    program.run(
        """
        import os, time
        from mplog._sinks.file import birth
        fd = os.open("app.log", os.O_CREAT | os.O_WRONLY)
        os.write(fd, b"0 old 0\\n")
        birth.write_birth(fd, time.time() - 7200)
        os.utime("app.log", (time.time() - 7200,) * 2)
        """
    )
    assert old.exists()

    here = run_strangers(program, 5, 200, "dict(rotation='1 hour')")

    found = contents(here)
    assert 2 == len(found), sorted(found)
    rotated = next(name for name in found if name != "app.log")
    assert b"0 old 0\n" == found[rotated]
    assert time.strftime("app.%Y-", time.localtime(time.time() - 7200)) in rotated
    assert_once_in_order(
        found["app.log"].decode().splitlines(),
        [f"stranger{number} {count}" for number in range(5) for count in range(200)],
    )


class TestPathWithTime:
    """Names that differ from one moment to the next: processes find one another by more than the name."""

    def test_one_new_file_for_each_due_event(self, program: Program) -> None:
        """All write the file that the first one made, through many rotations; its name is of its own moment."""
        options = "dict(path='app_{time:HH-mm-ss_SSSSSS}.log', rotation='10 KB')"
        here = run_strangers(program, 4, 1500, options)

        found = contents(here)
        lines = [line for name in sorted(found) for line in found[name].decode().splitlines()]
        assert_once_in_order(lines, [f"stranger{number} {count}" for number in range(4) for count in range(1500)])
        total = sum(map(len, found.values()))
        assert all(0 < len(content) <= 10_000 for content in found.values())
        assert len(found) <= total // (10_000 - 100) + 2, "a file was left before it was full"
        assert all(re.fullmatch(r"app_\d\d-\d\d-\d\d_\d{6}\.log", name) for name in found), sorted(found)

    @pytest.mark.parametrize("spec", ["SSSSSS", "ss", "YYYY"])
    def test_with_compression_and_retention(self, program: Program, spec: str) -> None:
        """Old files are compressed once, and those that are kept are the newest, whatever names repeat."""
        options = f"dict(path='app_{{time:{spec}}}.log', rotation='10 KB', compression='gz', retention=4)"
        here = run_strangers(program, 4, 1000, options)

        found = contents(here)
        assert 5 == len(found), sorted(found)
        assert 4 == sum(name.endswith(".gz") for name in found), sorted(found)
        for number in range(4):
            counts = [
                int(line.split()[-1])
                for content in found.values()
                for line in content.decode().splitlines()
                if f"stranger{number} " in line
            ]
            assert sorted(counts) == list(range(1000 - len(counts), 1000))

    def test_who_looks_while_another_rotates_finds_the_new_file(self, program: Program) -> None:
        """A program that has found the current file just before that was left goes on in the one that follows."""
        rotating = program.start(
            """
            import os, time
            from mplog import logger
            logger.remove()
            options = dict(format="{message}", rotation="20 B", compression="gz")
            logger.add("app_{time:HH-mm-ss_SSSSSS}.log", **options)
            logger.info("a" * 15)
            open("ready.txt", "w").close()
            while not os.path.exists("looked.txt"):
                time.sleep(0.005)
            logger.info("b" * 15)
            open("go.txt", "w").close()
            while not os.path.exists("done.txt"):
                time.sleep(0.005)
            logger.remove()
            """
        )
        wait_until((program.here / "ready.txt").exists, "there is a current file")
        looking = program.start(
            """
            import os, time
            from mplog import logger
            from mplog._sinks.file import whose

            def late(*arguments, is_current=whose.is_current):
                open("looked.txt", "w").close()
                while not os.path.exists("go.txt"):
                    time.sleep(0.005)
                return is_current(*arguments)

            whose.is_current = late
            logger.remove()
            options = dict(format="{message}", rotation="20 B", compression="gz")
            logger.add("app_{time:HH-mm-ss_SSSSSS}.log", **options)
            logger.info("c")
            logger.remove()
            open("done.txt", "w").close()
            """
        )
        for each in (looking, rotating):
            ended = each.wait()
            assert (0, "") == (ended.status, ended.said)
        program.leaves_nothing()
        found = contents(program.here)
        assert [b"a" * 15 + b"\n", b"b" * 15 + b"\nc\n"] == [found[name] for name in sorted(found)]

    def test_who_comes_last_makes_no_empty_file(self, program: Program) -> None:
        """A retention that comes when all others have gone on and ended makes no file, and keeps theirs."""
        slow = program.start(
            """
            import os, time
            from mplog import logger
            from mplog._sinks.file import archive as archives

            def slow(*arguments, archive=archives.archive, **keywords):
                archive(*arguments, **keywords)
                open("archived.txt", "w").close()
                while not os.path.exists("go.txt"):
                    time.sleep(0.005)

            archives.archive = slow
            logger.remove()
            options = dict(format="{message}", rotation="10 B", compression="gz", retention=4)
            logger.add("app_{time:HH-mm-ss_SSSSSS}.log", **options)
            for letter in "ab":
                logger.info(letter * 8)
            logger.remove()
            """
        )
        wait_until((program.here / "archived.txt").exists, "the first archive is there")
        other = program.start(
            """
            from mplog import logger
            logger.remove()
            options = dict(format="{message}", rotation="10 B", compression="gz", retention=4)
            logger.add("app_{time:HH-mm-ss_SSSSSS}.log", **options)
            for letter in "cdefgh":
                logger.info(letter * 8)
            logger.remove()
            """
        )
        for each in (other, slow):
            ended = each.wait()
            assert (0, "") == (ended.status, ended.said)
            (program.here / "go.txt").touch()
        program.leaves_nothing()
        found = contents(program.here)
        assert [letter * 8 + b"\n" for letter in (b"d", b"e", b"f", b"g", b"h")] == [
            found[name] for name in sorted(found)
        ]

    def test_programs_after_one_another_have_a_file_each(self, program: Program) -> None:
        """Only a living process has a current file that others join."""
        source = """
        import sys
        from mplog import logger
        logger.remove()
        logger.add("app_{time:HH-mm-ss_SSSSSS}.log", format="{message}", rotation="1 MB")
        logger.info(sys.argv[1])
        """
        for number in range(3):
            program.run(source, number)
        assert [b"0\n", b"1\n", b"2\n"] == [content for _, content in sorted(contents(program.here).items())]


def test_retention_by_count_is_agreed(program: Program) -> None:
    """Together they keep as many old files as one of them would, the newest."""
    here = run_strangers(program, 4, 1000, "dict(rotation='10 KB', retention=3, compression='gz')")

    found = contents(here)
    assert 4 == len(found), sorted(found)
    lines = [line for name in _by_age(found) for line in found[name].decode().splitlines()]
    # Which strangers the newest lines are from depends on the scheduler: an early one may be in removed files only.
    kept = {number: [int(line.split()[-1]) for line in lines if f"stranger{number} " in line] for number in range(4)}
    assert any(kept.values())
    for counts in filter(None, kept.values()):
        # Whatever is left of one stranger is without gaps, up to its end: only the oldest files went.
        assert list(range(counts[0], 1000)) == counts


def _by_age(names: Iterable[str]) -> list[str]:
    """Names of log files, oldest first, the live one last."""
    dated = {name: re.search(r"\.(\d{4}-[\d_-]+)(?:\.(\d+))?\.log", name) for name in names}
    return sorted(names, key=lambda name: ((match := dated[name]) and (match[1], int(match[2] or 1))) or ("9", 0))


def test_unrelated_files_are_left_alone(program: Program) -> None:
    """Retention touches only names that the pattern owns."""
    for name in ("other.log", "app_2.log", "my.app.log", "app.txt"):
        (program.here / name).write_text("precious")
    run_strangers(program, 2, 600, "dict(rotation='5 KB', retention=1)")

    for name in ("other.log", "app_2.log", "my.app.log", "app.txt"):
        assert "precious" == (program.here / name).read_text()
