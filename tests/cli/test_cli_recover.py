"""``mplog recover``: what killed programs had logged is in its files, once; what lives is left alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from programs import Program, Running, assert_once_in_order, read_log, wait_until

from mplog._session import recovery
from mplog._sinks.file import lock
from mplog.cli import main

VICTIM = """
import os, signal, sys, time
from mplog import logger
from mplog._writer.drain import Drain

logger.remove()
for line in sys.argv[2:]:
    logger.add(**eval(line))
if sys.argv[1] != "stops":
    Drain.round = lambda self, **how: 0  # The writer lives and gets nowhere.
owner = os.getpid()
if sys.argv[1] == "worker lives":
    from mplog._session.lookout import Lookout
    Lookout._start = lambda self: None  # It would notice by itself, before or after we look.
pid = os.fork()
if pid == 0:
    while sys.argv[1] == "stops" and " T " not in open(f"/proc/{owner}/stat").read():
        time.sleep(0.001)
    for count in range(500):
        logger.info("worker {}", count)
    open("ready.txt", "w").close()
    if sys.argv[1] == "worker lives":
        while os.getppid() == owner:
            time.sleep(0.001)
        open("alone.txt", "w").close()
        while not os.path.exists("go.txt"):
            time.sleep(0.001)
        os._exit(0) if os.path.exists("die.txt") else sys.exit()
    time.sleep(60)
if sys.argv[1] == "stops":
    os.kill(owner, signal.SIGSTOP)
while not os.path.exists("ready.txt"):
    time.sleep(0.001)
if sys.argv[1] == "stops":
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    sys.exit()
if sys.argv[1] == "all die":
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
os.kill(owner, signal.SIGKILL)
"""

FILE = "dict(sink='app.log', format='{process.id} {message}')"
LINES = [f"worker {count}" for count in range(500)]


def leave(program: Program, how: str, *handlers: str) -> Running:
    """Run a program that is killed while 500 records for each handler are in memory only."""
    victim = program.start(VICTIM, how, *(handlers or (FILE,)))
    wait_until(lambda: victim.process.poll() is not None, "the owner is killed", within=20)
    assert victim.process.returncode == -signal.SIGKILL
    return victim


def recover(*arguments: str, status: int = 0) -> Any:
    """Run the command, which must end with *status*; what it prints as JSON."""
    ended = subprocess.run(
        [sys.executable, "-m", "mplog", "recover", "--json", *arguments], capture_output=True, text=True, timeout=30
    )
    assert (ended.returncode, ended.stderr) == (status, ""), ended.stdout
    return json.loads(ended.stdout)


class TestKilledPrograms:
    def test_everything_reaches_its_files(
        self, program: Program, capsys: pytest.CaptureFixture[str], runtime_dir: Path
    ) -> None:
        """Two files of one session, rotation and all; listing changes nothing, a second run finds nothing."""
        rotated = "dict(sink='other.log', format='{process.id} {message}', rotation='2 KB', compression='gz')"
        leave(program, "all die", FILE, rotated, "dict(sink=lambda message: None)")
        before = sorted(runtime_dir.rglob("*"))

        assert main(["recover", "--list"]) == 0
        listed = capsys.readouterr().out
        assert (program.here / "app.log").stat().st_size == 0
        assert sorted(runtime_dir.rglob("*")) == before
        assert str(program.here.parent / "scripts" / "program.py") in listed
        for path in ("app.log", "other.log"):
            assert f"{program.here / path}: 500 records wait" in listed
        assert "500 records wait for streams, functions or removed handlers" in listed

        assert main(["recover"]) == 0
        said = capsys.readouterr().out
        assert said.count(": 500 records written") == 2
        assert_once_in_order(read_log(program.here), LINES)
        assert_once_in_order(read_log(program.here, "other.log"), LINES)
        assert len(list(program.here.glob("other.*.log.gz"))) >= 3
        assert all(len(path.read_bytes()) <= 2000 for path in program.here.glob("other*"))
        program.leaves_nothing()

        assert main(["recover"]) == 0
        assert "No dead program has left anything" in capsys.readouterr().out
        assert_once_in_order(read_log(program.here), LINES)

    def test_figures(self, program: Program, runtime_dir: Path) -> None:
        """What the JSON says of one session."""
        victim = leave(program, "all die")
        found = recover()
        (session,) = found["sessions"]
        assert (session["pid"], session["complete"], session["removed"]) == (victim.process.pid, True, True)
        assert session["files"] == [
            {"path": str(program.here / "app.log"), "waiting": 500, "written": 500, "trouble": None, "discarded": []}
        ]
        assert (session["others"], session["living"], found["living"]) == (0, 0, 0)
        assert session["bytes"] >= 512 * 1024
        assert 0 <= os.stat(program.here / "ready.txt").st_mtime - session["last_seen"] + 1 < 10
        assert found["directories"] == [str(runtime_dir / f"mplog-{os.geteuid()}")]

    def test_several_at_the_same_time(self, program: Program) -> None:
        """Each record is written by one of them."""
        leave(program, "all die")
        command = [sys.executable, "-m", "mplog", "recover", "--json"]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
        written = 0
        for each in running:
            for session in json.loads(each.communicate(timeout=30)[0])["sessions"]:
                written += sum(file["written"] for file in session["files"])
        assert written == 500
        assert_once_in_order(read_log(program.here), LINES)
        program.leaves_nothing()

    @pytest.mark.parametrize("named", ["runtime", "own"])
    def test_a_directory_of_their_own(
        self, program: Program, runtime_dir: Path, monkeypatch: pytest.MonkeyPatch, named: str
    ) -> None:
        """The directory on the command line is the programs', whatever this environment says."""
        leave(program, "all die")
        monkeypatch.setenv("MPLOG_RUNTIME_DIR", str(program.here))
        assert recover()["sessions"] == []
        directory = runtime_dir if named == "runtime" else runtime_dir / f"mplog-{os.geteuid()}"
        assert len(recover(str(directory))["sessions"]) == 1
        assert_once_in_order(read_log(program.here), LINES)


class TestLivingOnes:
    def test_a_session_whose_owner_lives_is_left_alone(self, program: Program, runtime_dir: Path) -> None:
        """Stopped is not dead: its records wait for it, and it writes them."""
        running = program.start(VICTIM, "stops", FILE)
        wait_until((program.here / "ready.txt").exists, "the worker has logged", within=20)
        before = sorted(runtime_dir.rglob("*"))
        found = recover()
        assert (found["sessions"], found["living"]) == ([], 1)
        assert (sorted(runtime_dir.rglob("*")), running.log()) == (before, [])
        os.kill(running.process.pid, signal.SIGCONT)
        assert running.wait().status == 0
        assert_once_in_order(running.log(), LINES)
        program.leaves_nothing()

    @pytest.mark.parametrize("end", ["well", "killed"])
    def test_what_a_living_worker_has_logged(self, program: Program, end: str) -> None:
        """It is written without it, once, and its session stays as long as it lives."""
        leave(program, "worker lives")
        wait_until((program.here / "alone.txt").exists, "the worker knows that it is alone")
        (session,) = recover()["sessions"]
        assert (session["living"], session["files"][0]["written"], session["removed"]) == (1, 500, False)
        assert_once_in_order(read_log(program.here), LINES)
        if end == "killed":
            (program.here / "die.txt").touch()
        (program.here / "go.txt").touch()
        program.wait_for_members()
        assert len(recover()["sessions"]) == (end == "killed")
        assert_once_in_order(read_log(program.here), LINES)
        program.leaves_nothing()


class TestWhatCannotBeWritten:
    def test_a_format_that_only_the_program_has(self, program: Program) -> None:
        """The records stay for the program's next start, or are written plainly on request."""
        program.start(SPAWNED).wait()
        program.wait_for_members()
        (session,) = recover(status=1)["sessions"]
        assert "is a function of the program" in session["files"][0]["trouble"], session
        assert (session["removed"], (program.here / "app.log").stat().st_size) == (False, 0)
        (session,) = recover("--plain")["sessions"]
        assert (session["files"][0]["written"], session["removed"]) == (50, True)
        lines = read_log(program.here)
        assert [line.split(" - ")[1] for line in lines] == [f"worker {count}" for count in range(50)]

    def test_a_file_that_cannot_be_opened(self, program: Program, capsys: pytest.CaptureFixture[str]) -> None:
        """Status 1 and a reason; the other file has its share, and the next run finishes. No directory is made."""
        lost = "dict(sink='logs/lost.log', format='{process.id} {message}')"
        leave(program, "all die", FILE, lost)
        shutil.rmtree(program.here / "logs")
        (program.here / "logs").touch()
        assert main(["recover"]) == 1
        said = capsys.readouterr().out
        assert (
            f"lost.log: 0 records written; its directory {program.here / 'logs'} is gone. Make it again, or run" in said
        )
        assert "    kept in " in said
        assert_once_in_order(read_log(program.here), LINES)
        (program.here / "logs").unlink()
        assert main(["recover"]) == 1
        assert not (program.here / "logs").exists()
        (program.here / "logs").mkdir()
        assert main(["recover"]) == 0
        assert_once_in_order(read_log(program.here), LINES)
        assert_once_in_order(read_log(program.here / "logs", "lost.log"), LINES)
        shutil.rmtree(program.here / "logs")
        program.leaves_nothing()


class TestWhatIsNotLookedAt:
    def test_a_directory_that_others_can_enter(self, program: Program, runtime_dir: Path) -> None:
        """Its sessions are not believed, nor passed over in silence."""
        leave(program, "all die")
        own = runtime_dir / f"mplog-{os.geteuid()}"
        own.chmod(0o755)
        found = recover(status=1)
        assert found["sessions"] == []
        assert f"run `chmod 700 {own}`" in found["unused"][str(own)]
        assert recover("--list")["unused"] == found["unused"]
        own.chmod(0o700)
        assert recover()["unused"] == {}
        assert_once_in_order(read_log(program.here), LINES)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
    def test_another_users(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Named where it was asked for by name, or by that of the directory it is in; and never changed."""
        theirs = tmp_path / "runtime" / "mplog-12345"
        (theirs / "sessions" / ("a" * 32)).mkdir(parents=True, mode=0o700)
        for path in (theirs, theirs / "sessions", theirs / "sessions" / ("a" * 32)):
            os.chown(path, 12345, 12345)
        before = sorted(theirs.rglob("*"))
        for asked in (theirs, theirs.parent):
            assert main(["recover", str(asked)]) == 1
            assert f"Not looked at: {theirs}, for it belongs to user 12345" in capsys.readouterr().out
        assert sorted(theirs.rglob("*")) == before


class TestDiscard:
    def test_what_cannot_be_written(self, program: Program, capsys: pytest.CaptureFixture[str]) -> None:
        """It is given up by name and number, once; what can be written is written."""
        lost = "dict(sink='logs/lost.log', format='{process.id} {message}')"
        leave(program, "all die", FILE, lost)
        shutil.rmtree(program.here / "logs")
        assert main(["recover", "--discard"]) == 0
        said = capsys.readouterr().out
        assert f"{program.here / 'logs' / 'lost.log'}: 0 records written; its directory " in said
        assert "        discarded: 500 records of process " in said
        assert said.count("discarded") == 1
        assert "kept in" not in said
        assert_once_in_order(read_log(program.here), LINES)
        assert not (program.here / "logs").exists()
        program.leaves_nothing()
        assert main(["recover", "--discard"]) == 0
        assert "No dead program has left anything" in capsys.readouterr().out

    def test_figures(self, program: Program) -> None:
        """What the JSON says of it, per file and process."""
        leave(program, "all die", "dict(sink='logs/lost.log', format='{message}')")
        shutil.rmtree(program.here / "logs")
        (session,) = recover("--discard")["sessions"]
        (file,) = session["files"]
        (share,) = file["discarded"]
        assert (share["records"], share["name"]) == (500, "MainProcess")
        assert (file["waiting"], file["written"], session["removed"], session["complete"]) == (500, 0, True, True)

    def test_only_what_must(self, program: Program) -> None:
        """Beside a living worker nothing is given up, and nothing where everything can be written."""
        leave(program, "worker lives", "dict(sink='logs/lost.log', format='{process.id} {message}')")
        wait_until((program.here / "alone.txt").exists, "the worker knows that it is alone")
        shutil.move(program.here / "logs", program.here / "away.txt")
        (session,) = recover("--discard", status=1)["sessions"]
        assert (session["files"][0]["discarded"], session["removed"]) == ([], False)
        shutil.move(program.here / "away.txt", program.here / "logs")
        (session,) = recover("--discard")["sessions"]
        assert (session["files"][0]["written"], session["files"][0]["discarded"]) == (500, [])
        (program.here / "go.txt").touch()
        program.wait_for_members()
        assert_once_in_order(read_log(program.here / "logs", "lost.log"), LINES)

    def test_not_what_is_held_up(self, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
        """A file whose lock another program has can be written later, so nothing is given up."""
        leave(program, "all die")
        monkeypatch.setattr(recovery.recover_slot, "__defaults__", (0.1,))  # Instead of ten seconds.
        fd = os.open(program.here / "app.log", os.O_RDWR | os.O_CREAT)
        assert lock.take(fd)
        (session,) = recover("--discard", status=1)["sessions"]
        assert (session["files"][0]["discarded"], session["removed"]) == ([], False)
        os.close(fd)
        (session,) = recover("--discard")["sessions"]
        assert (session["files"][0]["written"], session["files"][0]["discarded"]) == (500, [])
        assert_once_in_order(read_log(program.here), LINES)

    def test_rings_whose_session_is_gone(
        self, program: Program, runtime_dir: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Nobody knows which files they were for; they are shown, and go on demand only."""
        leave(program, "all die")
        (session,) = (runtime_dir / f"mplog-{os.geteuid()}" / "sessions").iterdir()
        (session / "control").unlink()
        assert main(["recover"]) == 1
        assert "(unknown): 0 records written; what says where they belong is gone" in capsys.readouterr().out
        assert main(["recover", "--list"]) == 0
        assert "(unknown): 500 records wait; " in capsys.readouterr().out
        assert main(["recover", "--discard"]) == 0
        assert "discarded: 500 records of process" in capsys.readouterr().out
        program.leaves_nothing()

    def test_not_together_with_a_list(self, capsys: pytest.CaptureFixture[str]) -> None:
        """One changes nothing, the other removes."""
        assert main(["recover", "--list", "--discard"]) == 2
        assert "Use one of them" in capsys.readouterr().err


SPAWNED = """
import multiprocessing, os, signal, sys, time
from mplog import logger
from mplog._writer.drain import Drain

def work():
    for count in range(50):
        logger.info("worker {}", count)

if __name__ == "__main__":
    logger.remove()
    logger.add("app.log", format=lambda record: "{message}\\n")
    Drain.round = lambda self, **how: 0
    process = multiprocessing.get_context("spawn").Process(target=work)
    process.start()
    os.waitpid(process.pid, 0)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_missing_directory_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2, and a text that says what is needed."""
    assert main(["recover", str(tmp_path / "nothing")]) == 2
    assert "Give the one that MPLOG_RUNTIME_DIR named" in capsys.readouterr().err


def test_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    """Where no program has been, nothing is made."""
    assert main(["recover"]) == 0
    assert capsys.readouterr().out == "No dead program has left anything in any runtime directory.\n"
    assert not os.listdir(os.environ["MPLOG_RUNTIME_DIR"])
