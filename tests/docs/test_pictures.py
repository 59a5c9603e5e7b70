"""Pictures show what programs do now: `python docs/pictures.py` takes them anew."""

from __future__ import annotations

import html
import re
from itertools import groupby

from documentation import DOCS
from programs import Program

PICTURE = DOCS / "assets" / "terminal.svg"
_TEXT = re.compile(r'<text x="[\d.]+" y="(\d+)"[^>]*>(.*?)</text>')


def comparable(lines: list[str]) -> list[str]:
    """Lines without blanks, which a picture leaves out, and without what differs from run to run."""
    texts = ["".join(line.split()) for line in lines]
    return [re.sub(r'\d\d:\d\d:\d\d\.\d{3}|"[^"]*/', "", text) for text in texts if text]


def test_the_terminal_shows_what_the_program_prints(program: Program) -> None:
    """Line by line, but for colours."""
    pieces = [(int(y), html.unescape(text)) for y, text in _TEXT.findall(PICTURE.read_text())]
    command, *shown = ["".join(text for _, text in line) for _, line in groupby(pieces, key=lambda piece: piece[0])]
    assert command == "$ python coloured.py"
    printed = program.run((DOCS / "examples" / "coloured.py").read_text()).output.splitlines()
    assert comparable(shown) == [line.replace("program.py", "coloured.py") for line in comparable(printed)]
