"""What the harness needs beside mplog, and how to get it."""

from __future__ import annotations

import importlib.util
import os
import shlex
import sys
from collections.abc import Iterable

_PYTHON = os.path.relpath(sys.executable) if sys.executable.startswith(os.getcwd() + os.sep) else sys.executable
HOW_TO_GET_ALL = f"{shlex.quote(_PYTHON)} -m pip install -e '.[stress]'"
"""The command that brings all of it; the repository is the present directory, as it is for ``python -m stress``."""


def lacking(packages: Iterable[str]) -> list[str]:
    """Those of *packages* that are not installed."""
    return [name for name in packages if importlib.util.find_spec(name.replace("-", "_")) is None]
