"""Control characters: what came with data must not drive a terminal or forge a line.

Escaped are C0 and C1 controls, DEL, the line and paragraph separators and the bidirectional overrides. Newline and
tab stay.
"""

from __future__ import annotations

import re
from typing import Any

_HOSTILE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

_CARE = re.compile(f"{_HOSTILE.pattern[:-1]}\ud800-\udfff]")


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def is_hostile(text: str) -> bool:
    """Whether *text* has a character that `escape` would change."""
    return _HOSTILE.search(text) is not None


def count_hostile(text: str) -> int:
    """How many such characters *text* has."""
    return len(_HOSTILE.findall(text))


def needs_care(line: str, own: int) -> bool:
    """Whether *line*, which has *own* hostile characters of mplog's, has others, or some that no encoding has."""
    return not line[:-1].isprintable() and len(_CARE.findall(line)) != own


def escape(text: str) -> str:
    """*text* with such characters shown as `\\x1b` or `\\u202e`."""
    return _HOSTILE.sub(_shown, text)


class Escaped:
    """A value of `extra` whose formatted forms are escaped, whichever way the template reaches into it."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        object.__setattr__(self, "_value", value)

    def __format__(self, spec: str) -> str:
        return escape(format(self._value, spec))

    def __str__(self) -> str:
        return escape(str(self._value))

    def __repr__(self) -> str:
        return escape(repr(self._value))

    def __getitem__(self, key: Any) -> Escaped:
        return Escaped(self._value[key])

    def __getattr__(self, name: str) -> Escaped:
        return Escaped(getattr(self._value, name))
