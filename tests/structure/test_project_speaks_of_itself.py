"""The files of the project speak of mplog, and of no machine it was written on."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACES = (
    "mplog",
    "tests",
    "stress",
    "benchmarks",
    "docs",
    ".ci",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "pyproject.toml",
    "mkdocs.yml",
)

# In pieces, so that this file does not name any of them itself.
_FOREIGN = re.compile(
    "|".join(
        (
            "/" + "root/",
            "/" + "work/",
            "/" + r"home/\w",
            "/" + r"Users/\w",
            r"[A-Z]:\\" + "Users",
            "pyenv/" + "versions",
        )
    )
)


def test_no_machine_is_named() -> None:
    """A path that exists on one machine only helps nobody else."""
    found = []
    for place in PLACES:
        path = ROOT / place
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            if not file.is_file() or "__pycache__" in file.parts or file.suffix == ".so":
                continue
            for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
                if _FOREIGN.search(line):
                    found.append(f"{file.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert found == []
