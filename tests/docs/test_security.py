"""SECURITY.md: each promise names the tests that hold it, and these exist."""

from __future__ import annotations

import ast
import re

import pytest
from documentation import ROOT

TEXT = (ROOT / "SECURITY.md").read_text()
PROMISED = TEXT.partition("## What mplog promises")[2].partition("## What mplog does not promise")[0]
POINTS = re.findall(r"^- .*(?:\n {2}.*)*", PROMISED, re.MULTILINE)
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(?:\w+::)?(\w+)`")


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point[2:50])
def test_each_point_names_tests_that_exist(point: str) -> None:
    """As `tests/<file>.py::<function>`, or with its class between the two."""
    named = _NAMED.findall(point)
    assert named, f"no test is named for: {point}"
    for file, function in named:
        tree = ast.parse((ROOT / file).read_text())
        functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert function in functions, f"{file} has no {function}"


def test_points_are_found() -> None:
    """None of them is overlooked because of its form."""
    assert len(POINTS) == PROMISED.count("\n- ") > 15
