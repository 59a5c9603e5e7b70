"""Pictures of a run as inline SVG. Colours come from the page's style sheet, so that they follow light and dark.

Every text goes through `escape`, every number through a format, and nothing else gets into the markup.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape

from stress.latency import lower_bound, quantile
from stress.phase import COMMITTING, NAMES, name_of
from stress.timeline import Kill
from stress.verdict import Round

WIDTH = 1040
"""Of a picture over the whole page, in the units of its texts."""

HALF = 500
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 20, 26, 34
_LABELLED_KILLS = 4
_TIMES = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))


def duration(nanoseconds: float) -> str:
    """A time in the unit that suits it, short enough for an axis."""
    for unit, name in _TIMES:
        if nanoseconds >= unit:
            value = nanoseconds / unit
            return f"{value:.0f} {name}" if value >= 10 or value == int(value) else f"{value:.1f} {name}"
    return "0"


def compact(number: float) -> str:
    """A count for an axis."""
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if number >= unit:
            return f"{number / unit:g}{name}"
    return f"{number:g}"


def _svg(height: float, title: str, parts: Iterable[str], width: int = WIDTH) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height:.0f}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def _text(x: float, y: float, text: str, kind: str = "tick", anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def _rect(x: float, y: float, width: float, height: float, kind: str, tip: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{max(height, 0.5):.1f}" class="{kind}">'
        f"<title>{escape(tip)}</title></rect>"
    )


def _powers(low: float, high: float) -> list[float]:
    """The powers of ten from *low* to *high*."""
    return [10.0**power for power in range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)]


def span(latencies: Iterable[tuple[Counter[int], float]]) -> tuple[float, float]:
    """From the shortest to the longest call of all, in nanoseconds: the axis that several pictures share.

    Args:
        latencies: for each picture its calls by bucket, and the longest one in milliseconds.
    """
    filled = [(latency, longest) for latency, longest in latencies if latency]
    low = min((float(lower_bound(max(min(latency), 1))) for latency, _ in filled), default=1.0)
    high = max((max(lower_bound(max(latency) + 1), longest * 1e6) for latency, longest in filled), default=10.0)
    return low, max(high, low * 10)


def histogram(
    latency: Counter[int], longest_ms: float, width: int = WIDTH, axis: tuple[float, float] | None = None
) -> str:
    """How long log calls took, both axes logarithmic: a handful of slow ones shall be seen beside a million fast."""
    height, bottom, top = 250, 250 - _BOTTOM, _TOP + 14
    if not latency:
        return ""
    low, high = span([(latency, longest_ms)]) if axis is None else axis
    most = max(max(latency.values()), 10)

    def x(nanoseconds: float) -> float:
        share = math.log(max(nanoseconds, low) / low) / math.log(high / low)
        return _LEFT + share * (width - _LEFT - _RIGHT)

    def y(count: float) -> float:
        return bottom - (0.35 + math.log10(count)) / (0.35 + math.log10(most)) * (bottom - top)

    parts = [_line(_LEFT, y(count), width - _RIGHT, y(count), "grid") for count in _powers(1, most)]
    parts += [_text(_LEFT - 8, y(count) + 4, compact(count), anchor="end") for count in _powers(1, most)]
    parts += [_text(x(tick), bottom + 18, duration(tick)) for tick in _powers(low, high)]
    for bucket, count in sorted(latency.items()):
        begin, end = x(lower_bound(bucket)), x(lower_bound(bucket + 1))
        tip = f"{duration(lower_bound(bucket))} to {duration(lower_bound(bucket + 1))}: {count:,} calls"
        parts.append(_rect(begin, y(count), end - begin - 1, bottom - y(count), "bar", tip))
    parts.append(_line(_LEFT, bottom, width - _RIGHT, bottom, "axis"))
    marks = [("p50", quantile(latency, 0.5)), ("p99", quantile(latency, 0.99)), ("longest", longest_ms)]
    for row, (name, value) in enumerate(marks):
        # In turns on two rows, so that neighbours do not cover each other.
        at, above = x(value * 1e6), top - 8 - 15 * (row % 2)
        anchor, shift = ("end", -5) if at > width - 130 else ("start", 5)
        parts.append(_line(at, above - 8, at, bottom, "mark"))
        parts.append(_text(at + shift, above, f"{name} {duration(value * 1e6)}", "label", anchor))
    return _svg(height, "Log calls by their duration", parts, width)


def phases(by_kind: dict[str, Counter[int]]) -> str:
    """What the writer was doing at each death: a bar for each step, divided by who died."""
    rows = sorted({*range(len(NAMES)), *(phase for counts in by_kind.values() for phase in counts)})
    most = max((sum(counts[phase] for counts in by_kind.values()) for phase in rows), default=0)
    if not most:
        return ""
    left, step = 150, 30
    scale = (WIDTH - left - 60) / most
    parts = []
    for row, phase in enumerate(rows):
        top, x = 8 + row * step, float(left)
        name = name_of(phase)
        parts.append(_text(left - 10, top + 15, name, "label strong" if phase in COMMITTING else "label", "end"))
        for kind, counts in by_kind.items():
            if counts[phase]:
                width = counts[phase] * scale
                tip = f"{name}: {counts[phase]} kills ({kind})"
                parts.append(_rect(x, top, width - 2, step - 9, f"kill-{kind}", tip))
                x += width
        total = sum(counts[phase] for counts in by_kind.values())
        parts.append(_text(x + 6, top + 15, f"{total:,}", "label", "start"))
    height = 8 + len(rows) * step + 4
    parts.append(_line(left, 2, left, height - 4, "axis"))
    return _svg(height, "What the writer was doing when somebody was killed", parts)


def _nice(high: float, wanted: int = 4) -> list[float]:
    """Round numbers from 0 to about *high*, as an axis has them."""
    rough = max(high, 1e-9) / wanted
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
    return [step * index for index in range(int(high / step + 1e-9) + 1)]


def _kind_of(role: str) -> str:
    for kind in ("owner", "stranger", "second start", "thread"):
        if role.startswith(kind):
            return kind.replace(" ", "-")
    return "worker"


def course(round_: Round) -> str:
    """The calls of each process over time; a death is a cross, and whatever else happened a line."""
    seen = round_.course
    if len(seen.seconds) < 2:
        return ""
    height, bottom = 250, 250 - _BOTTOM
    end = seen.seconds[-1] or 1e-3
    high = max(max(counts) for counts in seen.returned) or 1

    def x(seconds: float) -> float:
        return _LEFT + min(seconds / end, 1) * (WIDTH - _LEFT - _RIGHT)

    def y(count: float) -> float:
        return bottom - count / high * (bottom - _TOP)

    parts = [_line(_LEFT, y(tick), WIDTH - _RIGHT, y(tick), "grid") for tick in _nice(high)]
    parts += [_text(_LEFT - 8, y(tick) + 4, compact(tick), anchor="end") for tick in _nice(high)]
    parts += [_text(x(tick), bottom + 18, f"{tick:g} s") for tick in _nice(end, 6)]
    parts.append(_line(_LEFT, bottom, WIDTH - _RIGHT, bottom, "axis"))
    parts += _happenings(round_, x, bottom)
    alone = len(seen.returned[0]) == 1
    for slot in range(len(seen.returned[0])):
        role = "all processes" if alone else round_.roles.get(slot, f"slot {slot}")
        points = [(x(at), y(counts[slot])) for at, counts in zip(seen.seconds, seen.returned, strict=True)]
        path = " ".join(f"{at:.1f},{count:.1f}" for at, count in points)
        parts.append(
            f'<polyline points="{path}" class="line {_kind_of(role)}"><title>{escape(role)}</title></polyline>'
        )
    parts += [_cross(kill, round_, x, y) for kill in round_.kills]
    return _svg(height, "Calls that had returned, by process, over time", parts)


def _happenings(round_: Round, x: object, bottom: float) -> list[str]:
    assert callable(x)
    parts: list[str] = []
    marks = [(kill.seconds, _death(kill), "death") for kill in round_.kills]
    marks += [(at, what, "event") for at, what in round_.course.marks]
    free = [-math.inf, -math.inf]
    for at, what, kind in sorted(marks):
        place = x(at)
        parts.append(_line(place, _TOP - 4, place, bottom, kind))
        width = 6.2 * len(what) + 8
        begin = place - width if place + width > WIDTH - 4 else place
        if len(round_.kills) <= _LABELLED_KILLS or kind == "event":
            row = next((row for row, until in enumerate(free) if begin > until), None)
            if row is not None:
                free[row] = begin + width
                anchor, shift = ("end", -4) if begin < place else ("start", 4)
                parts.append(_text(place + shift, _TOP - 12 + 12 * row, what, f"tick {kind}", anchor))
    return parts


def _death(kill: Kill) -> str:
    return "all killed" if kill.what == "all" else f"{kill.who.removesuffix(', killed')} killed"


def _cross(kill: Kill, round_: Round, x: object, y: object) -> str:
    """Where a process's line ends, for one that was killed alone."""
    assert callable(x)
    assert callable(y)
    slot = next((number for number, role in round_.roles.items() if role == kill.who), None)
    seen = round_.course
    if slot is None or len(seen.returned[0]) <= slot:
        return ""
    at, count = x(kill.seconds), y(seen.returned[-1][slot])
    tip = f"{kill.who}: {'inside of a log call' if kill.in_call else 'between two calls'}"
    if kill.phase is not None:
        tip += f", the writer: {name_of(kill.phase)}"
    return (
        f'<path d="M{at - 5:.1f},{count - 5:.1f}l10,10m0,-10l-10,10" class="cross"><title>{escape(tip)}</title></path>'
    )


def ranges(rows: Sequence[tuple[str, Counter[int], float]]) -> str:
    """From the median over the 99th percentile to the longest call, a row for each library."""
    rows = [row for row in rows if row[1]]
    if not rows:
        return ""
    left, step = 190, 30
    low = min(quantile(latency, 0.5) for _, latency, _ in rows) * 1e6
    low = 10 ** math.floor(math.log10(max(low, 1)))
    high = 10 ** math.ceil(math.log10(max(longest for _, _, longest in rows) * 1e6))

    def x(milliseconds: float) -> float:
        share = math.log(max(milliseconds * 1e6, low) / low) / math.log(high / low)
        return left + share * (WIDTH - left - 70)

    bottom = 10 + len(rows) * step
    parts = [_line(x(tick / 1e6), 4, x(tick / 1e6), bottom, "grid") for tick in _powers(low, high)]
    parts += [_text(x(tick / 1e6), bottom + 18, duration(tick)) for tick in _powers(low, high)]
    for row, (name, latency, longest) in enumerate(rows):
        middle = 10 + row * step + step / 2
        median, most = quantile(latency, 0.5), quantile(latency, 0.99)
        parts.append(_text(left - 12, middle + 4, name, "label", "end"))
        parts.append(_line(x(median), middle, x(longest), middle, "whisker"))
        parts.append(_rect(x(median), middle - 6, x(most) - x(median), 12, "bar", f"p50 to p99 of {name}"))
        tip = f"{name}: p50 {duration(median * 1e6)}, p99 {duration(most * 1e6)}, longest {duration(longest * 1e6)}"
        parts.append(
            f'<circle cx="{x(longest):.1f}" cy="{middle:.1f}" r="5" class="dot"><title>{escape(tip)}</title></circle>'
        )
        parts.append(_text(x(longest) + 10, middle + 4, duration(longest * 1e6), "tick", "start"))
    return _svg(bottom + 28, "Call times of each library", parts)
