"""What a worker wrote is never unpickled by the process that owns the sinks.

Unpickling runs whatever the bytes say. Each place that does it is listed here with the reason why the bytes come from
somebody who may run code in this process anyway; any other place fails.
"""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

import mplog

PACKAGE = Path(mplog.__file__).parent

ALLOWED = {
    "_logger": "a child reads the configuration that its own ancestor wrote into the session's private directory",
    "cli/demo": "the demo is a program that uses mplog, and hears from workers that it has started itself",
    "_capture/record.py": "an exception's value is unpickled right after it was pickled, in the same process, to see "
    "whether it can travel",
}
"""Folder or file, and why it may."""

_LOADERS = {"load", "loads", "Unpickler"}
_MODULES = {"pickle", "_pickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}
_RECEIVERS = {"recv", "Connection", "Client", "Listener", "SimpleQueue", "Pipe"}
"""Parts of multiprocessing that unpickle what arrives."""


def unpicklings(source: str) -> Counter[str]:
    """Everything in *source* that turns bytes into objects by running what they say."""
    found: Counter[str] = Counter()
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name for alias in node.names if alias.name.split(".")[0] in _MODULES}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in _MODULES:
            found.update(f"from {node.module} import {alias.name}" for alias in node.names if alias.name in _LOADERS)
        elif isinstance(node, ast.ImportFrom) and "multiproc" in (node.module or ""):
            found.update(alias.name for alias in node.names if alias.name in _RECEIVERS)
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Attribute):
            continue
        owner = ast.unparse(node.value)
        unpickles = node.attr in _LOADERS and owner in names
        receives = node.attr in _RECEIVERS and owner.split(".")[0] in ("multiprocessing", "multiprocess")
        if unpickles or receives or (node.attr == "open" and owner == "shelve"):
            found[f"{owner}.{node.attr}"] += 1
    return found


def reason_for(path: Path) -> str | None:
    """Why the module at *path* may unpickle, or None."""
    name = path.relative_to(PACKAGE).as_posix()
    return next((why for place, why in ALLOWED.items() if name == place or name.startswith(f"{place}/")), None)


PARTS = ["", *sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))]
"""Folders; the first stands for what lies in none."""


@pytest.mark.parametrize("part", PARTS)
def test_nothing_is_unpickled_but_in_places_with_a_reason(part: str) -> None:
    """The parts that read rings and write files do not unpickle at all."""
    strange = {
        path.relative_to(PACKAGE).as_posix(): dict(unpicklings(path.read_text()))
        for path in sorted((PACKAGE / part).rglob("*.py") if part else PACKAGE.glob("*.py"))
        if reason_for(path) is None and unpicklings(path.read_text())
    }
    assert strange == {}


def test_the_logger_unpickles_only_its_ancestors_registry() -> None:
    """One module does it, and it is the one that reads the registry."""
    modules = [path for path in (PACKAGE / "_logger").rglob("*.py") if unpicklings(path.read_text())]
    assert len(modules) == 1, f"unpickling is spread over {[path.name for path in modules]}"
    assert "REGISTRY" in modules[0].read_text()


def test_an_exception_is_unpickled_right_after_it_was_pickled() -> None:
    """In one expression: no bytes of anybody else come in between."""
    tree = ast.parse((PACKAGE / "_capture" / "record.py").read_text())
    loads = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "pickle.loads"]
    assert [ast.unparse(argument) for node in loads for argument in node.args] == ["pickle.dumps(value)"]


def test_every_reason_is_needed() -> None:
    """A permission that nobody uses any more is taken back."""
    used = {place for place in ALLOWED if any(unpicklings(path.read_text()) for path in _files(place))}
    assert used == set(ALLOWED)


def _files(place: str) -> list[Path]:
    path = PACKAGE / place
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


@pytest.mark.parametrize(
    "source",
    [
        "import pickle\npickle.loads(data)",
        "import pickle as p\np.load(file)",
        "def f():\n    import dill\n    return dill.loads(data)",
        "from pickle import loads",
        "import pickle\nread = pickle.Unpickler",
        "import marshal\nmarshal.loads(data)",
        "from multiprocessing import SimpleQueue",
        "import multiprocessing\nmultiprocessing.Pipe()",
    ],
)
def test_each_way_to_unpickle_is_seen(source: str) -> None:
    """The search finds what it is for."""
    assert unpicklings(source)


@pytest.mark.parametrize("source", ["import pickle\npickle.dumps(x)", "import json\njson.loads(x)"])
def test_other_loading_is_fine(source: str) -> None:
    """Pickling for one's own children, and JSON, are no danger."""
    assert not unpicklings(source)
