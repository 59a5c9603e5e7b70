"""The page about performance says what was measured, and one command writes it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from documentation import DOCS, ROOT

from benchmarks import page
from benchmarks.measure import SUBJECTS

PAGE, README = DOCS / "performance.md", ROOT / "README.md"
FIGURES = DOCS / "assets" / page.FIGURES
SVG = "{http://www.w3.org/2000/svg}"

BY_HAND = """# Speed

<!-- measured: machine -->
<!-- measured end -->
Between.
<!-- measured: worker-call -->
old
<!-- measured end -->

<!-- measured: tree-rate -->
<!-- measured end -->
"""


def measured(quick: bool = False, **subjects: dict[str, list[float]]) -> dict[str, Any]:
    """What a run may have found."""
    return {
        "surroundings": {
            "python": "CPython 3.12.1",
            "processors": "16",
            "system": "Linux",
            "machine": "x86_64",
            "load": "0.1",
            "mplog": "1.0",
            "loguru": "0.7.3",
            "concurrent-log-handler": "0.9.31",
        },
        "quick": quick,
        "rounds": 3,
        "subjects": {
            name.replace("_", "-"): {
                "contenders": {
                    contender: {"values": values, "median": sorted(values)[len(values) // 2] if values else None}
                    for contender, values in contenders.items()
                }
            }
            for name, contenders in subjects.items()
        },
    }


WORKER = {"mplog": [900.0, 1000.0, 1100.0], "loguru": [4000.0, 5000.0, 6000.0], "loguru enqueue": [21234.0]}
TREE = {"mplog": [90_000.0], "concurrent-log-handler": [100_000.0], "QueueHandler": []}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A page and a README to write into; returns the page."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("<!-- measured: readme -->\n<!-- measured end -->\n")
    written = tmp_path / "docs" / "performance.md"
    written.write_text(BY_HAND)
    return written


def test_the_page_is_what_its_figures_make() -> None:
    """`python -m benchmarks --page docs/performance.md --from docs/assets/performance.json` makes it so."""
    data: dict[str, Any] | None = json.loads(FIGURES.read_text()) if FIGURES.exists() else None
    assert PAGE.read_text() == page.with_blocks(PAGE.read_text(), data)
    assert README.read_text() == page.with_blocks(README.read_text(), data)
    if data is not None:
        for name in data["subjects"]:
            assert (DOCS / "assets" / f"performance-{name}.svg").read_text() == page.picture(SUBJECTS[name], data)


def test_every_subject_has_its_place_on_the_page() -> None:
    """What is measured is shown, and explained."""
    blocks = {found["name"] for found in page._BLOCK.finditer(PAGE.read_text())}
    assert blocks == {"machine", *SUBJECTS}


def test_quick_figures_are_none_to_show() -> None:
    """What the page has was measured at full length."""
    assert not FIGURES.exists() or not json.loads(FIGURES.read_text())["quick"]


def test_costs_and_rates_become_how_many_times_as_fast(project: Path) -> None:
    """A smaller cost is faster, a larger rate is; and where mplog is slower, that is said in the same words."""
    page.write(project, measured(worker_call=WORKER, tree_rate=TREE))
    text = project.read_text()
    assert "| mplog | 1,000 | 900 to 1,100 |  |" in text
    assert "| Loguru | 5,000 | 4,000 to 6,000 | 5.0 times as fast |" in text
    assert "| Loguru, enqueue=True | 21,234 | 21,234 to 21,234 | 21 times as fast |" in text
    assert "| concurrent-log-handler | 100,000 | 100,000 to 100,000 | 0.9 times as fast |" in text
    assert "| QueueHandler | - | - | not measured |" in text
    assert "CPython 3.12.1 on Linux, x86_64, 16 processors" in text


def test_what_is_written_by_hand_stays(project: Path) -> None:
    """Only blocks are replaced, and a second time gives the same."""
    data = measured(worker_call=WORKER)
    page.write(project, data)
    once = project.read_text()
    page.write(project, data)
    assert project.read_text() == once
    assert "Between." in once
    assert "old" not in once
    assert page.NO_FIGURES in once  # for what was not measured


def test_the_readme_has_the_ratios_of_a_full_run_only(project: Path) -> None:
    """Those of a quick one are no figures to show to others."""
    readme = project.parent.parent / "README.md"
    page.write(project, measured(worker_call=WORKER, quick=True))
    assert "times" not in readme.read_text()
    page.write(project, measured(worker_call=WORKER))
    assert (
        "- A worker's log call is **21 times** as fast as that of Loguru with `enqueue=True`.\n" in readme.read_text()
    )


def test_charts_are_small_and_true(project: Path) -> None:
    """Bars are as long as the figures say, from zero on; nothing is loaded, and both kinds of pages are thought of."""
    page.write(project, measured(worker_call=WORKER))
    text = (project.parent / "assets" / "performance-worker-call.svg").read_text()
    assert len(text) < 4000
    assert "prefers-color-scheme: dark" in text
    assert "href" not in text
    widths = [float(bar.attrib["width"]) for bar in ElementTree.fromstring(text).iter(f"{SVG}rect")][1:]
    assert [width / widths[0] for width in widths] == pytest.approx([1.0, 5.0, 21.234], rel=0.01)


def test_one_command_measures_and_writes(project: Path) -> None:
    """With few records, for what counts here is not how fast anything is."""
    command = [sys.executable, "-m", "benchmarks", "disabled-call", "--quick", "--rounds", "1", "--json"]
    ended = subprocess.run(
        [*command, "--page", str(project)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=100
    )
    shown = json.loads(ended.stdout)
    assert shown == json.loads((project.parent / "assets" / page.FIGURES).read_text())
    assert shown["subjects"]["disabled-call"]["contenders"]["mplog"]["median"] > 0
    assert "performance-disabled-call.svg" in ended.stderr
    assert "with `--quick`" in project.read_text()


def test_figures_need_a_page_to_go_to() -> None:
    """`--from` alone would do nothing."""
    command = [sys.executable, "-m", "benchmarks", "--from", "figures.json"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert ended.returncode == 2
    assert "--from needs --page" in ended.stderr
