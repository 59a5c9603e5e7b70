"""A bar for each contender, as a small SVG that is readable on light and on dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

_WIDTH, _MARGIN, _HEAD, _ROW, _BAR = 560, 16, 62, 44, 14
"""Names stand above their bars, so that the picture is narrow, and readable on a telephone."""

# The card brings its own background, for a page may be dark where the system is light, and the other way round.
_STYLE = """
.card { fill: #ffffff; stroke: #d0d7de }
text { fill: #1f2328; font: 14px system-ui, sans-serif }
.title { font-weight: 600; font-size: 13px }
.quiet { fill: #59636e }
.own { fill: #3f51b5 }
.peer { fill: #aeb8c4 }
.range { stroke: #59636e; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
.card { fill: #161b22; stroke: #30363d }
text { fill: #e6edf3 }
.quiet { fill: #9198a1 }
.own { fill: #8c9eff }
.peer { fill: #57606a }
.range { stroke: #c9d1d9 }
}
"""


class Bar(NamedTuple):
    """One contender."""

    name: str
    median: float
    lowest: float
    highest: float
    note: str
    """What stands behind the number."""


def drawn(title: str, unit: str, bars: Sequence[Bar], *, own: str) -> str:
    """Draw *bars* from zero on, each with the range of its rounds; that of *own* has the colour of the project."""
    height = _HEAD + _ROW * len(bars) + _MARGIN // 2
    scale = (_WIDTH - 2 * _MARGIN) / max((bar.highest for bar in bars), default=1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img"'
        f" aria-label={quoteattr(spoken(title, unit, bars))}>",
        f"<style>{_STYLE}</style>",
        f'<rect class="card" x="0.5" y="0.5" width="{_WIDTH - 1}" height="{height - 1}" rx="8"/>',
        f'<text class="title" x="{_MARGIN}" y="27">{escape(title)}</text>',
        f'<text class="quiet" x="{_MARGIN}" y="46">{escape(unit)}</text>',
    ]
    for number, bar in enumerate(bars):
        line = _HEAD + _ROW * number + 13
        middle = line + 6 + _BAR / 2
        kind = "own" if bar.name == own else "peer"
        lowest, median, highest = (_MARGIN + value * scale for value in (bar.lowest, bar.median, bar.highest))
        parts += [
            f'<text x="{_MARGIN}" y="{line}">{escape(bar.name)}: {bar.median:,.0f}'
            f'<tspan class="quiet" dx="10">{escape(bar.note)}</tspan></text>',
            f'<rect class="{kind}" x="{_MARGIN}" y="{line + 6}" width="{median - _MARGIN:.1f}" height="{_BAR}"/>',
            f'<path class="range" d="M{lowest:.1f} {middle}H{highest:.1f}"/>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def spoken(title: str, unit: str, bars: Sequence[Bar]) -> str:
    """What the picture shows, for those who do not see it."""
    return f"{title}, {unit}: " + ", ".join(f"{bar.name} {bar.median:,.0f}" for bar in bars)
