"""Type checkers, run on programs as a user without any configuration runs them, and what the programs expect of them.

In a program, `# R: type` at the end of a line is what its `reveal_type` reveals, and `# E: text` on a line of its own
is in the error that the next line is; no other line may have one.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import mplog

PROGRAMS = Path(__file__).parent / "programs"
IMPORTABLE = Path(mplog.__file__).parent.parent

HAS_MYPY = importlib.util.find_spec("mypy") is not None
HAS_PYRIGHT = importlib.util.find_spec("basedpyright") is not None

_SAID = re.compile(r"(?P<path>.+?):(?P<line>\d+): (?P<kind>error|note): (?P<text>.*)")
_REVEALED = re.compile(r'Revealed type is "(.*)"')
_TYPE_OF = re.compile(r'Type of ".*" is "(.*)"', re.DOTALL)


class Findings(NamedTuple):
    """What a checker or a program says about the lines of a program, by (name of the file, line)."""

    errors: dict[tuple[str, int], list[str]]
    revealed: dict[tuple[str, int], list[str]]


def expected(programs: Sequence[Path]) -> Findings:
    """What the comments in *programs* say."""
    found = Findings(defaultdict(list), defaultdict(list))
    for program in programs:
        for number, line in enumerate(program.read_text().splitlines(), 1):
            error = re.fullmatch(r" *# E: (.*)", line)
            revealed = re.search(r"  # R: (.*)", line)
            if error:
                found.errors[program.name, number + 1].append(error[1])
            if revealed:
                found.revealed[program.name, number].append(revealed[1])
    return found


def mypy(programs: Sequence[Path], cache: Path, version: str = "3.10") -> Findings:
    """What `mypy --strict` says. Whole texts of errors, and what it reveals."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={cache}"]
    # Where mplog is no installed package, it is found by its path: its own errors are not the question here.
    command += ["--follow-imports=silent", f"--python-version={version}", "--no-error-summary", *map(str, programs)]
    environment = {**os.environ, "MYPYPATH": str(IMPORTABLE)}
    ended = subprocess.run(command, cwd=cache, env=environment, capture_output=True, text=True, timeout=110)
    found = Findings(defaultdict(list), defaultdict(list))
    for line in ended.stdout.splitlines():
        said = _SAID.fullmatch(line)
        assert said, ended.stdout + ended.stderr
        place = Path(said["path"]).name, int(said["line"])
        revealed = _REVEALED.fullmatch(said["text"])
        if revealed:
            found.revealed[place].append(revealed[1])
        elif said["kind"] == "error":
            found.errors[place].append(said["text"])
    assert not ended.stderr, ended.stderr
    return found


def pyright(programs: Sequence[Path], directory: Path, version: str = "3.10") -> Findings:
    """What pyright says in its strict mode. It runs without network: `basedpyright` brings what it needs."""
    settings = {
        "typeCheckingMode": "strict",
        "pythonVersion": version,
        "include": [str(program) for program in programs],
        "extraPaths": [str(IMPORTABLE)],
    }
    (directory / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "basedpyright", "--project", str(directory), "--outputjson"]
    ended = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=110)
    said = json.loads(ended.stdout)
    assert said["summary"]["filesAnalyzed"] == len(programs), said["summary"]
    found = Findings(defaultdict(list), defaultdict(list))
    for one in said["generalDiagnostics"]:
        place = Path(one["file"]).name, one["range"]["start"]["line"] + 1
        revealed = _TYPE_OF.fullmatch(one["message"])
        if revealed:
            found.revealed[place].append(revealed[1])
        elif one["severity"] == "error":
            found.errors[place].append(one["message"])
    return found
