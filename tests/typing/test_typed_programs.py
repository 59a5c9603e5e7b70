"""Typed programs of users pass a strict type checker, and typical mistakes do not."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import mplog

PROGRAMS = Path(__file__).parent / "programs"
IMPORTABLE = Path(mplog.__file__).parent.parent

pytestmark = pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy comes with the extra 'test'")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one run has read serves the next one."""
    return tmp_path_factory.mktemp("mypy")


def check(cache: Path, *programs: Path) -> tuple[int, str]:
    """Run the checker as a user without any configuration does; its status and what it said."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={cache}"]
    # Where mplog is no installed package, it is found by its path: its own errors are not the question here.
    command += ["--follow-imports=silent", "--python-version=3.10", "--no-error-summary", *map(str, programs)]
    environment = {**os.environ, "MYPYPATH": str(IMPORTABLE)}
    ended = subprocess.run(command, cwd=cache, env=environment, capture_output=True, text=True, timeout=110)
    return ended.returncode, ended.stdout + ended.stderr


def test_programs_are_accepted_and_mistakes_found(cache: Path) -> None:
    """Every line that is right passes; every line that is wrong is an error that its comment expects."""
    programs = sorted(PROGRAMS.glob("*.py"))
    assert len(programs) >= 4
    status, said = check(cache, *programs)
    assert (status, said) == (0, ""), said


def test_a_mistake_without_a_comment_is_an_error(cache: Path) -> None:
    """The checker sees mplog's own types: were they missing, everything would pass."""
    program = cache / "mistake.py"
    program.write_text("from mplog import logger\n\nlogger.level(25)\n")
    status, said = check(cache, program)
    assert status == 1
    assert 'Argument 1 to "level" of "Logger" has incompatible type "int"; expected "str"' in said
