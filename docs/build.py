"""Builds the site into `site/`, and looks whether it is whole: `python docs/build.py`. Needs the extra `docs`.

The generator is strict about links between pages. What it has made is read once more as a browser would: each link and
each anchor leads somewhere, nothing is loaded from another host, and each page forbids that to the browser, too.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "site"

_LOADED = {"src", "srcset", "poster", "data", "action", "background", "xlink:href"}
"""Attributes whose address a browser loads by itself; and `href`, but where a reader has to click."""

_IN_STYLE = re.compile(r"""url\(\s*['"]?([^'")]+)|@import\s*['"]([^'"]+)""")
_FORBIDDEN = re.compile(r"default-src [^;\"]*'self'")


class _Page(HTMLParser):
    """What a page names, and what can be named in it."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors = {""}
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.policy = ""
        self._style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "meta" and given.get("http-equiv", "").lower() == "content-security-policy":
            self.policy = given.get("content", "")
        if "href" in given:
            (self.links if tag == "a" else self.loaded).append(given["href"])
        self.loaded += [given[name] for name in sorted(_LOADED & given.keys())]
        self.loaded += in_style(given.get("style", ""))
        self._style = tag == "style"

    def handle_data(self, data: str) -> None:
        if self._style:
            self.loaded += in_style(data)


def in_style(text: str) -> list[str]:
    """What a style sheet loads."""
    return [match[1] or match[2] for match in _IN_STYLE.finditer(text)]


def read(path: Path) -> _Page:
    """A page, or a picture that is made of the same."""
    page = _Page()
    page.feed(path.read_text())
    page.close()
    return page


def faults(site: Path) -> Iterator[str]:
    """What is wrong with the site in this directory."""
    pages = {path: read(path) for path in sorted(site.rglob("*")) if path.suffix in (".html", ".svg")}
    for path, page in pages.items():
        where = path.relative_to(site)
        if path.suffix == ".html" and not _FORBIDDEN.search(page.policy):
            yield f"{where}: nothing keeps the browser from loading from other hosts"
        for address in page.loaded:
            yield from loaded(site, path, address)
        for address in page.links:
            parts = urlsplit(address)
            if parts.scheme in ("http", "https", "mailto"):
                continue  # a reader clicks on it
            target = named(site, path, parts.path)
            if not target.is_file():
                yield f"{where}: {address} leads nowhere"
            elif target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{where}: {address} names no place in that page"
    for path in sorted(site.rglob("*.css")):
        for address in in_style(path.read_text()):
            yield from loaded(site, path, address)


def named(site: Path, path: Path, address: str) -> Path:
    """The file that an address names in the file *path*; from the top of the site, where it begins with a slash."""
    if not address:
        return path
    start = site if address.startswith("/") else path.parent
    return (start / unquote(address).lstrip("/")).resolve()


def loaded(site: Path, path: Path, address: str) -> Iterator[str]:
    """What is wrong with what a browser loads for this file."""
    parts = urlsplit(address)
    where = path.relative_to(site)
    if parts.scheme == "data" or address.startswith("#"):
        return
    if parts.scheme or parts.netloc:
        yield f"{where}: {address} is of another host"
    elif not named(site, path, parts.path).is_file():
        yield f"{where}: {address} is not there"


def main() -> int:
    """Build, and say what is wrong."""
    shutil.rmtree(SITE, ignore_errors=True)  # of pages that have gone since
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    found = list(faults(SITE)) if status == 0 else []
    print(*found, sep="\n", file=sys.stderr, end="\n" if found else "")
    if status == 0 and not found:
        print(f"{len(list(SITE.rglob('*.html')))} pages, whole: open {SITE.relative_to(ROOT) / 'index.html'}")
    return status or bool(found)


if __name__ == "__main__":
    sys.exit(main())
