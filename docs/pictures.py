"""Takes the pictures of the documentation anew, into docs/assets: `python docs/pictures.py [terminal] [torture]`.

Nothing in them is drawn by hand: the terminal shows what a program of docs/examples has written to one, and the page of
the torture chamber is what a browser makes of it. Needs the extras `demo` and `stress`, and Chromium for the page.
"""

from __future__ import annotations

import html
import os
import pty
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import MONOKAI
from rich.text import Text

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
ASSETS = DOCS / "assets"

COLUMNS = 72
_CELL, _LINE, _EDGE = 8.4, 20, 16
"""Width of a character, height of a line and what is around them, in pixels."""

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_SIZE = (1280, 1078)
"""Of the page, in pixels from its top."""
_SHORTER = """<style>
  main > h2:first-of-type, main > h2:first-of-type ~ * { display: none }
  main > h2:last-of-type, main > h2:last-of-type ~ * { display: revert }
  main > h2:last-of-type ~ .legend { display: flex }
  main > .legend + .card { display: none }
</style>"""
"""The picture has the figures of all rounds and, right below them, what happened in one where workers are killed."""


def terminal(program: Path) -> str:
    """What *program* writes to a terminal, as a picture."""
    with tempfile.TemporaryDirectory(prefix="tables-") as here:
        shutil.copy(program, here)
        written = on_a_terminal([sys.executable, program.name], Path(here))
    console = Console(width=COLUMNS, file=open(os.devnull, "w"), color_system="truecolor", force_terminal=True)  # noqa: SIM115 - as long as the console
    lines = console.render_lines(Text.from_ansi(f"$ python {program.name}\n{written}"), pad=False)
    return drawn(lines)


def on_a_terminal(command: list[str], here: Path) -> str:
    """What a command writes to a terminal of its own."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(COLUMNS), "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
    running = subprocess.Popen(command, cwd=here, env=environment, stdout=theirs, stderr=theirs)
    os.close(theirs)
    written = b""
    while True:
        try:
            more = os.read(ours, 65536)
        except OSError:  # so a terminal ends
            break
        if not more:
            break
        written += more
    os.close(ours)
    if running.wait() != 0:
        raise SystemExit(written.decode())
    return written.decode().replace("\r\n", "\n").rstrip()


def drawn(lines: list[list[Segment]]) -> str:
    """Lines of styled text as an SVG. It names no font of another host, as rich's own export does."""
    width, height = round(COLUMNS * _CELL + 2 * _EDGE), len(lines) * _LINE + 2 * _EDGE
    rows = []
    for number, line in enumerate(lines):
        column = 0
        for segment in line:
            if segment.text.strip():
                rows.append(
                    f'<text x="{_EDGE + column * _CELL:.1f}" y="{_EDGE + number * _LINE + 15}" '
                    f'textLength="{segment.cell_length * _CELL:.1f}" {look(segment.style or Style())}>'
                    f"{html.escape(segment.text)}</text>"
                )
            column += segment.cell_length
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            'xml:space="preserve">',
            "<style>text { font: 14px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; white-space: pre }"
            "</style>",
            f'<rect width="{width}" height="{height}" rx="8" fill="#16181d"/>',
            *rows,
            "</svg>\n",
        )
    )


def look(style: Style) -> str:
    """The attributes of a text."""
    colour = style.color.get_truecolor(MONOKAI).hex if style.color else MONOKAI.foreground_color.hex
    weight = ' font-weight="bold"' if style.bold else ""
    return f'fill="{colour}"{weight}' + (' opacity="0.6"' if style.dim else "")


def torture() -> bytes:
    """The page that the torture chamber makes, as a browser shows it."""
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        raise SystemExit(f"the picture of a page needs one of {', '.join(_BROWSERS)}")
    with tempfile.TemporaryDirectory() as here:
        subprocess.run(
            [sys.executable, "-m", "stress", "all", "--rounds", "60", "--html", "torture.html"],
            cwd=here,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
        )
        page = Path(here) / "torture.html"
        page.write_text(page.read_text().replace("</head>", f"{_SHORTER}</head>"))
        subprocess.run(
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--hide-scrollbars",
                f"--user-data-dir={here}/profile",
                f"--window-size={_SIZE[0]},{_SIZE[1]}",
                f"--screenshot={here}/torture.png",
                page.as_uri(),
            ],
            capture_output=True,
            check=True,
        )
        return (Path(here) / "torture.png").read_bytes()


def main(wanted: list[str]) -> None:
    """Take the pictures that are named, or all."""
    if not wanted or "terminal" in wanted:
        (ASSETS / "terminal.svg").write_text(terminal(DOCS / "examples" / "coloured.py"))
    if not wanted or "torture" in wanted:
        (ASSETS / "torture.png").write_bytes(torture())


if __name__ == "__main__":
    main(sys.argv[1:])
