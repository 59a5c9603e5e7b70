"""Records as bytes, for sinks that want the record and not a finished text.

The wire carries data only. It is JSON with tags for what JSON lacks; decoding makes plain values and
never imports, calls or unpickles anything that the bytes name.
"""

from __future__ import annotations

import binascii
import json
import re
import sys
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

TAG = "\u0001"
"""Key of a tagged value: {TAG: [kind, data]}. A user's dict with this key is tagged itself."""

MAX_DEPTH = 32
MAX_ITEMS = 10_000
"""Items of one container."""
MAX_VALUES = 100_000
"""Values in all: containers that hold one another many times over are short to write and endless to send."""
MAX_REPR = 10_000
LEAST_VALUES = 64
"""As MAX_VALUES, where everything has to be short."""
MAX_BYTES = 16 * 1024 * 1024
"""Bytes of all; beyond it, texts and containers are cut with a mark until what is left fits."""

MOST_IN_WIRE = 400_000
"""Values in all that are decoded: a record has two parts that a program fills, and little beside."""
MOST_ALIKE = 16
"""Members of a set, or keys of a dictionary, that may have the same hash: values that were chosen so would take a time
that grows with the square of their number. Those that happen to have are few."""

_name_of = type.__dict__["__name__"].__get__


def safe_repr(value: object, limit: int = MAX_REPR) -> str:
    """`repr(value)` cut at *limit* characters, or a mark naming the type when it fails."""
    try:
        text = repr(value)
        if type(text) is not str:
            text = str.__str__(text)
    except Exception as error:  # noqa: BLE001 - any user code may run here; the record must arrive
        return unprintable(value, error)
    return text if len(text) <= limit else f"{text[:limit]}... <{len(text) - limit} more characters>"


def unprintable(value: object, error: Exception) -> str:
    """The mark of a *value* that raised *error* when it was to be shown. Asks neither of them anything."""
    return f"<unprintable {class_name(value)} object: {class_name(error)}>"


def class_name(value: object) -> str:
    """The name of the class of *value*, whatever that class's own class says."""
    return str(_name_of(type(value)))


def exact(given: Any) -> Any:
    """A text or number of a class derived from a built-in one as a plain one, and anything else as it is.

    Nothing of that class is run then, and what travels does not need it where it arrives.
    """
    kind = type(given)
    if kind is str or kind is int or kind is bool:
        return given
    if issubclass(kind, str):
        return str.__str__(given)
    if issubclass(kind, int):
        return int.__index__(given)
    return float.__float__(given) if issubclass(kind, float) else given


class _Sender:
    """Makes values plain, counting them. Runs user code only where what it raises is caught.

    Each item of the outermost dictionary, such as a record's `extra`, may have as many values as are allowed in all,
    and keeps its own plain items however many values those before them have: so a bound number survives.
    """

    __slots__ = ("_left", "_longest", "_longest_repr", "_most")

    def __init__(self, longest: int | None = None) -> None:
        """*longest*: characters of one text, or bytes, and a bound for the number of values; None: any."""
        self._longest = longest
        self._longest_repr = MAX_REPR if longest is None else min(longest, MAX_REPR)
        self._most = MAX_VALUES if longest is None else min(max(longest, LEAST_VALUES), MAX_VALUES)
        self._left = self._most

    def plain(self, value: Any, depth: int) -> Any:
        """*value* as JSON can have it. Never raises."""
        self._left -= 1
        kind = type(value)
        if self._longest is not None and (kind is str or kind is bytes) and len(value) > self._longest:
            value, kind = _cut(value, self._longest), str
        if value is None or kind is bool or kind is str or kind is float:
            return value
        if kind is int and -(2**63) <= value < 2**64:
            return value
        if depth >= MAX_DEPTH:
            return {TAG: ["repr", "<nested too deeply>"]}
        if self._left < 0:
            return {TAG: ["repr", "<too many values>"]}
        try:
            found = self._tagged(kind, value, depth)
        except Exception:  # noqa: BLE001 - a lying or mutating value costs itself only, not the record
            found = None
        return {TAG: ["repr", safe_repr(value, self._longest_repr)]} if found is None else found

    def _tagged(self, kind: type, value: Any, depth: int) -> Any:
        """*value* when it is of a kind that travels, else None. What a value says of its own class does not count."""
        if kind is dict:
            return self._dict(value, depth)
        if kind is list:
            return self._items(value, depth)
        if kind is tuple:
            return {TAG: ["tuple", self._items(value, depth)]}
        if kind is set or kind is frozenset:
            return {TAG: [kind.__name__, self._items(list(value), depth)]}
        if kind is bytes:
            return {TAG: ["bytes", binascii.b2a_base64(value, newline=False).decode("ascii")]}
        if issubclass(kind, datetime):
            return {TAG: ["datetime", datetime.isoformat(value)]}
        if kind is date:
            return {TAG: ["date", value.isoformat()]}
        if kind is timedelta:
            return {TAG: ["timedelta", [value.days, value.seconds, value.microseconds]]}
        if kind is getattr(sys.modules.get("decimal"), "Decimal", None):
            digits = str(value)
            return {TAG: ["decimal", digits]} if len(digits) <= max(self._longest_repr, 100) else None
        if kind is complex:
            return {TAG: ["complex", [value.real, value.imag]]}
        return None

    def _items(self, values: Any, depth: int) -> list[Any]:
        found = []
        for item in values[:MAX_ITEMS]:
            if self._left < 0:
                break
            found.append(self.plain(item, depth + 1))
        if len(found) < len(values):
            found.append({TAG: ["repr", _more(len(values) - len(found))]})
        return found

    def _dict(self, value: dict[Any, Any], depth: int) -> Any:
        items = list(value.items())
        found = []
        for key, item in items[:MAX_ITEMS]:
            if depth == 0:
                self._left = self._most
            elif depth > 1 and self._left < 0:
                break
            # Those of the outermost are the names of parts, which are short.
            name = key if type(key) is str and not (depth and self._longest is not None) else self.plain(key, depth + 1)
            found.append((name, self.plain(item, depth + 1)))
        if len(found) < len(items):
            found.append((_more(len(items) - len(found)), None))
        if all(type(key) is str and key != TAG for key, _ in found):
            return dict(found)
        return {TAG: ["dict", found]}


def _cut(value: str | bytes, longest: int) -> str:
    if isinstance(value, str):
        shown = f"{value[:longest]}... <{len(value) - longest} more characters>"
        return shown if len(shown) < len(value) else value
    return f"{value[:longest]!r}... <{len(value) - longest} more bytes>"


def _more(count: int) -> str:
    return f"<{count} more items>"


class Represented(str):
    """The bounded `repr` of a value that could not travel as itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str.__str__(self)


def _rebuild(kind: str, data: Any) -> Any:
    if type(data) is list and len(data) > MAX_ITEMS + 1:  # With the one that says how many more there were.
        raise ValueError(f"{len(data)} items of one container")
    if kind == "tuple":
        return tuple(data)
    if kind == "dict":
        return dict(zip(_apart([key for key, _ in data]), [item for _, item in data], strict=True))
    if kind == "set":
        return set(_apart(data))
    if kind == "frozenset":
        return frozenset(_apart(data))
    if kind == "bytes":
        return binascii.a2b_base64(data)
    if kind == "datetime":
        return datetime.fromisoformat(data)
    if kind == "date":
        return date.fromisoformat(data)
    if kind == "timedelta":
        return timedelta(*data)
    if kind == "decimal":
        try:
            from decimal import Decimal  # here, for few programs have any
        except (ImportError, OSError):  # No descriptor is left to read it with, or the program ends.
            return Represented(data)
        return Decimal(data)
    if kind == "complex":
        return complex(*data)
    return Represented(data)


def _apart(data: list[Any]) -> list[Any]:
    """What goes into a set or a dictionary, as something that can. Raises ValueError where too many hash alike."""
    values = [_hashable(value) for value in data]
    if len(values) > MOST_ALIKE and max(Counter(map(hash, values)).values()) > MOST_ALIKE:
        raise ValueError(f"more than {MOST_ALIKE} of {len(values)} values have the same hash")
    return values


def _hashable(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        return safe_repr(value)
    return value


_LONG_NUMBER = re.compile(rb"[0-9]{400}")


def _refuse_endless(data: bytes) -> None:
    """Raise ValueError for what would take too long to decode. Texts may be long; all else has its bound."""
    plain = data.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in data else data
    if plain.count(b'"') <= 4 * MOST_IN_WIRE:
        plain = b"".join(plain.split(b'"')[::2])
        values, containers = plain.count(b","), plain.count(b"[") + plain.count(b"{")
        if max(values, containers) <= MOST_IN_WIRE and _LONG_NUMBER.search(plain) is None:
            return
    raise ValueError("more values, or longer numbers, than any record has")


def _untag(mapping: dict[str, Any]) -> Any:
    if len(mapping) == 1 and TAG in mapping:
        kind, data = mapping[TAG]
        return _rebuild(kind, data)
    return mapping


def encode(value: Any, maximum: int = MAX_BYTES) -> bytes:
    """*value* as bytes. Never fails: what cannot travel becomes its bounded `repr`.

    What has more than *maximum* bytes is cut, with marks, until it fits. It may not, where the outermost dictionary has
    many items.
    """
    try:
        longest = None
        while True:
            text = json.dumps(_Sender(longest).plain(value, 0), ensure_ascii=True, separators=(",", ":"))
            if len(text) <= maximum or longest == 0:
                break
            longest = maximum // 16 if longest is None else longest // 8
    except Exception as error:  # noqa: BLE001 - no memory is left for it, say
        text = json.dumps({TAG: ["repr", f"<cannot be sent: {type(error).__name__}>"]})
    return text.encode("ascii")


def decode(data: bytes) -> Any:
    """What `encode` made, as plain data.

    Raises:
        ValueError: for bytes that `encode` cannot have made.
    """
    try:
        if len(data) > MOST_IN_WIRE:
            _refuse_endless(data)
        return json.loads(data, object_hook=_untag)
    except (ValueError, TypeError, KeyError, IndexError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"these {len(data)} bytes are no record: {error}") from error


__all__ = ["TAG", "Represented", "class_name", "decode", "encode", "exact", "safe_repr", "unprintable"]
