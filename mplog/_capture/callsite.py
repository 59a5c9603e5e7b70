"""Call sites: everything about a log call that is the same each time it runs."""

from __future__ import annotations

from os.path import basename, splitext  # By these names: a program's tests may have others in their place there.
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
            path, function = code.co_filename, code.co_name
            if type(path) is not str or type(function) is not str:
                path, function = str.__str__(path), str.__str__(function)
            self.file_path = path
            self.file_name = basename(path)
            self.function = function
            self.line = frame.f_lineno or 0
            space = frame.f_globals
            name = space.get("__name__") if type(space) is dict else None
            self.name = name if type(name) is str else module_of(frame)
        self.module = splitext(self.file_name)[0]


def module_of(frame: FrameType | None) -> str | None:
    """The name of the module that *frame* runs in, if it has one."""
    if frame is None:
        return None
    try:
        name: Any = frame.f_globals.get("__name__")
    except Exception:  # noqa: BLE001 - globals of a class of the program's
        try:
            name = dict.get(frame.f_globals, "__name__")
        except Exception:  # noqa: BLE001 - a key of a class of the program's
            return None
    return str.__str__(name) if issubclass(type(name), str) else None
