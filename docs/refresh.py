"""Puts the examples into the pages: `python docs/refresh.py`, after an example has changed.

A page names an example in a comment right above a fenced block, `<!-- example: app.py -->`; the block is the file. That
is so with `<!-- recipe: once.py -->` for those of the cookbook. The tests fail as long as they differ.
"""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
EXAMPLES = DOCS / "examples"

PLACES = {"example": EXAMPLES, "recipe": EXAMPLES / "cookbook"}

_BLOCK = re.compile(
    r"(<!-- (?P<kind>example|recipe): (?P<name>[\w.]+) -->\n```python\n)(?P<code>.*?)(```\n)", re.DOTALL
)


def pages() -> list[Path]:
    """Every page that may hold examples."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def with_examples(text: str) -> str:
    """*text* with each example block as its file is now."""
    return _BLOCK.sub(lambda match: f"{match[1]}{(PLACES[match['kind']] / match['name']).read_text()}{match[5]}", text)


def main() -> None:
    """Rewrite the pages whose examples are out of date."""
    for page in pages():
        text = page.read_text()
        if with_examples(text) != text:
            page.write_text(with_examples(text))
            print(f"refreshed {page.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
