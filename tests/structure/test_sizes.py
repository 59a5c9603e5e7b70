"""Files stay small enough to be read in one sitting."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 800
"""Lines. Aim at 100 to 400, and ask at 600 whether this is still one thing."""

FOLDERS = ("mplog", "tests", "stress", "benchmarks", "docs")


def test_no_file_is_too_long() -> None:
    """Whoever passes the limit divides the file by what its parts are about."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in found}
    assert len(lengths) > 100
    assert {name: lines for name, lines in lengths.items() if lines > LIMIT} == {}
