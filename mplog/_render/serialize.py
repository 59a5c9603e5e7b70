"""Records as JSON: one line that a strict parser reads, whatever is in the record.

What JSON lacks is shown as its `str()`, numbers such as NaN included. Containers inside themselves, nested too deeply
or without end are cut off with a mark. Half a surrogate pair, which no encoding of JSON has, is shown as `\\udcff`.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from mplog._capture.record import blank
from mplog._ring.wire import class_name, unprintable

MAX_DEPTH = 100
"""Levels of containers in containers; common parsers give up a little above."""

MAX_ITEMS = 200_000
"""Values in one record, for containers that share what they contain can be of any size."""

LEAST_ITEMS = 8
"""As MAX_ITEMS, of one field, where everything has to be short."""

_SURROGATES = re.compile("[\ud800-\udfff]+")
# Harmless for a parser, not for a terminal or for a program that takes them for the end of a line.
_BEYOND_ASCII = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

_SIMPLE = frozenset((str, int, float, bool, type(None)))


def serialize(
    text: str,
    record: dict[str, Any],
    *,
    traceback: bool = False,
    sanitize: bool = True,
    longest: int | None = None,
) -> str:
    """One line of JSON, with its newline, for *record* and the *text* that the handler would have emitted.

    Args:
        traceback: whether the exception had a traceback in the process that the record is from.
        sanitize: write control characters as escapes also where JSON does not ask for it.
        longest: characters after which each text in it is cut, with a mark, and a bound for the values of each field.

    What a patcher has taken out of the record stands there with nulls, and what it has put in place of a part as it is.
    """
    try:
        fields = _fields(record, traceback, whole=longest is None)
    except Exception:  # noqa: BLE001 - a patcher may have put anything anywhere
        fields = _whatever(record, traceback)
    values: dict[str, Any] = {"text": text, "record": fields}
    if longest is not None:
        # Each field by itself: many values in extra must not cost the message.
        fields = {name: _Plain(MAX_DEPTH, longest).of(item) for name, item in fields.items()}
        values = {"text": _Plain(MAX_DEPTH, longest).of(text), "record": fields}
    shown = _encode(values)
    if not shown.isascii():
        shown = _SURROGATES.sub(_surrogates_shown, shown)
        if sanitize:
            shown = _BEYOND_ASCII.sub(lambda match: f"\\u{ord(match[0]):04x}", shown)
    elif sanitize and "\x7f" in shown:
        shown = shown.replace("\x7f", "\\u007f")
    return shown + "\n"


def _fields(record: dict[str, Any], traceback: bool, *, whole: bool) -> dict[str, Any]:
    """The parts of a record that has all its fields, of the kinds that they have when a call makes them.

    Args:
        whole: make `extra` what JSON has; else that is still to be done, with a bound.

    Raises:
        Exception: a field is missing, or of another kind.
    """
    level, file, process, thread = record["level"], record["file"], record["process"], record["thread"]
    elapsed, moment, extra = record["elapsed"], record["time"], record["extra"]
    return {
        "elapsed": {"repr": _text(elapsed), "seconds": elapsed.total_seconds()},
        "exception": _exception(record["exception"], traceback),
        "extra": extra if not whole or _is_simple(extra) else _Plain(MAX_DEPTH).of(extra),
        "file": {"name": file.name, "path": file.path},
        "function": record["function"],
        "level": {"icon": level.icon, "name": level.name, "no": level.no},
        "line": record["line"],
        "message": record["message"],
        "module": record["module"],
        "name": record["name"],
        "process": {"id": process.id, "name": process.name},
        "thread": {"id": thread.id, "name": thread.name},
        "time": {"repr": _text(moment), "timestamp": moment.timestamp()},
    }


def _whatever(record: dict[str, Any], traceback: bool) -> dict[str, Any]:
    """The parts of a record with fields of other kinds, or without some: those that differ are shown as they are."""
    found = dict(_MISSING)
    for name in found:
        if name in record:
            try:
                found[name] = _fields({**_BLANK, name: record[name]}, traceback, whole=True)[name]
            except Exception:  # noqa: BLE001 - as in `serialize`
                found[name] = _Plain(MAX_DEPTH).of(record[name])
    return found


def _encode(values: dict[str, Any]) -> str:
    # A program may have put anything in place of a field, so that the plain way fails; then each value is looked at.
    for depth in (None, MAX_DEPTH + 2, 4):
        try:
            plain = values if depth is None else _Plain(depth).of(values)
            return json.dumps(plain, default=_text, ensure_ascii=False, allow_nan=False)
        except Exception:  # noqa: BLE001 - of JSON, or of a class of the program's in place of a field
            continue
    return json.dumps({"text": str(values["text"]), "record": {}}, ensure_ascii=False)


def _surrogates_shown(match: re.Match[str]) -> str:
    return match[0].encode("ascii", "backslashreplace").decode().replace("\\", "\\\\")


def _exception(triple: Any, traceback: bool) -> dict[str, Any] | None:
    if triple is None:
        return None
    kind, value, frames = triple
    name = getattr(kind, "__name__", kind if isinstance(kind, str) else None)
    return {
        "type": name,
        "value": None if value is None else _text(value),
        "traceback": traceback or frames is not None,
    }


def _is_simple(extra: Any) -> bool:
    return type(extra) is dict and all(
        type(key) is str and type(value) in _SIMPLE for key, value in list(extra.items())
    )


def _text(value: object) -> str:
    """`str(value)`, or a mark when it fails."""
    try:
        return str.__str__(str(value))
    except Exception as error:  # noqa: BLE001 - a hostile __str__ must not lose the record
        return unprintable(value, error)


class _Plain:
    """Makes any value into what JSON has. By its type alone, for objects may claim to be of another class."""

    def __init__(self, max_depth: int, longest: int | None = None) -> None:
        self._max_depth = max_depth
        self._longest = longest
        self._left = MAX_ITEMS if longest is None else min(max(longest, LEAST_ITEMS), MAX_ITEMS)
        self._above: set[int] = set()

    def of(self, value: Any) -> Any:
        """*value*, or what stands for it."""
        kind = type(value)
        if value is None or kind is bool:
            return value
        if issubclass(kind, str):
            return self._cut(str.__str__(value))
        if issubclass(kind, int):
            return _integer(int.__int__(value))
        if issubclass(kind, float):
            number = float.__float__(value)
            return number if math.isfinite(number) else float.__repr__(number)
        if not issubclass(kind, (dict, list, tuple)):
            return self._cut(_text(value))
        if id(value) in self._above:
            return "<contains itself>"
        if len(self._above) >= self._max_depth:
            return "<nested too deeply>"
        self._above.add(id(value))
        try:
            if issubclass(kind, dict):
                return self._dict(value)
            return self._list(list.copy(value) if issubclass(kind, list) else tuple.__getitem__(value, slice(None)))
        finally:
            self._above.discard(id(value))

    def _cut(self, text: str) -> str:
        longest = self._longest
        if longest is None or len(text) <= longest:
            return text
        shown = f"{text[:longest]}... <{len(text) - longest} more characters>"
        return shown if len(shown) < len(text) else text

    def _list(self, values: Any) -> list[Any]:
        found = []
        for item in values:
            self._left -= 1
            if self._left < 0:
                found.append("<too many values>")
                break
            found.append(self.of(item))
        return found

    def _dict(self, values: dict[Any, Any]) -> dict[str, Any]:
        try:
            pairs = [(key, item) for key, item in list(values.items())]
        except Exception:  # noqa: BLE001 - an items() of the user's own
            pairs = list(dict.items(values))
        found: dict[str, Any] = {}
        for key, item in pairs:
            self._left -= 1
            if self._left < 0:
                found["<too many values>"] = None
                break
            name = self._cut(_key(key))
            while name in found:
                # 1 and "1" are two keys in Python and would be one in JSON.
                name = f"{name} <{class_name(key)}>"
            found[name] = self.of(item)
        return found


def _integer(number: int) -> int | str:
    try:
        int.__repr__(number)
    except ValueError:
        return hex(number)  # Longer than the interpreter writes in decimal.
    return number


def _key(key: Any) -> str:
    """The text of a dict's key, as JSON libraries write the keys that they know."""
    kind = type(key)
    if kind is str:
        text: str = key
        return text
    if issubclass(kind, str):
        return str.__str__(key)
    if key is None or kind is bool:
        return json.dumps(key)
    if issubclass(kind, int):
        return str(_integer(int.__int__(key)))
    if issubclass(kind, float):
        return json.dumps(float.__float__(key))
    return _text(key)


_BLANK = blank()
_MISSING: dict[str, Any] = {
    name: {} if name == "extra" else dict.fromkeys(shown) if type(shown) is dict else None
    for name, shown in _fields(_BLANK, False, whole=True).items()
}
"""What stands for a field that is not there: readers of the log find the same names in every line."""
