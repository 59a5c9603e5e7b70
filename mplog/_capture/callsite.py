"""Call sites: everything about a log call that is the same each time it runs."""

from __future__ import annotations

import os.path
from types import CodeType, FrameType
from typing import Any

MAXIMUM = 4096
"""Call sites remembered per configuration; code made by exec() is endless."""


class CallSite:
    """One place in the code that logs. `code` and `globals` are held, so their ids stay theirs."""

    __slots__ = ("code", "file_name", "file_path", "function", "globals", "line", "module", "name")

    def __init__(self, frame: FrameType | None) -> None:
        if frame is None:
            self.code: CodeType | None = None
            self.globals: dict[str, Any] | None = None
            self.file_name = self.file_path = self.function = "<unknown>"
            self.line = 0
            self.name: str | None = None
        else:
            code = frame.f_code
            self.code = code
            self.globals = frame.f_globals
            self.file_path = code.co_filename
            self.file_name = os.path.basename(code.co_filename)
            self.function = code.co_name
            self.line = frame.f_lineno or 0
            name = frame.f_globals.get("__name__")
            self.name = name if isinstance(name, str) else None
        self.module = os.path.splitext(self.file_name)[0]
