"""Source lines in colour."""

from __future__ import annotations

import builtins
import keyword
import token as kinds
from collections.abc import Callable

from mplog._capture.values import tokens

RESET = "\x1b[0m"

_BUILTINS = frozenset(dir(builtins))
_CONSTANTS = frozenset(("True", "False", "None"))
_PUNCTUATION = frozenset("()[]{}:,;")
_STRINGS = frozenset(
    getattr(kinds, name)
    for name in (
        *("STRING", "FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END"),
        *("TSTRING_START", "TSTRING_MIDDLE", "TSTRING_END"),
    )
    if hasattr(kinds, name)
)

_MIDDLES = frozenset(getattr(kinds, name) for name in ("FSTRING_MIDDLE", "TSTRING_MIDDLE") if hasattr(kinds, name))


def painted(text: str, *codes: int) -> str:
    """*text* between the escape sequences of *codes* and the one that ends them."""
    return f"{''.join(f'{chr(27)}[{code}m' for code in codes)}{text}{RESET}"


def colored(line: str, clean: Callable[[str], str]) -> str:
    """*line* with the colours of its tokens; what cannot be read stays plain. *clean* is applied to each piece."""
    pieces: list[str] = []
    done = 0
    for found in tokens(line):
        (row, start), (last_row, end) = found.start, found.end
        if row != 1 or last_row != 1 or start < done or end < start:
            continue
        if found.type in _MIDDLES and found.string.endswith(("{", "}")) and line[end : end + 1] == found.string[-1]:
            end += 1  # Doubled braces are one character of the token.
        codes = _codes(found.type, found.string)
        text = clean(line[start:end])
        pieces += (clean(line[done:start]), painted(text, *codes) if codes else text)
        done = end
    pieces.append(clean(line[done:]))
    return "".join(pieces)


def _codes(kind: int, text: str) -> tuple[int, ...]:
    if kind == kinds.NAME:
        if text in _CONSTANTS:
            return (36, 1)
        return (35, 1) if keyword.iskeyword(text) else (1,)
    if kind == kinds.OP:
        return (1,) if text in _PUNCTUATION else (35, 1)
    if kind in _STRINGS:
        return (36,)
    if kind == kinds.NUMBER:
        return (34, 1)
    return (30, 1) if kind == kinds.COMMENT else ()
