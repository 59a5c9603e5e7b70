"""A record with well-known fields, and a call site, for the tests of what formats make of them."""

from __future__ import annotations

import datetime as dt
import sys
from typing import Any

from mplog._capture.callsite import CallSite
from mplog._capture.record import RecordFile, RecordLevel, RecordProcess, RecordThread
from mplog._render.times import RecordTime

MOMENT = RecordTime(2026, 1, 31, 18, 4, 5, 123_456, dt.timezone(dt.timedelta(hours=1), "CET"))
SITE = CallSite(sys._getframe())


def record(**changes: Any) -> dict[str, Any]:
    """A record with well-known fields."""
    return {
        "elapsed": dt.timedelta(seconds=1.5),
        "exception": None,
        "extra": {},
        "file": RecordFile("f.py", "/a/f.py"),
        "function": "func",
        "level": RecordLevel("INFO", 20, "i"),
        "line": 42,
        "message": "text",
        "module": "f",
        "name": "pkg.f",
        "process": RecordProcess(7, "P"),
        "thread": RecordThread(8, "T"),
        "time": MOMENT,
        **changes,
    }
