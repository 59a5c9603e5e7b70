"""``mplog demo``: the main job on real input, with its own proof at the end."""

from __future__ import annotations

import inspect
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mplog.cli import main
from mplog.cli.demo import report, run, sources, worker

PATIENCE = 60.0
_WITHOUT_TQDM = "import sys; sys.modules['tqdm'] = None; from mplog.cli import main; sys.exit(main(sys.argv[1:]))"


def demo(tmp_path: Path, *arguments: str, how: tuple[str, ...] = ("-m", "mplog")) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would, with standard output that is no terminal."""
    (tmp_path / "runtime").mkdir()
    environment = {**os.environ, "MPLOG_RUNTIME_DIR": str(tmp_path / "runtime"), "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, *how, "demo", "--seconds", "1", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    try:
        output, said = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, output, said)


class TestDemo:
    @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
    def test_the_ledger_balances_although_a_worker_is_killed(self, tmp_path: Path, method: str) -> None:
        """Nothing is missing, doubled or torn, whatever the start method."""
        ended = demo(tmp_path, "--start-method", method)
        assert (ended.returncode, "The ledger balances" in ended.stdout) == (0, True), ended.stdout + ended.stderr
        assert ended.stdout.count("killed  ") == 1, ended.stdout
        assert "worker 5 took its place" in ended.stdout.replace("\n", " "), ended.stdout
        assert max(map(len, ended.stdout.splitlines())) <= max(80, len(str(tmp_path)) + 60)

    def test_the_log_can_be_looked_at(self, tmp_path: Path) -> None:
        """It is left where it is, and the commands that show and remove it are printed, and do what they say."""
        ended = demo(tmp_path)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        (directory,) = tmp_path.glob("mplog-demo-*")
        look, remove = (line.strip() for line in ended.stdout.splitlines() if line.startswith(("    zcat", "    rm")))
        shown = subprocess.run(look, shell=True, capture_output=True, text=True, check=True).stdout
        lines = shown.count("\n")
        assert re.search(rf"^ +all +{lines:,} +{lines:,} ", ended.stdout, re.MULTILINE), ended.stdout
        subprocess.run(remove, shell=True, check=True)
        assert not directory.exists()

    def test_the_log_is_left_where_it_was_asked_for(self, tmp_path: Path) -> None:
        """In a directory of one's own nothing else goes, and a second demo does not mistake it for its own log."""
        (tmp_path / "here").mkdir()
        (tmp_path / "here" / "mine").touch()
        ended = demo(tmp_path, "--no-kill", "--directory", str(tmp_path / "here"))
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert (tmp_path / "here" / run.LOG_NAME).stat().st_size
        assert main(["demo", "--directory", str(tmp_path / "here")]) == 2
        (remove,) = (line.strip() for line in ended.stdout.splitlines() if line.startswith("    rm"))
        subprocess.run(remove, shell=True, check=True)
        assert [path.name for path in (tmp_path / "here").iterdir()] == ["mine"]

    def test_without_the_progress_bar_it_says_how_to_get_one(self, tmp_path: Path) -> None:
        """A missing extra costs the bar and nothing else."""
        ended = demo(tmp_path, "--no-kill", how=("-c", _WITHOUT_TQDM))
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert 'pip install "mplog[demo]"' in ended.stderr

    def test_no_workers_is_wrong_usage(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Status 2, and a text that says what is needed."""
        assert main(["demo", "--workers", "0"]) == 2
        assert "at least one process" in capsys.readouterr().err

    def test_without_rich_it_says_how_to_get_it(self, tmp_path: Path) -> None:
        """The command without its extra is no traceback but a text with the way on."""
        ended = demo(tmp_path, how=("-c", _WITHOUT_TQDM.replace("tqdm", "rich")))
        assert (ended.returncode, 'pip install "mplog[demo]"' in ended.stderr) == (2, True), ended.stderr


class TestWhatItShows:
    def test_the_two_lines_are_its_own_code(self) -> None:
        """What is shown as the code that did it is the code that did it."""
        assert report.ADD_LINE in inspect.getsource(run)
        assert report.INFO_LINE in inspect.getsource(worker)


class TestSources:
    def test_figures_of_a_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Tokens, lines, bytes and definitions are counted."""
        monkeypatch.setattr(sources, "library_directory", lambda: tmp_path)
        path = tmp_path / "a.py"
        path.write_text("class A:\n    def f(self): pass\n")
        figures = sources.survey(str(path))
        assert (figures.name, figures.size, figures.definitions) == ("a.py", 31, ["A at line 1", "f at line 2"])
        assert figures.problem is None

    def test_a_file_that_is_no_python_is_a_problem_in_one_plain_line(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The standard library's tests hold such files; the worker goes on."""
        monkeypatch.setattr(sources, "library_directory", lambda: tmp_path)
        path = tmp_path / "a.py"
        path.write_bytes(b"x = (\n\xff\n")
        problem = sources.survey(str(path)).problem
        assert problem is not None
        assert problem.isascii()
        assert "\n" not in problem
