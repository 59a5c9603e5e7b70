"""What is public is listed in one place, and the list agrees with reality.

Covers logger-api.md, section 1.
"""

from __future__ import annotations

import json
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import mplog

PUBLIC_MODULES = {"cli", "integrations", "testing", "typing"}
"""Modules that users name themselves; all others start with an underscore."""

_LIST_NAMES = """
import json
import types
import __future__
import mplog

def is_public(name):
    value = getattr(mplog, name)
    # Submodules appear when they are imported; `annotations` comes with the future import.
    return not name.startswith("_") and not isinstance(value, (types.ModuleType, __future__._Feature))

print(json.dumps([name for name in dir(mplog) if is_public(name)]))
"""


def in_fresh_interpreter(source: str) -> str:
    """What *source* prints where nothing else has been imported."""
    root = Path(mplog.__file__).parent.parent
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", source], cwd=root, check=True, capture_output=True, text=True, timeout=60
    ).stdout


def test_nothing_else_is_public() -> None:
    """`__all__` is what `dir(mplog)` shows: no forgotten import, no name without a thing."""
    assert sorted(mplog.__all__) == json.loads(in_fresh_interpreter(_LIST_NAMES))


def test_no_name_is_listed_twice() -> None:
    """The list is a set."""
    assert len(mplog.__all__) == len(set(mplog.__all__))


def test_importing_everything_gives_the_listed_names() -> None:
    """`from mplog import *` brings the list, nothing more."""
    brought = in_fresh_interpreter(
        "from mplog import *\nprint([name for name in list(globals()) if not name.startswith('__')])"
    )
    assert set(mplog.__all__) == set(re.findall(r"'(\w+)'", brought))


def test_only_chosen_modules_are_public() -> None:
    """A module without an underscore is a promise, so there are few."""
    found = {module.name for module in pkgutil.iter_modules(mplog.__path__) if not module.name.startswith("_")}
    assert found == PUBLIC_MODULES


def test_the_version_is_one_that_installers_understand() -> None:
    """`mplog.__version__` is a plain release number."""
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?(\.dev\d+)?", mplog.__version__)


def test_types_are_shipped() -> None:
    """Type checkers read mplog's own annotations only where this file lies."""
    assert (Path(mplog.__file__).parent / "py.typed").is_file()


def test_importing_starts_nothing() -> None:
    """An import costs no thread, no lock of other processes, no library that only some programs need."""
    source = (
        "import sys, threading\nimport mplog\n"
        "print(threading.active_count(), sorted({'filelock', 'rich', 'tqdm', 'asyncio', 'multiprocessing.synchronize'}"
        " & set(sys.modules)))"
    )
    assert in_fresh_interpreter(source).strip() == "1 []"
