"""What one handler makes of a record: whether it passes, and its text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mplog._capture.details import Details
from mplog._render.escape import escape, is_hostile
from mplog._render.guard import guarded
from mplog._render.look import Look
from mplog._render.template import Template
from mplog._render.traceback import traceback_text

Filter = Callable[[dict[str, Any]], object]
FormatFunction = Callable[[dict[str, Any]], str]


def named(name: str) -> Filter:
    """A filter for the module *name* and everything below it; "" passes every named module."""
    if not name:
        return lambda record: record["name"] is not None
    return lambda record: is_below(record["name"], name)


def is_below(found: str | None, name: str) -> bool:
    """Whether module *found* is *name* or inside it, by whole dotted parts."""
    return found is not None and (found == name or found.startswith(f"{name}."))


class Renderer:
    """Filter and format of one handler. Runs user code without any lock; safe from any thread."""

    __slots__ = ("_function", "accept", "filter_name", "look", "template")

    def __init__(self, format_: str | FormatFunction, filter_: str | Filter | None, look: Look) -> None:
        """Raises ValueError for a format string that cannot be read."""
        self._function = None if isinstance(format_, str) else format_
        self.template = Template(format_) if isinstance(format_, str) else None
        self.filter_name = filter_ if isinstance(filter_, str) else None
        self.accept: Filter | None = named(filter_) if isinstance(filter_, str) else filter_
        self.look = look

    def text(self, record: dict[str, Any], details: Details) -> str:
        """The finished text of *record* with its terminator. Whatever the user's format raises passes through."""
        exception_text = traceback_text(details.trace, self.look)
        if self.template is not None:
            return self.template.format(record, exception_text, sanitize=self.look.sanitize)
        assert self._function is not None
        values = dict(record)
        values["exception"] = exception_text
        source = self._function(record)
        try:
            text = source.format_map(values)
        except KeyError:
            raise
        except Exception:  # noqa: BLE001 - a value that cannot be shown; what else is wrong raises again
            text = source.format_map(guarded(values))
        if self.look.sanitize and is_hostile(text):
            text = escape(text)
        return text

    def passes_site(self, name: str | None) -> bool | None:
        """Whether records of module *name* pass, or None when only the record can tell."""
        if self.accept is None:
            return True
        if self.filter_name is None:
            return None
        return name is not None if not self.filter_name else is_below(name, self.filter_name)
