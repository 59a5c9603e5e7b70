"""Which files are the user's own: those get colours and blank lines in tracebacks."""

from __future__ import annotations

import functools
import os.path
import sys
import sysconfig
from collections.abc import Callable
from typing import Any

_KINDS = ("stdlib", "platstdlib", "purelib", "platlib")


def library_directories() -> tuple[str, ...]:
    """The directories of libraries that are on `sys.path` now, in lower case, each with its last separator."""
    on_path = {_lowered(entry) for entry in sys.path}
    known = map(_lowered, _of_all_schemes(sysconfig.get_path))
    return tuple({os.path.join(directory, ""): None for directory in known if directory and directory in on_path})


# Asking for one path takes the interpreter a tenth of a millisecond, there are dozens, and they stay what they are.
@functools.lru_cache(maxsize=1)
def _of_all_schemes(get_path: Callable[..., Any]) -> tuple[Any, ...]:
    """What *get_path*, which is that of `sysconfig`, gives for each kind of library of each scheme."""
    found: dict[Any, None] = {}
    try:
        schemes = sysconfig.get_scheme_names()
    except Exception:  # noqa: BLE001 - a broken installation must not keep anybody from logging
        return ()
    for scheme in schemes:
        for kind in _KINDS:
            try:
                found[get_path(kind, scheme)] = None
            except Exception:  # noqa: BLE001 - schemes that other systems have lack values here
                continue
    return tuple(found)


def _lowered(path: Any) -> str:
    if not isinstance(path, str):
        return ""
    try:
        return os.path.abspath(path).lower()
    except (OSError, ValueError):  # There is no working directory, or no such path can be.
        return path.lower()


def is_own(file: str, libraries: tuple[str, ...] | None) -> bool:
    """Whether *file* belongs to the user, and to none of *libraries*."""
    path = _lowered(file)
    return path.endswith(".py") and not path.startswith(libraries or ())
