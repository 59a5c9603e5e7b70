"""Nothing that mplog prints drives a terminal or forges a line: reports, commands, names and icons of levels.

Names of files, of processes and of levels, texts of errors and what is on a command line come from anywhere.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from programs import Program

from mplog._logger.logger import Logger
from mplog._sinks import report
from mplog.cli import main

EVIL = "t\x1b]0;owned\x07\nmplog: forged\r\x9b2K\x7f\u2028forged\u202e\x85forged"
"""For names: as long as no name of a file is too long."""
SHOWN = r"t\x1b]0;owned\x07\nmplog: forged\x0d\x9b2K\x7f\u2028forged\u202e\x85forged"

HOSTILE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def is_harmless(text: str) -> bool:
    return HOSTILE.search(text) is None


def heads(said: str) -> list[str]:
    """The lines that begin a report."""
    return [line for line in said.split("\n")[:-1] if not line.startswith("    ")]


class TestReports:
    def test_an_error_of_a_sink(self, logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
        """Its text, its class and the record: one head, and all else indented."""

        def sink(_message: str) -> None:
            raise type(f"C{EVIL}", (Exception,), {})(EVIL)

        logger.add(sink)
        logger.bind(**{EVIL: EVIL}).info(EVIL)
        said = capsys.readouterr().err
        assert is_harmless(said)
        assert len(heads(said)) == 1, heads(said)
        assert heads(said)[0].startswith("mplog: ")

    def test_a_path_and_the_name_of_a_process(
        self, logger: Logger, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """They are in the one line that says what is wrong."""

        def refuse(*_: object) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("multiprocessing.process._current_process._name", EVIL, raising=False)
        logger.add(tmp_path / f"{EVIL}.log", format="{message}")
        monkeypatch.setattr(os, "write", refuse)
        logger.info("lost")
        monkeypatch.undo()
        said = capsys.readouterr().err
        assert is_harmless(said)
        assert len(heads(said)) == 1, heads(said)
        assert f"{SHOWN}.log" in heads(said)[0]

    @pytest.mark.parametrize("say", [lambda text: report.once("kind", text), report.notice], ids=["once", "notice"])
    def test_any_text(self, capsys: pytest.CaptureFixture[str], say: Callable[[str], None]) -> None:
        """It is one line, with everything shown, bytes of paths that are no text as well."""
        say(f"{EVIL}\udcff")
        said = capsys.readouterr().err
        assert said.endswith(f"): {SHOWN}\\udcff\n")
        assert said.count("\n") == 1

    def test_a_stream_that_takes_no_surrogates(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A name of a file that is no UTF-8 keeps nothing from being said."""
        stream = io.TextIOWrapper(io.BytesIO(), "utf8", errors="strict")
        monkeypatch.setattr(sys, "stderr", stream)
        report.once("kind", "/var/log/\udcff.log is full")
        monkeypatch.undo()
        stream.flush()
        assert stream.buffer.getvalue().endswith(b"/var/log/\\udcff.log is full\n")

    def test_the_logger_shown(self, logger: Logger, tmp_path: Path) -> None:
        """`print(logger)` names its sinks."""
        logger.add(tmp_path / f"{EVIL}.log")
        assert SHOWN in repr(logger)
        assert is_harmless(repr(logger))

    def test_what_the_log_says_of_drops(self, program: Program) -> None:
        """The name of a worker is in a line of the log, also where the format has no place for it."""
        program.run(
            """
            import multiprocessing, os, signal, sys, time
            from mplog import QueueOptions, logger

            evil = sys.argv[1]
            logger.remove()
            logger.configure(queue=QueueOptions(overflow="drop", ring_size=16384))
            logger.level(f"L{evil}", no=30)
            logger.add("app.log", format=sys.argv[2] + "\\n{exception}")
            multiprocessing.current_process().name = evil
            pid = os.fork()
            if not pid:
                os.kill(os.getppid(), signal.SIGSTOP)
                while open(f"/proc/{os.getppid()}/stat").read().rpartition(")")[2].split()[0] != "T":
                    time.sleep(0.001)
                for number in range(100):
                    logger.log(f"L{evil}", "x" * 500)
                os.kill(os.getppid(), signal.SIGCONT)
                os._exit(0)
            os.waitpid(pid, 0)
            logger.remove()
            """,
            EVIL,
            "{level} {message}",
            silent=False,
        )
        text = (program.here / "app.log").read_text()
        assert f"({SHOWN}) dropped " in text
        assert is_harmless(text)
        assert not [line for line in text.split("\n") if line.startswith("mplog: forged")]


class TestLevels:
    @pytest.mark.parametrize("colorize", [False, True])
    @pytest.mark.parametrize("calls", [1, 3], ids=["first", "compiled"])
    def test_names_and_icons(self, logger: Logger, colorize: bool, calls: int) -> None:
        """They are escaped like data, and begin no line; colours of the level stay."""
        logger.level(EVIL, no=33, color="<red>", icon=EVIL)
        stream = io.StringIO()
        logger.add(stream, format="<level>{level} {level.name:>3} {level.icon} {message}</level>", colorize=colorize)
        for _ in range(calls):
            logger.log(EVIL, "m")
        line = f"{SHOWN} {SHOWN} {SHOWN} m"
        assert stream.getvalue() == (f"\x1b[31m{line}\x1b[0m\n" if colorize else f"{line}\n") * calls

    @pytest.mark.parametrize("serialize", [False, True])
    def test_the_data_itself(self, logger: Logger, serialize: bool) -> None:
        """What a function gets, JSON, and `sanitize=False` have the level as it is."""
        logger.level(EVIL, no=33, icon=EVIL)
        stream, got = io.StringIO(), []
        logger.add(stream, format="{level}", serialize=serialize, sanitize=False)
        logger.add(lambda message: got.append(message.record["level"]), format="{level}")
        logger.log(EVIL, "m")
        assert (got[0].name, got[0].icon) == (EVIL, EVIL)
        text = stream.getvalue()
        assert (json.loads(text)["record"]["level"]["name"] if serialize else text[:-1]) == EVIL

    def test_from_workers(self, program: Program) -> None:
        """A worker escapes them, too."""
        program.run(
            """
            import os, sys
            from mplog import logger
            logger.remove()
            logger.level(sys.argv[1], no=33, icon=sys.argv[1])
            logger.add("app.log", format="{level}|{level.icon}|{message}")
            pid = os.fork()
            if not pid:
                for _ in range(3):
                    logger.log(sys.argv[1], "m")
                os._exit(0)
            os.waitpid(pid, 0)
            logger.remove()
            """,
            EVIL,
        )
        assert (program.here / "app.log").read_text() == f"{SHOWN}|{SHOWN}|m\n" * 3


class TestCommands:
    @pytest.fixture
    def left(self, program: Program) -> None:
        """A killed program has left records for a file with such a name."""
        source = """
            import os, signal, sys, time
            from mplog import logger
            logger.remove()
            logger.add(sys.argv[1] + ".log", format="{message}")
            me = os.getpid()
            pid = os.fork()
            if not pid:
                while " T " not in open(f"/proc/{me}/stat").read().rpartition(")")[2][:3]:
                    time.sleep(0.001)
                logger.info("left")
                os.kill(me, signal.SIGKILL)
                os.kill(os.getpid(), signal.SIGKILL)
            os.kill(me, signal.SIGSTOP)
            """
        running = program.start(source, EVIL)
        running.process.wait(30)
        program.wait_for_members()

    @pytest.mark.usefixtures("left")
    def test_recover(self, capsys: pytest.CaptureFixture[str], program: Program) -> None:
        """Lists and writes, with one line for the file and none that is forged; JSON says the very name."""
        for arguments in (["--list"], ["--list", "--json"], []):
            assert main(["recover", str(program.runtime), *arguments]) == 0
            out, err = capsys.readouterr()
            assert is_harmless(out + err)
            if "--json" in arguments:
                (session,) = json.loads(out)["sessions"]
                assert session["files"][0]["path"].endswith(f"{EVIL}.log")
            else:
                assert len([line for line in out.split("\n") if f"{SHOWN}.log: 1 records" in line]) == 1
                assert not [line for line in out.split("\n") if line.startswith(("mplog", "forged"))]

    @pytest.mark.parametrize("arguments", [[f"--{EVIL}"], ["demo", EVIL], ["recover", EVIL], [EVIL]], ids=range(4))
    def test_wrong_usage(self, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
        """What a command was given is repeated escaped."""
        try:
            status = main(arguments)
        except SystemExit as ended:
            status = int(str(ended.code))
        assert status == 2
        said = capsys.readouterr().err
        assert is_harmless(said)
        assert "owned" in said
        assert not [line for line in said.split("\n") if line.startswith("mplog: forged")]
