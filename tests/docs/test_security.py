"""SECURITY.md: below each sentence of a promise stands the command that shows it, and pytest knows what it names."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from typing import NamedTuple

import pytest
from documentation import ROOT

from mplog._ring.ring_file import MAXIMUM_CAPACITY
from mplog._ring.wire import MAX_ITEMS, MOST_ALIKE, MOST_IN_WIRE
from mplog._session.intake import MOST_DAMAGED
from mplog._writer.spilled import LARGEST_READ

TEXT = (ROOT / "SECURITY.md").read_text()
PROMISED = TEXT.partition("## What is promised\n")[2].partition("\n## What is not promised\n")[0]

_SENTENCE = re.compile(r"- (?P<sentence>(?:(?![.!?] [A-Z`]).)+[^.!?]\.)")
_COMMAND = re.compile(r"  `pytest(?P<names>(?: tests/[\w/]+\.py(?:::\w+)+)+)`")


class Promise(NamedTuple):
    """A sentence, and the tests that assert it."""

    sentence: str
    tests: tuple[str, ...]


def promises_in(section: str) -> list[Promise]:
    """The sentences below headings of the third level. Raises ValueError for whatever else stands there."""
    found = []
    lines = iter(line for line in section.partition("\n### ")[2].split("\n")[1:] if line and line[:4] != "### ")
    for line in lines:
        sentence, command = _SENTENCE.fullmatch(line), _COMMAND.fullmatch(below := next(lines, ""))
        if sentence is None:
            raise ValueError(f"not one sentence, as an item of a list: {line}")
        if command is None:
            raise ValueError(f"no command with tests below {line!r}, but {below!r}")
        found.append(Promise(sentence["sentence"], tuple(command["names"].split())))
    return found


def refused(tests: Iterable[str]) -> str:
    """What pytest says against *tests*; empty where there is one of each."""
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *tests],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if ended.returncode == 0 else ended.stdout + ended.stderr or str(ended.returncode)


def test_each_sentence_has_its_command() -> None:
    """Nothing is promised but by sentences of which each has one."""
    assert len(promises_in(PROMISED)) == PROMISED.count("\n- ") > 50


@pytest.mark.parametrize(
    "section",
    [
        "\n### A\n\n- One sentence.\n",
        "\n### A\n\n- One sentence.\n- Another one.\n  `pytest tests/a.py::test_a`\n",
        "\n### A\n\n- One sentence. Another one.\n  `pytest tests/a.py::test_a`\n",
        "\n### A\n\nOne sentence.\n  `pytest tests/a.py::test_a`\n",
        "\n### A\n\n- One sentence.\n  `pytest tests/a.py::test_a`\n  A further one.\n",
        "\n### A\n\n- One sentence.\n  `tests/a.py::test_a`\n",
        "\n### A\n\n- One sentence.\n  `pytest tests/a.py`\n",
        "\n### A\n\n- One sentence\n  `pytest tests/a.py::test_a`\n",
    ],
)
def test_a_sentence_without_one_is_found(section: str) -> None:
    """Whatever its form is."""
    with pytest.raises(ValueError, match="sentence"):
        promises_in(section)


def test_pytest_finds_each_test_that_is_named() -> None:
    """As it is printed, so that the command can be pasted."""
    assert refused(sorted({name for promise in promises_in(PROMISED) for name in promise.tests})) == ""


@pytest.mark.parametrize(
    "name",
    [
        "tests/docs/test_security.py::test_that_is_not_there",
        "tests/docs/test_security.py::TestNone::test_each_sentence_has_its_command",
        "tests/docs/test_none.py::test_each_sentence_has_its_command",
    ],
)
def test_a_wrong_name_is_found(name: str) -> None:
    """Also beside one that is right."""
    assert name in refused(["tests/docs/test_security.py::test_each_sentence_has_its_command", name])


def test_limits_are_those_that_hold() -> None:
    """The numbers on the page are the constants that the tests go by."""
    limits = PROMISED.partition("### Limits")[2].partition("\n### ")[0]
    for shown in (
        f"A file of more than {MAXIMUM_CAPACITY >> 30} GiB",
        f"{LARGEST_READ >> 20} MiB are read",
        f"more than {MOST_IN_WIRE:,} commas",
        f"a tuple of more than {MAX_ITEMS + 1:,} values",
        f"more than {MOST_ALIKE} hash alike",
        f"{MOST_DAMAGED} stay mapped",
    ):
        assert shown in limits
