"""What `docs/build.py` finds wrong with a site; the site itself is built and looked at by `.ci/run`."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from documentation import DOCS


def load() -> ModuleType:
    """The script that builds the site."""
    spec = importlib.util.spec_from_file_location("build_site", DOCS / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build = load()

POLICY = '<meta http-equiv="Content-Security-Policy" content="default-src \'self\'">'


def found(here: Path, page: str, **others: str) -> list[str]:
    """What is wrong with a site of one page and other files."""
    (here / "page.html").write_text(POLICY + page)
    for name, text in others.items():
        (here / name.replace("_", ".")).write_text(text)
    return list(build.faults(here))


@pytest.mark.parametrize(
    "page",
    [
        '<a href="other.html#here">',
        '<a href="/other.html#here">',
        '<a href="#a"><h2 id="a">',
        '<a href="#">',
        '<a href="https://example.org/">',
        '<link href="own.css"><img src="data:image/png;base64,x">',
        "<style>p { background: url(own.css) }</style>",
    ],
)
def test_a_whole_site_is_whole(page: str, tmp_path: Path) -> None:
    """Links that lead somewhere, files of its own, and links to other hosts that a reader clicks on."""
    assert found(tmp_path, page, other_html=f'{POLICY}<h1 id="here">', own_css="p { color: red }") == []


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ('<a href="other.html#there">', "names no place"),
        ('<a href="#there">', "names no place"),
        ('<a href="none.html">', "leads nowhere"),
        ('<a href="/none.html">', "leads nowhere"),
        ('<img src="none.png">', "is not there"),
        ('<script src="https://example.org/a.js"></script>', "is of another host"),
        ('<script src="//example.org/a.js"></script>', "is of another host"),
        ('<link rel="stylesheet" href="https://example.org/a.css">', "is of another host"),
        ("<style>@import 'https://example.org/a.css';</style>", "is of another host"),
        ('<p style="background: url(https://example.org/a.png)">', "is of another host"),
    ],
)
def test_what_is_wrong_is_found(page: str, fault: str, tmp_path: Path) -> None:
    """And nothing else."""
    (said,) = found(tmp_path, page, other_html=f'{POLICY}<h1 id="here">')
    assert said.startswith("page.html: ")
    assert fault in said


def test_fonts_of_a_picture_or_a_style_sheet_are_looked_at(tmp_path: Path) -> None:
    """Tools that draw terminals name fonts of other hosts."""
    font = "@font-face { src: url('https://example.org/font.woff2') }"
    said = found(tmp_path, "", picture_svg=f"<svg><style>{font}</style></svg>", own_css=font)
    assert said == [f"{name}: https://example.org/font.woff2 is of another host" for name in ("picture.svg", "own.css")]


def test_a_page_without_the_policy_is_found(tmp_path: Path) -> None:
    """The browser would load what a script asks for."""
    (said,) = found(tmp_path, "", other_html="<p>")
    assert said.startswith("other.html: nothing keeps the browser")
