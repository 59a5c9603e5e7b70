"""Writes reference/compatibility.md: `python docs/sections.py`, after a test has said which sections it covers.

A test names them in the docstring of a module, a class or a function: "logger-api.md, section 12",
"sections 6.1 and 12", "sections 25 to 29". The test suite fails as long as the page is out of date.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
TESTS = ROOT / "tests"
PAGE = DOCS / "reference" / "compatibility.md"

TITLES = (
    "The package",
    "The logger object",
    "What a logging call does",
    "Logging methods",
    "Levels",
    "The record",
    "The message object",
    "`add()`",
    "Kinds of sinks",
    "`filter`",
    "`format`",
    "Time format",
    "Colour markup",
    "Whether colours are emitted",
    "`serialize`",
    "File sinks",
    "String grammars",
    "`enqueue=True`",
    "`remove()` and `complete()`",
    "Errors in handlers",
    "`opt()`",
    "`bind()`, `contextualize()`, `patch()`",
    "`catch()`",
    "Formatting of exceptions",
    "Activation: `enable()`, `disable()`",
    "`parse()`",
    "`configure()`",
    "Copies, pickling, fork, `reinstall()`",
    "Threads and locks",
    "Coroutine sinks and asyncio",
    "Standard `logging`",
    "Template strings",
    "Environment",
    "Wording",
    "Typing stub",
    "Multi-process index",
    "What compatible programs, and their tests, force on an implementation",
)
"""The sections of logger-api.md, from 1."""

_NUMBER = r"\d+(?:\.\d+)?"
_NAMED = re.compile(rf"logger-api\.md, sections? (?P<numbers>{_NUMBER}(?:(?:, and|,| and| to) {_NUMBER})*)")
_STEP = re.compile(rf"(?P<link>, and|,| and| to)? ?(?P<number>{_NUMBER})")


def named(text: str) -> list[int]:
    """The sections that a docstring names. A subsection counts for its section."""
    found: list[int] = []
    for match in _NAMED.finditer(" ".join(text.split())):
        for step in _STEP.finditer(match["numbers"]):
            section = int(step["number"].split(".")[0])
            if step["link"] == " to":
                found.extend(range(found[-1] + 1, section))
            found.append(section)
    return found


def docstrings(path: Path) -> Iterator[str]:
    """All docstrings in a module of tests."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield ast.get_docstring(node) or ""


def covered() -> dict[int, list[str]]:
    """The test files that name each section, by their paths below `tests`."""
    found: dict[int, set[str]] = defaultdict(set)
    for path in sorted(TESTS.rglob("test_*.py")):
        for text in docstrings(path):
            for section in named(text):
                found[section].add(path.relative_to(TESTS).as_posix())
    return {section: sorted(paths) for section, paths in sorted(found.items())}


def page() -> str:
    """The page as the tests have it now."""
    tests = covered()
    rows = [
        f"| {number} | {title} | {'<br>'.join(f'`{path}`' for path in tests.get(number, ())) or 'none yet'} |"
        for number, title in enumerate(TITLES, 1)
    ]
    return "\n".join(
        (
            "# Compatibility",
            "",
            "Programs written for Loguru work with mplog under the same names.",
            "The behaviour that they may rely on is described in 37 sections; tests say which of them they cover.",
            "Those in `parity/` run the same calls on both libraries and compare.",
            "",
            "| | section | tests, below `tests/` |",
            "|---|---|---|",
            *rows,
            "",
            "This page is made by `python docs/sections.py`.",
            "",
        )
    )


def main() -> None:
    """Write the page when it is out of date."""
    if not PAGE.exists() or PAGE.read_text() != page():
        PAGE.write_text(page())
        print(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
