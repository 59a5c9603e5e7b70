"""The pages, and what is in them: blocks with the comments that say what they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
EXAMPLES = sorted((DOCS / "examples").glob("*.py"))
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
REFERENCE = DOCS / "reference"

_MARKED = re.compile(
    r"<!-- (?P<kind>[a-z][a-z ]*?)(?:: (?P<what>.*?))? -->\n(?P<blocks>(?:```\w*\n.*?```\n)+)", re.DOTALL
)
_BLOCK = re.compile(r"```\w*\n(.*?)```\n", re.DOTALL)


@dataclass(frozen=True)
class Marked:
    """Fenced blocks right below a comment `<!-- kind: what -->`."""

    page: Path
    kind: str
    what: str
    blocks: tuple[str, ...]


def marked(kind: str) -> list[Marked]:
    """All blocks of one kind, on all pages."""
    return [
        Marked(page, kind, match["what"] or "", tuple(_BLOCK.findall(match["blocks"])))
        for page in PAGES
        for match in _MARKED.finditer(page.read_text())
        if match["kind"] == kind
    ]


def prose(page: Path) -> list[tuple[int, str]]:
    """The lines of a page that are neither code nor table nor comment, with their numbers."""
    lines, fenced = [], False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced and not line.startswith(("|", "<!--")):
            lines.append((number, line))
    return lines
