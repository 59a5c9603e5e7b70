"""Values of the names in a source line, as bounded text. Nothing of the program is run but `__repr__`."""

from __future__ import annotations

import inspect
import io
import keyword
import tokenize
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mplog._capture.secrets import MASK, holds_data, is_secret, mask

LONGEST = 128
"""Characters of a value that are shown."""

_LOOKED_AT = 10_000
"""Characters of a `repr` that are searched for secrets: more than are shown, for masks make a text shorter."""

_MOST = 100
"""Values of one line."""

_ABSENT = object()


class Value(NamedTuple):
    """The value of a name."""

    column: int
    """Where the name stands in the stripped source line."""
    text: str


def tokens(line: str) -> Iterator[tokenize.TokenInfo]:
    """The tokens of one line of source; it ends without a word where the line cannot be read further."""
    try:
        yield from tokenize.generate_tokens(io.StringIO(line).readline)
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError):
        return


def values_in(line: str, variables: Any, globals_: Any) -> tuple[Value, ...]:
    """The values of the names in *line*, from left to right.

    A name is looked up in *variables*, then in *globals_*; attributes statically. A name that is being assigned to has
    no value yet. Names that look secret are masked.
    """
    found: list[Value] = []
    before = ""
    value: Any = _ABSENT
    pending: Value | None = None
    """A value that is dropped when the next token says that the name is being assigned to."""
    for token in tokens(line):
        text = token.string
        if pending is not None:
            if text != "=":
                found.append(pending)
            pending = None
        if token.type == tokenize.NAME and not keyword.iskeyword(text):
            is_attribute = before == "."
            value = _attribute(value, text) if is_attribute else _variable(text, variables, globals_)
            if value is not _ABSENT:
                pending = Value(token.start[1], shown(value, text))
                if is_attribute or before == ";":
                    found.append(pending)
                    pending = None
        elif text != ".":
            value = _ABSENT
        if len(found) >= _MOST:
            return tuple(found)
        before = text
    if pending is not None:
        found.append(pending)
    return tuple(found)


def shown(value: object, name: str = "") -> str:
    """*value* as at most `LONGEST` characters, masked where *name*, or a name inside the text, looks secret."""
    if is_secret(name) and holds_data(value):
        return MASK
    try:
        text = str.__str__(repr(value))
    except Exception:  # noqa: BLE001 - any user code may run here
        return f"<unprintable {_type_name(value)} object>"
    if len(text) > _LOOKED_AT:
        text = text[:_LOOKED_AT]
    text = mask(text, prose=isinstance(value, (str, bytes)))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _type_name(value: object) -> str:
    try:
        return str.__str__(type(value).__name__)[:LONGEST]
    except Exception:  # noqa: BLE001 - a metaclass may do anything
        return "unknown"


def _variable(name: str, variables: Any, globals_: Any) -> Any:
    for names in (variables, globals_):
        try:
            if isinstance(names, Mapping) and name in names:
                return names[name]
        except Exception:  # noqa: BLE001 - a mapping of the user's
            continue
    return _ABSENT


def _attribute(value: Any, name: str) -> Any:
    if value is _ABSENT:
        return _ABSENT
    try:
        return inspect.getattr_static(value, name)
    except Exception:  # noqa: BLE001 - AttributeError, or whatever a strange type makes of it
        return _ABSENT
