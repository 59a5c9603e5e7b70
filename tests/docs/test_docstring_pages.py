"""Pages that are made from docstrings name all that there is, and what they name has a docstring."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from documentation import REFERENCE, ROOT

MODULES = sorted(path for path in (ROOT / "mplog" / "integrations").glob("*.py") if path.name[0] != "_")
PAGE = (REFERENCE / "integrations.md").read_text()


def offered(path: Path) -> dict[str, str | None]:
    """The functions and classes of a module that are for its users, with their docstrings."""
    return {
        node.name: ast.get_docstring(node)
        for node in ast.parse(path.read_text()).body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        and not node.name.startswith(("_", "pytest_"))  # what pytest calls is not for users
    }


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_an_integration_is_on_the_page_with_all_that_it_offers(path: Path) -> None:
    """A line is missing there for a module or a name that has come since."""
    name = re.escape(f"mplog.integrations.{path.stem}")
    found = re.search(rf"^## {name}\n.*?^::: {name}\n    options:\n      members: \[(.*?)\]\n", PAGE, re.M | re.S)
    assert found, f"::: {name} with its members"
    assert offered(path).keys() <= set(found[1].split(", "))


@pytest.mark.parametrize("path", [*MODULES, ROOT / "mplog" / "testing.py"], ids=lambda path: path.stem)
def test_what_is_offered_has_a_docstring(path: Path) -> None:
    """There would be nothing on the page."""
    assert ast.get_docstring(ast.parse(path.read_text()))
    assert all(offered(path).values())
