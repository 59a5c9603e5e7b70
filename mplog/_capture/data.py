"""A record as plain data, for the way to a sink in another process, and back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from mplog._capture.details import Details
from mplog._capture.exception import LONGEST
from mplog._capture.record import (
    RecordException,
    RecordFile,
    RecordLevel,
    RecordProcess,
    RecordThread,
)
from mplog._capture.trace import Trace
from mplog._ring import wire

_STANDARD = frozenset(
    ("elapsed", "exception", "extra", "file", "function", "level", "line", "message", "module", "name", "process")
) | {"thread", "time"}


def pack(record: dict[str, Any], details: Details) -> bytes:
    """*record* as bytes. Never raises: what cannot travel becomes its bounded, marked `repr`."""
    moment = record["time"]
    offset = moment.utcoffset() or timedelta()
    level, file, process, thread = record["level"], record["file"], record["process"], record["thread"]
    elapsed = record["elapsed"]
    values = {
        "t": [moment.timestamp(), offset.total_seconds(), moment.tzname() or ""],
        "e": elapsed.total_seconds(),
        "x": _shown(record["exception"]),
        "extra": record["extra"],
        "at": [record["name"], record["function"], record["line"], record["module"], file.name, file.path],
        "l": [level.name, level.no, level.icon],
        "p": [process.id, process.name],
        "h": [thread.id, thread.name],
        "m": record["message"],
        "d": [details.color, details.trace and details.trace.to_data(), details.colored, details.raw],
        "more": {key: value for key, value in record.items() if key not in _STANDARD},
    }
    return wire.encode(values)


def _shown(exception: Any) -> list[str | None] | None:
    """The name of the exception's type and its text. A patcher may have put anything there."""
    if exception is None:
        return None
    try:
        kind, value, _ = exception
        name = getattr(kind, "__name__", None)
        return [name if isinstance(name, str) else None, None if value is None else _text(value)]
    except Exception:  # noqa: BLE001 - no triple, or a metaclass that raises
        return [None, wire.safe_repr(exception)]


def _text(value: object) -> str:
    try:
        return str.__str__(str(value))[:LONGEST]
    except Exception as error:  # noqa: BLE001 - a hostile __str__ must not lose the record
        return f"<unprintable {type(value).__name__}: {type(error).__name__}>"


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
        color, trace, colored, raw = values["d"]
        details = Details(color, None if trace is None else Trace.from_data(trace), colored, raw)
        record = {
            "elapsed": timedelta(seconds=values["e"]),
            "exception": None if shown is None else RecordException(shown[0], shown[1], None),
            "extra": dict(values["extra"]),
            "file": RecordFile(file_name, file_path),
            "function": function,
            "level": RecordLevel(*values["l"]),
            "line": line,
            "message": str(values["m"]),
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
