"""The page that says which tests cover what is made from the tests."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest
from documentation import DOCS


def load() -> ModuleType:
    """The script that makes the page."""
    spec = importlib.util.spec_from_file_location("sections", DOCS / "sections.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sections = load()


def test_the_page_is_up_to_date() -> None:
    """Run `python docs/sections.py` when it is not."""
    assert sections.PAGE.read_text() == sections.page()


def test_no_test_names_a_section_that_is_not_there() -> None:
    """There are 37."""
    assert len(sections.TITLES) == 37
    assert set(sections.covered()) <= set(range(1, 38))


PREFIX = "logger-" + "api.md, section"
"""In pieces, so that this file names no section itself."""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (" 12", [12]),
        ("s 6.1 and 12.", [6, 12]),
        ("s 7, 8,\n    9, and 20", [7, 8, 9, 20]),
        ("s 25 to 28, 30 and 31.2", [25, 26, 27, 28, 30, 31]),
        ("s 16.3 to 16.7", [16, 16]),
        (" 16 and its notes; 5 more", [16]),
        (" 35, and beyond.md, row 20", [35]),
        (" one", []),
    ],
)
def test_ways_to_name_sections(text: str, found: list[int]) -> None:
    """Each way that a sentence may have."""
    assert sections.named(f"Some words: {PREFIX}{text}") == found


def test_a_section_is_found_in_any_docstring() -> None:
    """This very file, and modules, classes and functions of others."""
    assert all(paths for paths in sections.covered().values())
    assert len(sections.covered()) >= 20
