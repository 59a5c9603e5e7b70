"""What one handler makes of a record: whether it passes, and its text."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from mplog._capture.callsite import CallSite
from mplog._capture.details import Details, Token
from mplog._capture.record import RecordLevel
from mplog._render import markup
from mplog._render.filter import ByModule, Filter, Named, make_filter
from mplog._render.line import Line, compile_line
from mplog._render.look import Look
from mplog._render.plain import plain_line
from mplog._render.serialize import serialize
from mplog._render.template import Template
from mplog._render.traceback import traceback_text

FormatFunction = Callable[[dict[str, Any]], str]

Failed = Callable[[dict[str, Any], Exception], None]
"""Told of a record, and of why its format is of no use."""

NOTHING_FITS = '{"text": "<too large to send>", "record": {}}\n'
"""For a record whose every field a patcher has made larger than there is room for."""

REMEMBERED = 64
"""Templates that are remembered of one format function."""


class Renderer:
    """Filter and format of one handler. Runs user code without any lock; safe from any thread."""

    __slots__ = ("_exception_look", "_function", "_sanitize", "_template_of", "accept", "look", "template")

    def __init__(self, format_: str | FormatFunction, filter_: Any, look: Look) -> None:
        """*filter_* is what `check_filter` gave.

        Raises:
            ValueError: a format string, or its markup, that cannot be read.
        """
        self.look = look
        self.accept: Filter | None = make_filter(filter_)
        # JSON is escaped by JSON: what is read from it is what the program said.
        self._sanitize = look.sanitize and not look.serialize
        self._exception_look = look.without_sanitizing() if look.serialize else look
        self._function = None if isinstance(format_, str) else format_
        self.template = None if callable(format_) else _template(format_, look)
        # What a function returns may hold data, as its author may not know better.
        self._template_of = lru_cache(REMEMBERED)(partial(Template, ending="", clean=self._sanitize))

    def text(self, record: dict[str, Any], details: Details, failed: Failed | None = None) -> str:
        """The finished text of *record* with its terminator.

        Args:
            failed: gets what the user's format raises, for which there is a plain text with a mark; None: it is raised.
        """
        line = self._line_or_mark(record, details, failed)
        return self._serialized(line, record, details) if self.look.serialize else line

    def bounded(
        self,
        record: dict[str, Any],
        details: Details,
        encode: Callable[[str], bytes],
        failed: Failed | None,
        maximum: int,
    ) -> bytes:
        """As `text`, encoded, in at most *maximum* bytes (4000 or more): what is too long is cut, with a mark.

        JSON stays JSON.
        """
        line = self._line_or_mark(record, details, failed)
        shown = encode(self._serialized(line, record, details) if self.look.serialize else line)
        longest, keep = maximum, len(line)
        while len(shown) > maximum:
            if self.look.serialize:
                if not longest:
                    return encode(NOTHING_FITS)
                longest //= 4
                shown = encode(self._serialized(line, record, details, longest))
            else:
                keep = keep * (maximum - 200) // len(shown)
                shown = encode(f"{line[:keep]}... <truncated: {len(line) - keep} more characters>\n")
        return shown

    def _serialized(self, line: str, record: dict[str, Any], details: Details, longest: int | None = None) -> str:
        return serialize(line, record, traceback=details.has_traceback, sanitize=self.look.sanitize, longest=longest)

    def _line_or_mark(self, record: dict[str, Any], details: Details, failed: Failed | None) -> str:
        """The text before it becomes JSON, if it does; a plain one with a mark where the format is of no use."""
        try:
            return self._line(record, details)
        except Exception as error:
            if failed is None:
                raise
            failed(record, error)
            line = plain_line(record, error, sanitize=self._sanitize)
            shown = traceback_text(details.trace, self._exception_look)
            return f"{line}\n{shown}" if shown or not self.look.standard else line

    def _line(self, record: dict[str, Any], details: Details) -> str:
        """The text before it becomes JSON, if it does."""
        look = self.look
        template = self.template
        if template is None:
            assert self._function is not None
            template = self._template_of(self._function(record))
        level = markup.level_color(details.color) if look.colorize else None
        if details.raw:
            colored = self._colored(record, details)
            text = f"{record['message']}" if colored is None else markup.paint(colored, level or "")
        else:
            exception_text = traceback_text(details.trace, self._exception_look)
            if look.standard and exception_text:
                exception_text = f"\n{exception_text}"
            text = template.format(
                record,
                exception_text,
                sanitize=self._sanitize,
                level=level,
                colored=self._colored(record, details),
            )
        return text

    def _colored(self, record: dict[str, Any], details: Details) -> tuple[Token, ...] | None:
        """The message with its markup, where this handler shows colours and nobody has put another in its place."""
        colored = details.colored
        if colored is None or not self.look.colorize or markup.plain(colored) != record["message"]:
            return None
        return colored

    def compile_line(
        self, site: CallSite, level: RecordLevel, color: str, message: str | None, count: int
    ) -> tuple[Line, int] | None:
        """The line of one call site, see line.py, or None where it takes the record.

        With it comes the number of its characters that would be escaped if they came with data.
        """
        if self.template is None or self.look.serialize or self.look.standard:
            return None
        sequences = markup.level_color(color) if self.look.colorize else None
        line = compile_line(self.template, site, level, message, count, sequences)
        return None if line is None else (line, self.template.painted(sequences).own)

    def passes_site(self, name: str | None, number: int) -> bool | None:
        """Whether records of module *name* with the level *number* pass, or None when only the record can tell."""
        accept = self.accept
        if accept is None:
            return True
        return accept.passes(name, number) if isinstance(accept, (Named, ByModule)) else None


def _template(source: str, look: Look) -> Template:
    try:
        return Template(source, ending="{exception}" if look.standard else "\n{exception}")
    except markup.MarkupError as error:
        raise ValueError(f"Invalid format, color markups could not be parsed correctly: {source!r}. {error}") from error
