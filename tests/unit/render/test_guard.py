"""Lines with values that cannot be shown; beyond.md, rows 6 and 10."""

from __future__ import annotations

from typing import Any

import pytest

from mplog._render.escape import Escaped
from mplog._render.guard import guarded


class Silent:
    """Cannot be shown, but has parts that can."""

    part = "part"

    def __str__(self) -> str:
        raise RuntimeError("no str")

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        raise RuntimeError("no format")


MARK = "<unprintable Silent object: RuntimeError>"
VALUES: dict[str, Any] = {
    "message": "text",
    "line": 5,
    "extra": {"a": Silent(), "b": "\x1bB", "c": [1, {"d": Silent()}]},
}


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("{message:>6} {line:03d}", "  text 005"),
        ("{extra[a]} {extra[a]!r} {extra[a]!s} {extra[a]:>9}", f"{MARK} {MARK} {MARK} {MARK}"),
        ("{extra[a].part:>6}{extra[c][0]:02d}", "  part01"),
        ("{extra}", f"{{'a': {MARK}, 'b': '\\x1bB', 'c': <unprintable list object: RuntimeError>}}"),
        ("{extra[b]}", "\x1bB"),
        ("{extra[b]:d}", "<unprintable str object: ValueError>"),
    ],
)
def test_what_cannot_be_shown_is_a_mark(template: str, shown: str) -> None:
    """Everything else is shown as always, its neighbours in the same dictionary, too."""
    assert template.format_map(guarded(VALUES)) == shown


def test_escaping_stays() -> None:
    """What was escaped before is escaped, and the mark names the value's own type."""
    clean = guarded({**VALUES, "extra": Escaped(VALUES["extra"])})
    assert "{extra[a]} {extra[b]}".format_map(clean) == f"{MARK} \\x1bB"
    assert "{extra}".format_map(clean).startswith(f"{{'a': {MARK}, 'b': '")


@pytest.mark.parametrize(
    ("template", "error"),
    [("{other}", KeyError), ("{extra[x]}", KeyError), ("{line.x}", AttributeError), ("{extra[c][9]}", IndexError)],
)
def test_what_is_not_there_raises(template: str, error: type[Exception]) -> None:
    """The template's mistakes are no matter of values."""
    with pytest.raises(error):
        template.format_map(guarded(VALUES))
