"""Named places in mplog's code at which a process under test can be killed, put in while mplog is imported.

mplog itself has none of this: the stage (stage.py) installs an import hook that adds a call before or after the
statements that points.py names, in a process of its own, and every process that it forks has them, too.
"""

from __future__ import annotations

import ast
import builtins
import importlib.abc
import importlib.machinery
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from points import HALF, Point

HIT = "hits"
"""The file in which a process notes the name of the point that it dies at, right before."""

_armed: dict[str, int] = {}
_mortal = 0
_hits = ""


def arm(points: dict[str, int], directory: str) -> None:
    """Let this process, and none that it forks, die when it comes to one of *points* for the given time.

    Args:
        points: by name, which time it is that kills.
        directory: where the hit is noted.
    """
    global _mortal, _hits
    _armed.clear()
    _armed.update(points)
    _mortal, _hits = os.getpid(), os.path.join(directory, HIT)


def at(name: str, where: dict[str, Any]) -> None:
    """This process is at the point *name*, with these local variables."""
    if name not in _armed or os.getpid() != _mortal:
        return
    _armed[name] -= 1
    if _armed[name]:
        return
    fd = os.open(_hits, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, f"{name}\n".encode())
    if name in HALF:
        # What the next statement would write, cut in the middle, as a kill during a long write leaves it.
        target, data = HALF[name](where)
        os.write(target, bytes(data)[: max(1, len(data) // 2)])
    os.kill(_mortal, signal.SIGKILL)


def statements(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    """All lists of statements in *tree*, those of nested functions left out."""
    for name in ("body", "orelse", "finalbody", "handlers"):
        found = getattr(tree, name, [])
        if found and isinstance(found[0], ast.stmt):
            yield found
        for inner in found:
            if not isinstance(inner, (ast.FunctionDef, ast.ClassDef)):
                yield from statements(inner)


def _function(tree: ast.Module, name: str) -> ast.AST:
    here: ast.AST = tree
    for part in name.split("."):
        # A function in a function may stand in any block of that.
        nodes = [node for block in statements(here) for node in block]
        inner = [node for node in nodes if getattr(node, "name", None) == part]
        if len(inner) != 1:
            raise LookupError(f"there is no {part!r} of {name!r}; bring points.py up to date")
        here = inner[0]
    return here


def places(tree: ast.Module, point: Point) -> list[tuple[list[ast.stmt], int]]:
    """Where the statement of *point* is in *tree*: lists of statements, and the index in each."""
    found = []
    for block in statements(_function(tree, point.function)):
        found += [(block, index) for index, node in enumerate(block) if ast.unparse(node).startswith(point.statement)]
    # In the order of the source: an inner block comes after what stands before it.
    return sorted(found, key=lambda place: place[0][place[1]].lineno)


def put_in(tree: ast.Module, points: Iterable[Point]) -> None:
    """Add the calls of *points* to *tree*. Raises LookupError for one whose statement is not there."""
    calls = []
    for point in points:
        found = places(tree, point)
        if len(found) != point.of:
            raise LookupError(
                f"{point.name!r}: {len(found)} statements of {point.function} begin with {point.statement!r}, and "
                f"points.py says {point.of}; bring it up to date"
            )
        block, index = found[point.which]
        calls.append((point, block, block[index]))
    for point, block, node in calls:
        call = ast.parse(f"kill_point({point.name!r}, locals())").body[0]
        for part in ast.walk(call):
            ast.copy_location(part, node)
        index = block.index(node)
        block.insert(index + 1 if point.after else index, call)


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module of mplog with its points."""

    points: Sequence[Point] = ()

    def get_code(self, fullname: str) -> CodeType:
        """The module's code, never from a cache."""
        tree = ast.parse(Path(self.path).read_bytes(), self.path)
        put_in(tree, self.points)
        return compile(tree, self.path, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, points: Iterable[Point]) -> None:
        self._points: dict[str, list[Point]] = {}
        for point in points:
            self._points.setdefault(f"mplog.{point.module}", []).append(point)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self._points:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            loader = _Loader(fullname, spec.origin)
            loader.points = self._points[fullname]
            spec.loader = loader
        return spec


def install(points: Iterable[Point]) -> None:
    """Put *points* into mplog, which must not have been imported yet."""
    assert "mplog" not in sys.modules
    builtins.kill_point = at  # type: ignore[attr-defined]  # so that the call works in any module
    sys.meta_path.insert(0, _Finder(points))
