"""The README where a package index shows it: whole, without a link or a picture that leads nowhere."""

from __future__ import annotations

import re
import subprocess
import sys
from email import message_from_bytes
from html.parser import HTMLParser
from pathlib import Path

import pytest
from readme_renderer import markdown

ROOT = Path(__file__).resolve().parents[2]

METADATA = """
import sys
from setuptools import build_meta
print(build_meta.prepare_metadata_for_build_wheel(sys.argv[1]), file=sys.stderr)
"""


class Shown(HTMLParser):
    """What a page links to, and its headings and cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.counts: dict[str, int] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.targets += [str(value) for name, value in attrs if name in ("href", "src")]


@pytest.fixture(scope="module")
def description(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What stands in the metadata of a build."""
    where = tmp_path_factory.mktemp("metadata")
    source = where / "source"
    source.mkdir()
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "mplog"):
        (source / name).symlink_to(ROOT / name)
    subprocess.run([sys.executable, "-c", METADATA, str(where)], cwd=source, capture_output=True, check=True)
    (path,) = where.glob("*.dist-info/METADATA")
    message = message_from_bytes(path.read_bytes())
    assert message["Description-Content-Type"] == "text/markdown"
    found = message.get_payload(decode=True)
    assert isinstance(found, bytes)
    return found.decode()


def test_it_renders_without_a_broken_link(description: str) -> None:
    """Links lead to another host, or to a heading of its own; pictures of ours and marks of the tests' are gone."""
    shown = markdown.render(description)
    assert shown is not None
    targets = Shown(shown).targets
    assert targets
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
    assert "<!--" not in description


def test_it_is_the_readme(description: str) -> None:
    """Nothing else is left out: the same headings, tables and blocks of code, and each word of a link."""
    readme = (ROOT / "README.md").read_text()
    original, shown = (Shown(markdown.render(text) or "") for text in (readme, description))
    for tag in ("h1", "h2", "pre", "table", "td", "li"):
        assert original.counts.get(tag, 0) == shown.counts.get(tag, 0), tag
    for text in re.findall(r"(?<!!)\[([^]]+)\]\(", readme):
        assert text in description
    assert "source archive" in description
    assert not re.search(r":\n\n#", description)
