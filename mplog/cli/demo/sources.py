"""The demo's input, the standard library's source files, and what a worker finds out about one of them."""

from __future__ import annotations

import random
import sysconfig
import time
import tokenize
from dataclasses import dataclass
from pathlib import Path

_NOT_STANDARD = {"site-packages", "dist-packages", "__pycache__"}
_DEFINING = {"def", "class"}


@dataclass(frozen=True, slots=True)
class Figures:
    """One source file in numbers."""

    name: str
    tokens: int
    lines: int
    size: int
    seconds: float
    definitions: list[str]
    """The functions and classes that it defines, as ``name at line n``."""
    problem: str | None
    """Why it could not be read to its end; the standard library's tests hold files that are wrong on purpose."""

    def summary(self) -> str:
        """The figures in one line."""
        return (
            f"{self.name}: {self.tokens} tokens, {self.lines} lines, {self.size} bytes in {self.seconds * 1e3:.1f} ms"
        )


def library_directory() -> Path:
    """Where the running interpreter keeps the sources of its standard library."""
    return Path(sysconfig.get_path("stdlib"))


def standard_library() -> list[str]:
    """List the standard library's source files, mixed, so that any part of the list is a fair sample of it."""
    directory = library_directory()
    files = sorted(str(path) for path in directory.rglob("*.py") if _NOT_STANDARD.isdisjoint(path.parts))
    random.Random(0).shuffle(files)
    return files


def survey(path: str) -> Figures:
    """Tokenise one file and count."""
    begun = time.perf_counter()
    tokens = lines = 0
    definitions: list[str] = []
    problem = None
    previous = ""
    try:
        with open(path, "rb") as file:
            for token in tokenize.tokenize(file.readline):
                tokens += 1
                lines = token.end[0]
                if token.type == tokenize.NAME:
                    if previous in _DEFINING:
                        definitions.append(f"{_plain(token.string)} at line {token.start[0]}")
                    previous = token.string
    except (SyntaxError, tokenize.TokenError, UnicodeError, OSError) as error:
        problem = _plain(f"{type(error).__name__}: {error}")
    return Figures(
        name=Path(path).relative_to(library_directory()).as_posix(),
        tokens=tokens,
        lines=lines,
        size=Path(path).stat().st_size,
        seconds=time.perf_counter() - begun,
        definitions=definitions,
        problem=problem,
    )


def _plain(text: str) -> str:
    """Escape what a log escapes: the ledger's checksum is taken of the text as it will stand in the file."""
    return text.encode("unicode_escape").decode("ascii")
