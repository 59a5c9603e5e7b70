"""Records as bytes, for sinks that want the record and not a finished text.

The wire carries data only. It is JSON with tags for what JSON lacks; decoding makes plain values and
never imports, calls or unpickles anything, whatever the bytes are.
"""

from __future__ import annotations

import base64
import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

TAG = "\u0001"
"""Key of a tagged value: {TAG: [kind, data]}. A user's dict with this key is tagged itself."""

MAX_DEPTH = 32
MAX_ITEMS = 10_000
MAX_REPR = 10_000


def safe_repr(value: object, limit: int = MAX_REPR) -> str:
    """`repr(value)` cut at *limit* characters, or a mark naming the type when it fails."""
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - any user code may run here; the record must arrive
        return f"<unprintable {type(value).__name__} object: {type(error).__name__}>"
    if type(text) is not str:
        text = str.__str__(text)
    return text if len(text) <= limit else f"{text[:limit]}... <{len(text) - limit} more characters>"


def _plain(value: Any, depth: int) -> Any:
    kind = type(value)
    if value is None or kind is bool or kind is str or kind is float:
        return value
    if kind is int and -(2**63) <= value < 2**64:
        return value
    if depth >= MAX_DEPTH:
        return {TAG: ["repr", "<nested too deeply>"]}
    if kind is dict:
        items = list(value.items())[:MAX_ITEMS]
        if all(type(key) is str for key, _ in items) and TAG not in value:
            return {key: _plain(item, depth + 1) for key, item in items}
        return {TAG: ["dict", [[_plain(key, depth + 1), _plain(item, depth + 1)] for key, item in items]]}
    if kind is list:
        return [_plain(item, depth + 1) for item in value[:MAX_ITEMS]]
    if kind is tuple:
        return {TAG: ["tuple", [_plain(item, depth + 1) for item in value[:MAX_ITEMS]]]}
    if kind is set or kind is frozenset:
        return {TAG: [kind.__name__, [_plain(item, depth + 1) for item in list(value)[:MAX_ITEMS]]]}
    if kind is bytes:
        return {TAG: ["bytes", base64.b64encode(value).decode("ascii")]}
    if isinstance(value, datetime):
        return {TAG: ["datetime", value.isoformat()]}
    if kind is date:
        return {TAG: ["date", value.isoformat()]}
    if kind is timedelta:
        return {TAG: ["timedelta", [value.days, value.seconds, value.microseconds]]}
    if kind is Decimal:
        return {TAG: ["decimal", str(value)]}
    if kind is complex:
        return {TAG: ["complex", [value.real, value.imag]]}
    return {TAG: ["repr", safe_repr(value)]}


class Represented(str):
    """The bounded `repr` of a value that could not travel as itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str.__str__(self)


def _rebuild(kind: str, data: Any) -> Any:
    if kind == "tuple":
        return tuple(data)
    if kind == "dict":
        return {_hashable(key): item for key, item in data}
    if kind == "set":
        return {_hashable(item) for item in data}
    if kind == "frozenset":
        return frozenset(_hashable(item) for item in data)
    if kind == "bytes":
        return base64.b64decode(data)
    if kind == "datetime":
        return datetime.fromisoformat(data)
    if kind == "date":
        return date.fromisoformat(data)
    if kind == "timedelta":
        return timedelta(*data)
    if kind == "decimal":
        return Decimal(data)
    if kind == "complex":
        return complex(*data)
    return Represented(data)


def _hashable(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        return safe_repr(value)
    return value


def _untag(mapping: dict[str, Any]) -> Any:
    if len(mapping) == 1 and TAG in mapping:
        kind, data = mapping[TAG]
        return _rebuild(kind, data)
    return mapping


def encode(value: Any) -> bytes:
    """*value* as bytes. Never fails: what cannot travel becomes its bounded `repr`."""
    try:
        text = json.dumps(_plain(value, 0), ensure_ascii=True, separators=(",", ":"))
    except Exception as error:  # noqa: BLE001 - a hostile container (mutating, lying) must not lose the record
        text = json.dumps({TAG: ["repr", f"<cannot be sent: {type(error).__name__}>"]})
    return text.encode("ascii")


def decode(data: bytes) -> Any:
    """What `encode` made, as plain data.

    Raises:
        ValueError: for bytes that `encode` cannot have made.
    """
    try:
        return json.loads(data, object_hook=_untag)
    except (ValueError, TypeError, KeyError, IndexError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"these {len(data)} bytes are no record: {error}") from error


__all__ = ["TAG", "Represented", "decode", "encode", "safe_repr"]
