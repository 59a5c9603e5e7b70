"""Control characters: what came with data must not drive a terminal or forge a line.

Escaped are C0 and C1 controls, DEL, the line and paragraph separators and the bidirectional overrides. Newline and
tab stay in records; what mplog says itself is escaped by `one_line`, so that no line of it can be forged either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from mplog._ring.wire import safe_repr

_HOSTILE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

_SURROGATE = re.compile("[\ud800-\udfff]")

_SHOWN = {
    character: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    for code, character in enumerate(map(chr, range(0x2070)))
    if _HOSTILE.match(character)
}


def is_hostile(text: str) -> bool:
    """Whether *text* has a character that `escape` would change."""
    return _HOSTILE.search(text) is not None


def count_hostile(text: str) -> int:
    """How many such characters *text* has."""
    return sum(map(text.count, _kinds(text)))


def needs_care(line: str, own: int) -> bool:
    """Whether *line*, which has *own* hostile characters of mplog's, has others, or some that no encoding has."""
    return not line[:-1].isprintable() and (count_hostile(line) != own or _SURROGATE.search(line) is not None)


def escape(text: str) -> str:
    """*text* with such characters shown as `\\x1b` or `\\u202e`."""
    for character in _kinds(text):
        text = text.replace(character, _SHOWN[character])
    return text


def one_line(text: str) -> str:
    """*text* as a line, or a part of one, that mplog prints or writes of its own accord, wherever it is made of.

    Line ends are shown, too (`\\n`), and what no encoding has (`\\udcff`, a byte of a path), as bytes of paths are.
    """
    shown = escape(text).replace("\n", "\\n")
    return shown if shown.isascii() else shown.encode("utf8", "backslashreplace").decode("utf8")


def _kinds(text: str) -> Iterable[str]:
    """Which hostile characters *text* has. There are few, so that a text full of them is a few passes over it."""
    return () if _HOSTILE.search(text) is None else _SHOWN.keys() & set(text)


class Shielded:
    """A value whose text is always there, whichever way a template reaches into it.

    A value that cannot be shown leaves a mark. What a template does wrong, it still does wrong: it names what is not
    there, or has a specification that is not for this value.
    """

    __slots__ = ("_clean", "_value")
    _clean: bool
    _value: Any

    def __init__(self, value: Any, clean: bool) -> None:
        object.__setattr__(self, "_value", value)
        object.__setattr__(self, "_clean", clean)

    def __format__(self, spec: str) -> str:
        try:
            text = format(self._value, spec)
        except Exception:
            if _can_be_shown(self._value):
                raise
            return format(str(self), spec)
        return escape(text) if self._clean else text

    def __str__(self) -> str:
        return self._text(str)

    def __repr__(self) -> str:
        return self._text(repr)

    def _text(self, show: Callable[[Any], str]) -> str:
        try:
            text = show(self._value)
        except Exception:  # noqa: BLE001 - the user's code
            text = _marked(self._value)
        return escape(text) if self._clean else text

    def __getitem__(self, key: Any) -> Shielded:
        return Shielded(self._value[key], self._clean)

    def __getattr__(self, name: str) -> Shielded:
        return Shielded(getattr(self._value, name), self._clean)


def _can_be_shown(value: Any) -> bool:
    try:
        str(value)
    except Exception:  # noqa: BLE001 - the user's code
        return False
    return True


def _marked(value: Any) -> str:
    """What is shown of a value that cannot be, part by part where it is a dict."""
    if type(value) is dict:
        try:
            return f"{{{', '.join(f'{safe_repr(key)}: {safe_repr(item)}' for key, item in value.items())}}}"
        except Exception:  # noqa: BLE001 - changed meanwhile
            pass
    return safe_repr(value)
