"""mplog prints in two places, which escape what they print: reports on standard error, and the output of commands."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import mplog

PACKAGE = Path(mplog.__file__).parent
FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))

VOICES = {
    "_sinks/report.py": "reports",
    "cli/output.py": "what commands print",
}
"""Where it is done, and what."""

PRINTING = {"print_exc", "print_exception", "print_last", "print_tb", "print_stack", "print_list"}
"""Functions of `traceback`."""

STREAMS = {"stdout", "stderr", "__stdout__", "__stderr__"}

TAKE_STREAMS = {"_is_one_of", "add"}
"""Functions that are given a standard stream, and print nothing to it."""


def is_stream(node: ast.AST) -> bool:
    """Whether *node* is a standard stream, or one of two things of which one is."""
    if isinstance(node, ast.IfExp):
        return is_stream(node.body) or is_stream(node.orelse)
    return isinstance(node, ast.Attribute) and node.attr in STREAMS


def printed(source: str) -> list[str]:
    """The places in *source* that print: by `print`, by a standard stream's `write`, by what gets one, or by number."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        given = [*node.args, *(argument.value for argument in node.keywords)]
        if ast.unparse(function).rpartition(".")[2] not in TAKE_STREAMS and any(map(is_stream, given)):
            found.append(ast.unparse(node))
        if isinstance(function, ast.Name) and function.id in {"print", *PRINTING}:
            found.append(ast.unparse(node))
        elif isinstance(function, ast.Attribute):
            of = function.value
            to_stream = (
                isinstance(of, ast.Attribute) and of.attr in STREAMS and function.attr in {"write", "writelines"}
            )
            first = node.args[0] if node.args else None
            by_number = function.attr == "write" and isinstance(first, ast.Constant) and first.value in (1, 2)
            if to_stream or by_number or function.attr in PRINTING:
                found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize("file", FILES)
def test_nothing_else_prints(file: str) -> None:
    """Whatever is printed elsewhere would not be escaped."""
    assert bool(printed((PACKAGE / file).read_text())) is (file in VOICES)


@pytest.mark.parametrize(
    "source",
    [
        "print(1)",
        "sys.stderr.write('x')",
        "sys.__stdout__.writelines(x)",
        "os.write(2, b'x')",
        "traceback.print_exc()",
        "parser.print_help(file=sys.stderr)",
        "write(sys.stderr if error else sys.stdout, 'x')",
    ],
)
def test_prints_are_found(source: str) -> None:
    """The check sees each way of printing."""
    assert printed(source)
