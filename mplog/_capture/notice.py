"""What mplog itself has to say in a log, as a record like any other."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from mplog._capture import process
from mplog._capture.record import RecordFile, RecordLevel, RecordProcess, RecordThread


def notice(text: str, moment: datetime) -> dict[str, Any]:
    """A warning of this process, which comes from no line of the program.

    Args:
        moment: its time, of the class that formats ask for time tokens.
    """
    return {
        "elapsed": timedelta(),
        "exception": None,
        "extra": {},
        "file": RecordFile("<mplog>", "<mplog>"),
        "function": "<mplog>",
        "level": RecordLevel("WARNING", 30, "\u26a0\ufe0f"),
        "line": 0,
        "message": text,
        "module": "mplog",
        "name": "mplog",
        "process": RecordProcess(process.pid(), process.name()),
        "thread": RecordThread(process.thread_id(), process.thread_name()),
        "time": moment,
    }
