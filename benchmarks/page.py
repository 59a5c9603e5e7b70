"""Puts what was measured into the page about performance: tables, charts, the figures themselves, three ratios.

The page is written by hand but for the blocks between `<!-- measured: NAME -->` and `<!-- measured end -->`. The
figures lie beside the charts as JSON, so that everything can be made from them again without measuring:
`python -m benchmarks --page docs/performance.md --from docs/assets/performance.json`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from benchmarks import chart
from benchmarks.measure import SUBJECTS
from benchmarks.subject import Subject

Data = dict[str, Any]
"""What `python -m benchmarks --json` prints."""

OWN = "mplog"
FIGURES = "performance.json"
NO_FIGURES = "*Nothing was measured for this page yet.*"
_BLOCK = re.compile(r"(<!-- measured: (?P<name>[a-z-]+) -->\n).*?(<!-- measured end -->\n)", re.DOTALL)

_NAMES = {
    "loguru": "Loguru",
    "loguru enqueue": "Loguru, enqueue=True",
    "concurrent-log-handler": "concurrent-log-handler",
    "QueueHandler": "QueueHandler",
}

_IN_README = (
    ("worker-call", "loguru enqueue", "A worker's log call is {} that of Loguru with `enqueue=True`"),
    ("tree-rate", "QueueHandler", "Four workers log into one file {} with `QueueHandler`"),
    (
        "strangers-rate",
        "concurrent-log-handler",
        "Eight programs without a common parent write one rotating file {} with concurrent-log-handler",
    ),
)
"""What the README says: subject, peer, and the words around the ratio."""


def write(page: Path, data: Data) -> list[Path]:
    """Bring *page*, its charts and its figures up to date, and the README two levels above; return what was written.

    Quick figures are none to show to others: they leave the README alone.
    """
    assets = page.parent / "assets"
    assets.mkdir(exist_ok=True)
    texts = {page: with_blocks(page.read_text(), data), assets / FIGURES: json.dumps(data, indent=1) + "\n"}
    for name in data["subjects"]:
        texts[assets / f"performance-{name}.svg"] = picture(SUBJECTS[name], data)
    readme = page.parent.parent / "README.md"
    if not data["quick"] and readme.is_file():
        texts[readme] = with_blocks(readme.read_text(), data)
    for path, text in texts.items():
        path.write_text(text)
    return list(texts)


def with_blocks(text: str, data: Data | None) -> str:
    """*text* with each block as *data* has it; without, each says that there are no figures."""
    return _BLOCK.sub(lambda match: f"{match[1]}{framed(block(match['name'], data))}{match[3]}", text)


def framed(text: str) -> str:
    """A block with an empty line before and after it, if there is one."""
    return f"\n{text}\n\n" if text else ""


def block(name: str, data: Data | None) -> str:
    """What stands in the block *name*."""
    if name == "readme":
        return readme(data) if data else ""
    if data is None:
        return NO_FIGURES
    if name == "machine":
        return machine(data)
    return figures(SUBJECTS[name], data) if name in data["subjects"] else NO_FIGURES


def machine(data: Data) -> str:
    """What the figures depend on."""
    found = data["surroundings"]
    peers = ", ".join(f"{_NAMES[peer]} {found[peer]}" for peer in ("loguru", "concurrent-log-handler"))
    lines = [
        f"- {found['python']} on {found['system']}, {found['machine']}, {found['processors']} processors;"
        f" load before the run: {found['load']}",
        f"- mplog {found['mplog']}, {peers}; `QueueHandler` is that of Python",
        f"- medians of {data['rounds']} rounds, all of them [as JSON](assets/{FIGURES})",
    ]
    if data["quick"]:
        lines.append("- with `--quick`: fewer records and rounds, for a first look")
    return "\n".join(lines)


def times(subject: Subject, peer: str, data: Data) -> float | None:
    """How many times as fast mplog is as *peer*, where both have figures."""
    contenders = data["subjects"][subject.name]["contenders"]
    own, theirs = (contenders.get(name, {}).get("median") for name in (OWN, peer))
    if not own or not theirs:
        return None
    return float(theirs / own if subject.less_is_better else own / theirs)


def shown(ratio: float) -> str:
    """A ratio with as many digits as mean something."""
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.1f}"


def figures(subject: Subject, data: Data) -> str:
    """Chart and table of one subject."""
    contenders = data["subjects"][subject.name]["contenders"]
    better = "less" if subject.less_is_better else "more"
    spoken = chart.spoken(plain(subject.title), subject.unit, bars(subject, data))
    lines = [
        f"![{spoken}](assets/performance-{subject.name}.svg)",
        "",
        f"| | {subject.unit}, {better} is better | lowest to highest | mplog is |",
        "|---|--:|--:|---|",
    ]
    for name, found in contenders.items():
        ratio = None if name == OWN else times(subject, name, data)
        values = found["values"]
        lines.append(
            f"| {_NAMES.get(name, name)} | {found['median']:,.0f} | {min(values):,.0f} to {max(values):,.0f} |"
            f" {'' if ratio is None else f'{shown(ratio)} times as fast'} |"
            if values
            else f"| {_NAMES.get(name, name)} | - | - | not measured |"
        )
    return "\n".join(lines)


def bars(subject: Subject, data: Data) -> list[chart.Bar]:
    """What the chart of one subject shows."""
    found = []
    for name, contender in data["subjects"][subject.name]["contenders"].items():
        if values := contender["values"]:
            ratio = None if name == OWN else times(subject, name, data)
            note = "" if ratio is None else f"mplog: {shown(ratio)} times as fast"
            found.append(chart.Bar(_NAMES.get(name, name), contender["median"], min(values), max(values), note))
    return found


def picture(subject: Subject, data: Data) -> str:
    """The chart of one subject."""
    better = "less" if subject.less_is_better else "more"
    return chart.drawn(plain(subject.title), f"{subject.unit}, {better} is better", bars(subject, data), own=OWN)


def plain(title: str) -> str:
    """A title without the marks of code."""
    return title.replace("`", "")


def readme(data: Data) -> str:
    """Three ratios in a sentence each."""
    found = data["surroundings"]
    lines = [f"With {found['python']} on {found['processors']} processors:", ""]
    for name, peer, words in _IN_README:
        ratio = times(SUBJECTS[name], peer, data) if name in data["subjects"] else None
        if ratio is not None:
            lines.append(f"- {words.format(f'**{shown(ratio)} times** as fast as')}.")
    return "\n".join(lines)
