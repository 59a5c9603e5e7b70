"""Arrows between parts point downward only, also those inside functions and those for types."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import mplog

PACKAGE = Path(mplog.__file__).parent

ORDER = (
    "mplog",  # the public names: __init__.py
    "typing",  # the public types
    "_logger",
    "_session",
    "_writer",
    "_sinks",
    "_render",
    "_capture",
    "_ring",
    "_native",
)
"""From top to bottom. A part imports itself and parts below it."""

ON_TOP = ("cli", "integrations", "testing", "__main__")
"""Use mplog as any program does: its public names, and themselves."""

WINDOWS = {
    "mplog.cli.recover": "mplog._logger.recovering",
    "mplog.cli.output": "mplog._render.escape",
    "mplog.integrations.standard": "mplog._logger.standard_record",
    "mplog.integrations._request": "mplog._ring.clock",
    "mplog.integrations.celery": "mplog._sinks.inside",
    "mplog.integrations.tasks": "mplog._logger.context",
    "mplog.integrations.wsgi": "mplog._logger.context",
}
"""Modules that do what no program does, and the one module each may look into for it."""

OF_THE_STUB = "mplog.typing"
"""Imports, for type checkers alone, names of the package's stub: at run time the package does not have them."""

LEAVES = ("_version",)
"""Import nothing of mplog, and may be imported by all."""

FILES = sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    """The dotted name of the module in *path*."""
    parts = list(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part_of(module: str) -> str:
    """The part that *module* is in: the first name below `mplog`."""
    names = module.split(".")
    return names[1] if len(names) > 1 else "mplog"


def targets(source: str, module: str, *, is_package: bool) -> Iterator[str]:
    """What *source* imports from mplog, as dotted names that end in the imported name, wherever the import stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "mplog")
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module.split(".")
                package = package[: len(package) - node.level + (1 if is_package else 0)]
                base = ".".join([*package, base] if base else package)
            if base.split(".")[0] == "mplog":
                yield from (f"{base}.{alias.name}" for alias in node.names)


def is_allowed(importer: str, target: str) -> bool:
    """Whether the module *importer* may import *target*."""
    here, there = part_of(importer), part_of(target)
    if target == "mplog" or (there not in (*ORDER, *ON_TOP, *LEAVES)):
        there = "mplog"  # a public name of the package itself
    if there == here or there in LEAVES:
        return True
    if importer == OF_THE_STUB and there == "mplog":
        return not hasattr(mplog, target.rpartition(".")[2])
    if importer in WINDOWS and f"{target}.".startswith(f"{WINDOWS[importer]}."):
        return True
    if here in ON_TOP:
        is_public = there == "mplog" and target.rpartition(".")[2] in {*mplog.__all__, "__version__", "mplog"}
        is_integration = here == "cli" and there == "integrations"
        is_integration = is_integration or (here == "integrations" and there == "testing")
        return is_public or there == "typing" or is_integration or (here == "__main__" and there == "cli")
    if here in LEAVES or there in ON_TOP:
        return False
    return ORDER.index(there) > ORDER.index(here)


@pytest.mark.parametrize("path", FILES, ids=[module_of(path) for path in FILES])
def test_a_part_imports_only_parts_below_it(path: Path) -> None:
    """Whoever wants to know what a part needs can stop reading at its own line of the order."""
    module = module_of(path)
    found = targets(path.read_text(), module, is_package=path.name == "__init__.py")
    wrong = sorted({target for target in found if not is_allowed(module, target)})
    assert not wrong, f"{module} must not import {wrong}: the order is {' > '.join(ORDER)}, below {ON_TOP}"


def test_every_part_has_its_place() -> None:
    """A new folder is put into the order, or on top of it, by whoever makes it."""
    found = {part_of(module_of(path)) for path in FILES}
    assert found == {*ORDER, *ON_TOP, *LEAVES}


@pytest.mark.parametrize(
    ("importer", "source"),
    [
        ("mplog._ring.ring", "import mplog._capture.data"),
        ("mplog._ring.ring", "def late():\n    from mplog._sinks import report"),
        ("mplog._ring.ring", "from mplog import logger"),
        ("mplog._sinks.stream", "from mplog import _writer"),
        ("mplog._capture.data", "from ..  import _session"),
        ("mplog._render.times", "if TYPE_CHECKING:\n    from mplog._logger.core import Core"),
        ("mplog._session.fork", "import mplog"),
        ("mplog.cli.demo.run", "from mplog._sinks.file import lock"),
        ("mplog.cli.demo.run", "from mplog import _sinks"),
        ("mplog.cli.recover", "from mplog._session import recovery"),
        ("mplog.cli.demo.run", "from mplog._logger import recovering"),
        ("mplog.integrations.celery", "from mplog.cli import main"),
        ("mplog.typing", "from mplog import logger"),
        ("mplog._version", "from mplog._ring import layout"),
    ],
)
def test_an_arrow_that_points_up_is_seen(importer: str, source: str) -> None:
    """Each way to write an import that must not be is noticed."""
    found = list(targets(source, importer, is_package=False))
    assert len(found) == 1
    assert not is_allowed(importer, found[0])


@pytest.mark.parametrize(
    ("importer", "source"),
    [
        ("mplog", "from mplog._logger.logger import logger"),
        ("mplog._sinks.file.sink", "from mplog._ring.ring import Entry"),
        ("mplog._session.link", "from . import place"),
        ("mplog._logger.core", "from mplog._session import fork"),
        ("mplog.cli.demo.run", "from mplog import logger"),
        ("mplog.cli.demo.run", "from .._ledger import Ledger"),
        ("mplog.__main__", "from mplog.cli import main"),
        ("mplog.typing", "if TYPE_CHECKING:\n    from mplog import Logger"),
        ("mplog.cli.recover", "from mplog._logger import recovering"),
    ],
)
def test_an_arrow_that_points_down_is_fine(importer: str, source: str) -> None:
    """What is in order is not complained about."""
    found = list(targets(source, importer, is_package=False))
    assert len(found) == 1
    assert is_allowed(importer, found[0])
