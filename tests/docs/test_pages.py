"""The pages hold together: links lead somewhere, commands are the ones that are run, lines are sentences."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from documentation import DOCS, PAGES, ROOT, marked, prose

ALL = [*PAGES, *(ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"))]
_LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")
_TWO_SENTENCES = re.compile(r"[a-z`)*\"][.!?] (?=[A-Z`*])")


def ids(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ALL, ids=ids)
def test_links_lead_somewhere(page: Path) -> None:
    """Each link within the project names a file that is there, and a heading in it."""
    for target, anchor in _LINK.findall(page.read_text()):
        file = page if not target else (page.parent / target).resolve()
        assert file.is_file(), f"{target} is not there"
        assert not anchor or anchor in anchors(file), f"{target} has no heading {anchor}"


@pytest.mark.parametrize("page", ALL, ids=ids)
def test_one_sentence_per_line(page: Path) -> None:
    """Changes stay readable line by line. Items of lists may have several."""
    found = [
        f"{number}: {line}"
        for number, line in prose(page)
        if not line.startswith(("- ", "  ", "#", ">")) and _TWO_SENTENCES.search(line)
    ]
    assert found == []


def test_every_page_is_in_the_navigation() -> None:
    """A page that cannot be reached is not there."""
    listed = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text()))
    assert listed == {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}


def test_the_readme_has_exactly_two_commands_that_set_everything_up() -> None:
    """Each is one line that starts from nothing but an interpreter."""
    commands = {block.what: block.blocks[0].strip() for block in marked("command")}
    assert set(commands) == {"demo", "test"}
    for command in commands.values():
        assert "\n" not in command
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install -q ")
    assert commands["demo"].endswith("&& .venv/bin/mplog demo")
    assert commands["test"].endswith("&& .venv/bin/pytest -n auto")


def test_what_ci_runs_is_the_command_of_the_readme() -> None:
    """They cannot differ, because one is read from the other."""
    shown = subprocess.run(
        [str(ROOT / ".ci" / "run"), "--show-test-command"], capture_output=True, text=True, check=True, timeout=30
    )
    (command,) = [block.blocks[0] for block in marked("command") if block.what == "test"]
    assert shown.stdout == command
