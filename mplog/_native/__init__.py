"""What needs C. Where it could not be built it is not there, and everything else works as it does with it."""

from __future__ import annotations

from types import ModuleType

core: ModuleType | None
"""The module that is written in C; None where there is none."""
try:
    from mplog._native import _core
except ImportError:
    core = None
else:
    core = _core
