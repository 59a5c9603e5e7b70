"""A record as plain data, for the way to a sink in another process, and back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from mplog._capture import stand_in
from mplog._capture.details import Details, Token
from mplog._capture.exception import LONGEST
from mplog._capture.record import (
    RecordException,
    RecordFile,
    RecordLevel,
    RecordProcess,
    RecordThread,
    blank,
)
from mplog._capture.trace import Error, Trace
from mplog._ring import wire

TOO_LARGE = "<too large to send>"
"""What stands for values, or a traceback, for which there was no room."""

_STANDARD = frozenset(
    ("elapsed", "exception", "extra", "file", "function", "level", "line", "message", "module", "name", "process")
) | {"thread", "time"}


def pack(record: dict[str, Any], details: Details, maximum: int = wire.MAX_BYTES) -> bytes:
    """*record* as bytes. Never raises: what cannot travel becomes its bounded, marked `repr`.

    What is longer than *maximum* bytes (4000 or more) is cut, with marks.
    """
    try:
        values = _standard(record)
    except Exception:  # noqa: BLE001 - a patcher may have put anything anywhere
        values = _whatever(record)
    values["d"] = [
        details.color,
        details.trace and details.trace.to_data(),
        details.colored,
        details.raw,
        details.unpatched,
    ]
    # With its length, for where the whole is too large, texts are cut, and this one must not be taken for whole.
    values["s"] = None if details.text is None else [details.text, len(details.text)]
    shown = wire.encode(values, maximum)
    if len(shown) > maximum:
        values.update(extra={TOO_LARGE: None}, more={}, d=[details.color, None, None, details.raw, details.unpatched])
        shown = wire.encode(values, maximum)
    return shown


def _standard(record: dict[str, Any]) -> dict[str, Any]:
    """The parts of a record that has all its fields, of the kinds that they have when a call makes them."""
    moment = record["time"]
    offset = moment.utcoffset() or timedelta()
    level, file, process, thread = record["level"], record["file"], record["process"], record["thread"]
    elapsed = record["elapsed"]
    stamp, shift, zone, since = (
        moment.timestamp(),
        offset.total_seconds(),
        moment.tzname() or "",
        elapsed.total_seconds(),
    )
    if not (type(stamp) is type(shift) is type(since) is float and type(zone) is str):
        raise TypeError("no times")  # What stands there has such methods, and is something else.
    place = [record["name"], record["function"], record["line"], record["module"]]
    if not all(type(part) in _SHORT for part in place):
        raise TypeError("no place")
    return {
        "t": [stamp, shift, zone],
        "e": since,
        "x": _shown(record["exception"]),
        "extra": record["extra"],
        "at": [*place, _short(file.name), _short(file.path)],
        "l": [_short(level.name), int.__index__(level.no), _short(level.icon)],
        "p": [_short(process.id), _short(process.name)],
        "h": [_short(thread.id), _short(thread.name)],
        "m": record["message"],
        "more": {key: value for key, value in record.items() if key not in _STANDARD},
    }


_SHORT = frozenset((str, int, float, bool, type(None)))


def _short(part: Any) -> Any:
    """A part of a field as it can stand in a list of a fixed length, which no other part may cost its place."""
    return part if type(part) in _SHORT else wire.safe_repr(part, 1000)


def _whatever(record: dict[str, Any]) -> dict[str, Any]:
    """The parts of a record with fields of other kinds, or without some: those that differ travel as they are."""
    standard = blank()
    odd = {key: value for key, value in record.items() if key not in _STANDARD}
    for key in standard:
        try:
            _standard({**standard, key: record[key]})
        except KeyError:
            continue
        except Exception:  # noqa: BLE001 - as in `pack`
            odd[key] = record[key]
            continue
        standard[key] = record[key]
    values = _standard(standard)
    values["more"] = odd
    return values


def _shown(exception: Any) -> list[Any] | None:
    """The name of the exception's type, its text, whether it has a traceback.

    Raises:
        TypeError: it is no triple; a patcher may have put anything there.
    """
    if exception is None:
        return None
    if not isinstance(exception, tuple) or len(exception) != 3:
        raise TypeError(f"no (type, value, traceback): {wire.safe_repr(exception, 200)}")
    kind, value, traceback = exception
    try:
        name = getattr(kind, "__name__", None)
    except Exception:  # noqa: BLE001 - a metaclass that raises
        name = None
    return [name if isinstance(name, str) else None, None if value is None else _text(value), traceback is not None]


def _text(value: object) -> str:
    try:
        return str.__str__(str(value))[:LONGEST]
    except Exception as error:  # noqa: BLE001 - a hostile __str__ must not lose the record
        return wire.unprintable(value, error)


def unpack(data: bytes, make_time: Callable[[float, timezone], datetime]) -> tuple[dict[str, Any], Details]:
    """The record and its details, as plain data; *make_time* is what makes the record's time.

    Raises:
        ValueError: the bytes are no record.
    """
    values = wire.decode(data)
    try:
        stamp, offset, zone = values["t"]
        name, function, line, module, file_name, file_path = values["at"]
        shown = values["x"]
        color, trace, colored, raw, unpatched = values["d"]
        message = str(values["m"])
        details = Details(
            str(color),
            None if trace is None else _trace(trace, shown),
            _tokens(colored, message),
            raw is True,
            unpatched is True,
            _finished(values["s"]),
            shown is not None and shown[2] is True,
        )
        record = {
            "elapsed": timedelta(seconds=values["e"]),
            "exception": None if shown is None else _exception(*shown[:2]),
            "extra": values["extra"],
            "file": RecordFile(file_name, file_path),
            "function": function,
            "level": RecordLevel(*values["l"]),
            "line": line,
            "message": message,
            "module": module,
            "name": name,
            "process": RecordProcess(*values["p"]),
            "thread": RecordThread(*values["h"]),
            "time": make_time(stamp, timezone(timedelta(seconds=offset), zone)),
            **values["more"],
        }
    except (TypeError, KeyError, ValueError, OverflowError) as error:
        raise ValueError(f"these {len(data)} bytes are no record: {error!r}") from error
    return record, details


def _exception(name: Any, text: Any) -> RecordException:
    """An exception's triple, of what has travelled of it; None for what the triple did not have."""
    kind = None if name is None else stand_in.kind(str(name))
    value = None if text is None else stand_in.exception("Exception" if name is None else str(name), str(text))
    return RecordException(kind, value, None)


def _trace(found: Any, shown: Any) -> Trace:
    """The exception's traceback as it came, or its last line alone where the rest was cut on its way, or forged."""
    try:
        return Trace.from_data(found)
    except ValueError:
        name, text = (None, None) if shown is None else shown[:2]
        last = str(name) if text is None or text == "" else f"{name}: {text}"
        return Trace((Error((f"{last}\n", f"{TOO_LARGE}\n")),))


def _finished(found: Any) -> str | None:
    """The text as it was made, or None when it was cut on its way: it is to be made again, of what is left."""
    if found is None:
        return None
    text, length = found
    return text if type(text) is str and len(text) == length else None


def _tokens(found: Any, message: str) -> tuple[Token, ...] | None:
    """The message's tokens as they came, or None when they do not make up *message*: cut on their way, or forged."""
    if found is None:
        return None
    tokens = tuple((str(kind), str(text)) for kind, text in found)
    return tokens if "".join(text for kind, text in tokens if kind == "text") == message else None
