"""The reference names all there is, and nothing else.

Covers logger-api.md, sections 33 and 34.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
from pathlib import Path

import pytest
from documentation import REFERENCE, Marked, marked

import mplog
from mplog._logger.logger import Logger
from mplog._logger.options import FILE_KEYWORDS
from mplog._render.template import DEFAULT
from mplog._render.times import _TOKENS
from mplog._sinks.file.codec import FORMATS
from mplog.cli import main

PACKAGE = Path(mplog.__file__).parent

NO_METHODS = {"In other processes", "The record", "What is not there yet"}
"""Sections of the logger's page that describe something else."""


def page(name: str) -> str:
    return (REFERENCE / name).read_text()


def rows(text: str, heading: str | None = None) -> set[str]:
    """The names in the first column of the tables, below one heading or on all of the page."""
    if heading is not None:
        text = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return {name for cell in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)}


def public_methods() -> set[str]:
    return {name for name, _ in inspect.getmembers(Logger, inspect.isfunction) if not name.startswith("_")}


def test_every_method_of_the_logger_has_a_heading() -> None:
    """What can be called is described; what is described can be called."""
    headings = re.findall(r"^## (.*)$", page("logger.md"), re.MULTILINE)
    named = {name for heading in headings for name in heading.split(", ")} - NO_METHODS
    assert named == public_methods()


def test_what_is_not_there_is_not_there() -> None:
    """The list of what is missing shrinks with each method that comes."""
    methods, _, options = page("logger.md").partition("## What is not there yet")[2].partition("Options of")
    assert not set(re.findall(r"`(\w+)`", methods)) & public_methods()
    known = {*inspect.signature(Logger.add).parameters, *FILE_KEYWORDS}
    assert not set(re.findall(r"`(\w+)`", options)) & known


def test_every_argument_of_add_is_described() -> None:
    """Names and defaults are those of the signature; the default format is too long for the line."""
    parameters = inspect.signature(Logger.add).parameters
    named = rows(page("logger.md"), "add")
    keywords = {name for name, kind in parameters.items() if kind.kind is inspect.Parameter.KEYWORD_ONLY}
    assert keywords <= named
    defaults = {name: "..." if name == "format" else repr(parameters[name].default) for name in parameters}
    shown = ", ".join(f"{name}={defaults[name]}".replace("'", '"') for name in parameters if name in keywords)
    assert shown in page("logger.md")


def test_every_file_option_is_described() -> None:
    """Nothing more, nothing less."""
    table = page("files.md").split("## rotation")[0]
    assert rows(table) == set(FILE_KEYWORDS)


def test_every_compression_format_is_named() -> None:
    """In the reference and in the how-to."""
    for text in (page("files.md"), (REFERENCE.parent / "how-to" / "files.md").read_text()):
        assert all(f"`{name}`" in text or f'`"{name}"`' in text for name in FORMATS)


def test_every_record_field_is_described(logger: Logger) -> None:
    """What a function sink sees is what the table says."""
    seen: list[dict[str, object]] = []
    logger.add(lambda message: seen.append(message.record))
    logger.info("x")
    assert rows(page("logger.md"), "The record") == set(seen[0])


def test_every_time_token_is_listed() -> None:
    """Tokens are read where they are listed."""
    listed = rows_after_first_column(page("formats.md").split("\n## time\n")[1].split("\n## ")[0])
    expanded = listed | {"S" * digits for digits in range(1, 7)}
    assert expanded == set(_TOKENS)


def rows_after_first_column(text: str) -> set[str]:
    lines = [line for line in text.splitlines() if line.startswith("|") and "`" in line]
    return {
        token
        for line in lines
        for token in re.findall(r"`([A-Za-z]+)`", line.split("|", 2)[2])
        if set(token) != {"S"} or len(token) in (1, 6)
    }


def test_the_default_format_is_shown_as_it_is() -> None:
    """The block is the default."""
    (block,) = marked("default format")
    assert block.blocks[0].strip() == DEFAULT


def test_every_environment_variable_is_described() -> None:
    """Those that the package reads, and no others."""
    read: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                read |= set(re.findall(r"\AMPLOG_[A-Z_]+\Z", node.value))
            elif isinstance(node, ast.JoinedStr):
                shape = "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "<LEVEL>" for part in node.values
                )
                read |= set(re.findall(r"\AMPLOG_<LEVEL>_[A-Z_]+\Z", shape))
    described = set(re.findall(r"^\| `(MPLOG_.*?)`", page("environment.md"), re.MULTILINE))
    assert described == read


@pytest.mark.parametrize("case", marked("raises"), ids=lambda case: case.blocks[0].strip())
def test_an_error_reads_as_the_page_says(
    case: Marked, logger: Logger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call on the page raises the text on the page."""
    monkeypatch.chdir(tmp_path)
    logger.add("some.log")
    call, text = case.blocks
    raised = "nothing was raised"
    try:
        exec(call, {"logger": logger})
    except Exception as error:  # noqa: BLE001 - the page says which
        raised = f"{type(error).__name__}: {error}\n"
    assert raised == text, "change the page, or the text"
    assert len(repr(logger).split("id=")) == 2, "a failed call has changed the configuration"


def shape(node: ast.AST | None) -> str | None:
    """What a text of the package looks like, with anything in the place of each value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(re.escape(str(p.value)) if isinstance(p, ast.Constant) else "(.*)" for p in node.values)
    return None


@functools.cache
def sources() -> dict[Path, list[ast.AST]]:
    """All parts of all modules, by their paths."""
    return {path.relative_to(PACKAGE): list(ast.walk(ast.parse(path.read_text()))) for path in PACKAGE.rglob("*.py")}


@functools.cache
def said_patterns() -> list[re.Pattern[str]]:
    """What the package's own texts look like."""
    found = [shape(node) for nodes in sources().values() for node in nodes]
    return [re.compile(pattern) for pattern in found if pattern and len(pattern.replace("(.*)", "")) > 15]


RAISED_TO_USERS = ("_logger", "_sinks", "_render", "_session/queue_options.py", "_session/directory.py")
"""Where errors are raised that can reach a user; those of other parts are caught inside."""

CAUGHT_INSIDE = (
    "needs escaping",
    "no clock",
    "is another program's",
    "is no plain data",
    "is no slot",
    "was removed while it was compressed",
    "it is no regular file any more",
)
"""Texts there that never leave the package."""


def texts_for_users() -> list[tuple[str, str]]:
    """Where a text is that a user may get, and what it looks like."""
    found = []
    for path, nodes in sources().items():
        for node in nodes:
            text = None
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                if str(path).startswith(RAISED_TO_USERS):
                    text = shape(node.exc.args[0])
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "report.once":
                text = shape(node.args[1])
            if text is not None and not any(re.escape(part) in text for part in CAUGHT_INSIDE):
                found.append((f"{path}:{node.lineno}", text))  # type: ignore[attr-defined]  # a statement or a call
    return found


def test_every_text_is_on_the_page() -> None:
    """What the package raises to users or says on standard error is shown, whatever values it carries."""
    shown = "\n".join(re.findall(r"```text\n(.*?)```", page("errors.md"), re.DOTALL))
    texts = texts_for_users()
    assert len(texts) > 80
    missing = [(place, text) for place, text in texts if not re.search(text, shown)]
    assert not missing, "\n".join(f"{place}: {text}" for place, text in missing)


@pytest.mark.parametrize("case", marked("says"), ids=lambda case: case.blocks[0].strip()[:60])
def test_a_report_is_one_that_is_made(case: Marked) -> None:
    """Texts on standard error are found in the source, whatever values they carry; one may hold another."""
    text = case.blocks[0].strip()
    patterns = said_patterns()
    assert any(pattern.fullmatch(text) for pattern in patterns), f"nothing says: {text}"


@pytest.mark.parametrize("command", ["demo", "recover"])
def test_every_option_of_a_command_is_described(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` and the page name the same options."""
    with pytest.raises(SystemExit):
        main([command, "--help"])
    offered = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    section = page("commands.md").split(f"## mplog {command}")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(--[a-z-]+)", section, re.MULTILINE)) == offered
