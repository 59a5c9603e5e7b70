"""Whose file is it: no log takes, rotates, compresses or removes what is another log's. beyond.md, row 22."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from programs import Program, Running, wait_until

DATE = "2001-01-31_18-04-05_123456"

HOLDER = """
import os, sys
from mplog import logger
logger.remove()
{prepare}
logger.add(sys.argv[1], format="{{message}}", **eval(sys.argv[2]))
logger.info("first of " + sys.argv[3])
open(f"ready{{sys.argv[3]}}.txt", "w").close()
sys.stdin.readline()
for number in range(3):
    logger.info(f"later {{number}} of " + sys.argv[3])
logger.remove()
"""

WITHOUT_ATTRIBUTES = """
def refuse(*_, **__):
    raise OSError(95, "Operation not supported")
os.setxattr = os.getxattr = os.removexattr = refuse
"""

ROTATING = """
import os, sys
from mplog import logger
logger.remove()
{prepare}
logger.add(sys.argv[1], format="{{message}}", **eval(sys.argv[2]))
for number in range(4):
    logger.info("line {{}} of a few", number)
logger.remove()
"""


class Holders:
    """Programs that hold their logs open until they are told to go on."""

    def __init__(self, program: Program, prepare: str = "") -> None:
        self._program = program
        self._source = HOLDER.format(prepare=prepare)
        self._running: list[Running] = []

    def start(self, path: str, options: str = "dict()") -> None:
        """Start one, and wait until it has written its first line."""
        name = len(self._running)
        self._running.append(self._program.start(self._source, path, options, name, stdin=-1))
        wait_until((self._program.here / f"ready{name}.txt").exists, f"program {name} is ready")

    def end(self) -> None:
        """Let them write the rest."""
        for running in self._running:
            assert running.process.stdin is not None
            running.process.stdin.write("\n")
            running.process.stdin.close()
            assert running.wait().status == 0, running.said_so_far()


def lines(here: Path) -> dict[str, list[str]]:
    """The lines of each log."""
    return {path.name: path.read_text().split("\n")[:-1] for path in here.iterdir() if path.suffix != ".txt"}


def written_by(number: int) -> list[str]:
    return [f"first of {number}", *(f"later {each} of {number}" for each in range(3))]


class TestTheCurrentFile:
    @pytest.mark.parametrize(
        ("theirs", "ours"),
        [
            ("app.log", "{time:YYYY-MM-DD}.log"),
            ("{time:YYYY-MM-DD}_error.log", "{time:YYYY-MM-DD}.log"),
            ("{time:YYYY-MM-DD}.log", "{time:YYYY-MM-DD}_error.log"),
            ("x{time:YYYY}.log", "x{time}.log"),
            ("1999.log", "{time:YYYY}.log"),
        ],
    )
    @pytest.mark.parametrize("options", ["dict(rotation=5000)", "dict(rotation='daily')"])
    def test_is_one_of_the_same_template(self, program: Program, theirs: str, ours: str, options: str) -> None:
        """Two programs at the same time, each with its own template: each has its own file, and its own rotation."""
        holders = Holders(program)
        holders.start(theirs, options)
        holders.start(ours, options)
        holders.end()
        assert sorted(lines(program.here).values()) == [written_by(0), written_by(1)]

    def test_is_shared_by_equal_templates(self, program: Program) -> None:
        """However they are spelt: programs that make the same names have one file, also one with a name of the past."""
        holders = Holders(program)
        holders.start("{time:YYYY-MM-DD_HH-mm-ss_SSSSSS}.log", "dict(rotation=5000)")
        holders.start("{time}.log", "dict(rotation=5000)")
        holders.start("{time:%Y-%m-%d_%H-%M-%S_%f}.log", "dict(rotation=5000)")
        holders.end()
        (found,) = lines(program.here).values()
        assert sorted(found) == sorted(written_by(0) + written_by(1) + written_by(2))


OTHERS = [
    *("other_app.log", "nginx-access.log", "README", "data.db", "app.notes.log", "app.log.md", "app.log.1"),
    *("app.log.gz", "app.2001.log", "2001-02-30.log", "2001-01-31_error.log", f"app.errors.{DATE}.log", f"app.{DATE}"),
]


class TestOldFiles:
    @pytest.mark.parametrize(
        ("path", "goes"),
        [("app.log", f"app.{DATE}.log"), ("{time:YYYY-MM-DD}.log", "2001-01-31.log"), ("{time}.log", f"{DATE}.log.gz")],
    )
    @pytest.mark.parametrize("retention", ["1", "'1 s'", "lambda files: [os.remove(file) for file in files]"])
    def test_of_others_stay(self, program: Program, path: str, goes: str, retention: str) -> None:
        """What the handler's own template cannot have made is never removed, by no kind of retention."""
        for number, name in enumerate([*OTHERS, goes]):
            (program.here / name).write_text("precious\n")
            os.utime(program.here / name, (10**9 + number, 10**9 + number))
        program.start(ROTATING.format(prepare=""), path, f"dict(rotation=20, retention={retention})").wait()
        assert set(OTHERS) <= set(lines(program.here))
        assert goes not in lines(program.here)

    @pytest.mark.parametrize(
        ("theirs", "ours"),
        [
            ("app.{time}.log", "app.log"),
            ("{time:YYYY}.log", "{time:X}.log"),
            ("app.2", "app"),
            ("x{time:MM}y", "x{time:DD}y"),
        ],
    )
    def test_of_another_log_stay_where_names_are_alike(self, program: Program, theirs: str, ours: str) -> None:
        """Where both templates can make a name, the file is that of the log which made it, also when that has ended."""
        program.start(ROTATING.format(prepare=""), theirs, "dict(rotation=20)").wait()
        before = lines(program.here)
        assert len(before) == 4
        program.start(ROTATING.format(prepare=""), ours, "dict(rotation=20, retention=1)").wait()
        after = lines(program.here)
        assert before.items() <= after.items()
        assert len(after) == 4 + 2

    @pytest.mark.parametrize("prepare", ["", WITHOUT_ATTRIBUTES])
    @pytest.mark.parametrize("what", ["retention=0", "compression='gz'", "retention='0 s'"])
    def test_of_the_living_stay(self, program: Program, prepare: str, what: str) -> None:
        """A live file is neither removed nor compressed whatever its name, with and without extended attributes."""
        holders = Holders(program, prepare)
        holders.start("app.{time}.log")
        holders.start(f"app.{DATE}.log", "dict(rotation=5000)")
        program.start(ROTATING.format(prepare=prepare), "app.log", f"dict(rotation=20, {what})").wait()
        holders.end()
        found = (
            lines(program.here)
            if "gz" not in what
            else {path.name: path.read_text().split("\n")[:-1] for path in program.here.glob("*.log")}
        )
        assert found.pop("app.log") == ["line 3 of a few"]
        assert sorted(found.values()) == [written_by(0), written_by(1)]

    @pytest.mark.parametrize("prepare", ["", WITHOUT_ATTRIBUTES])
    def test_of_other_handlers_of_the_program_stay(self, program: Program, prepare: str) -> None:
        """Two handlers of one program whose names can be alike: live files stay, and old ones of the better fitting."""
        program.run(
            """
            import os
            from mplog import logger
            """
            + prepare.replace("\n", "\n            ")
            + f"""
            logger.remove()
            open("app.{DATE}.2.log", "w").close()
            logger.add("app.{{time}}.2.log", format="{{message}}")
            logger.info("kept")
            logger.add("app.log", rotation=20, retention=1, format="{{message}}")
            for number in range(4):
                logger.info("line {{}} of a few", number)
            logger.info("kept, too")
            """
        )
        found = lines(program.here)
        assert found.pop(f"app.{DATE}.2.log") == []
        assert [content for content in found.values() if content[0] == "kept"]
        kept = next(content for content in found.values() if content[0] == "kept")
        assert (kept[0], kept[-1]) == ("kept", "kept, too")
        assert len(found) == 3
