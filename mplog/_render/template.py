"""Format strings: checked once by `add()`, and applied to records; see line.py for the short cut past the record."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mplog._capture.details import Token
from mplog._capture.record import RecordLevel
from mplog._render.escape import Shielded, count_hostile, escape, one_line
from mplog._render.markup import TEXT, Tokens, paint, step
from mplog._render.nearest import nearest_word
from mplog._render.times import split_fraction

DEFAULT = (
    "<green>{time:YYYY-MM-DD HH:mm:ss.SSS Z}</green> | <level>{level: <8}</level> | "
    "<cyan>{name}</cyan>:<cyan>{function}</cyan>:<cyan>{line}</cyan> - <level>{message}</level>"
)

FIELDS = (
    *("elapsed", "exception", "extra", "file", "function", "level", "line"),
    *("message", "module", "name", "process", "thread", "time"),
)
"""The fields of a record."""

_ELSEWHERE = {
    "msg": "message",
    "text": "message",
    "asctime": "time",
    "timestamp": "time",
    "date": "time",
    "levelname": "level",
    "levelno": "level.no",
    "lineno": "line",
    "funcname": "function",
    "func": "function",
    "filename": "file",
    "pathname": "file.path",
    "path": "file.path",
    "pid": "process.id",
    "processname": "process.name",
    "tid": "thread.id",
    "threadname": "thread.name",
    "logger": "name",
    "exc_info": "exception",
}
"""What they are called elsewhere."""


class Field(NamedTuple):
    """A field of a format string."""

    name: str
    spec: str
    conversion: str

    @property
    def key(self) -> str:
        """The key of the record that it begins with."""
        return self.name.partition(".")[0].partition("[")[0]

    def source(self) -> str:
        """The field as it stands in a format string."""
        return f"{{{self.name}{'!' + self.conversion if self.conversion else ''}:{self.spec}}}"


class _Painted(NamedTuple):
    """A template for one colour of the level, or without any colours."""

    plain: str
    """As `str.format` source, in which `{message}` is the text."""
    marked: str
    """The same, with a key of its own for each `{message}` that can show colours."""
    around: tuple[tuple[str, ...], ...]
    """The sequences in force where each of those stands."""
    own: int
    """Characters in what is no field that would be escaped if they came with data."""


MAX_PAINTED = 64
"""Colours for which a template is remembered; programs that change a level's colour with each call are rare."""


class Template:
    """One format string with its markup. Immutable; safe from any thread."""

    __slots__ = ("_ending", "_painted", "parts", "source", "time_spec")

    def __init__(self, source: str, *, ending: str = "\n{exception}", clean: bool = False) -> None:
        """Check *source*.

        Args:
            ending: what follows, a format string itself.
            clean: escape control characters in the template's own text, too, because it may have been made of data.

        Raises:
            MarkupError: its markup cannot be read.
            ValueError: it is no format string.
        """
        self.source = source
        self._ending = ending
        tokens = Tokens()
        self.parts: list[Token | Field] = []
        """Its literal texts, tags and fields, in order."""
        try:
            parsed = list(string.Formatter().parse(source))
        except ValueError as error:
            raise ValueError(
                f"Invalid format {source!r}: {error}. Double the braces that are meant literally: {{{{ and }}}}."
            ) from error
        for literal, name, spec, conversion in parsed:
            # By literal parts: a tag does not go on after a field, and nothing in a field is a tag.
            tokens.feed(literal)
            self.parts += [(kind, escape(text) if clean and kind == TEXT else text) for kind, text in tokens.found]
            tokens.found.clear()
            if name is None:
                continue
            field = Field(name, spec or "", conversion or "")
            self.parts.append(field)
            if any(
                nested
                for _, nested, deep, _ in string.Formatter().parse(field.spec)
                if nested is not None and "{" in (deep or "")
            ):
                raise ValueError(
                    f"Invalid format {source!r}: Max string recursion exceeded. A field inside a specification "
                    "cannot have a specification with fields itself; compute it in a format function."
                ) from ValueError("Max string recursion exceeded")
        tokens.end()
        self._painted: dict[str | None, _Painted] = {}
        times = [part for part in self.parts if isinstance(part, Field) and part.name == "time"]
        self.time_spec: tuple[str, int, str] | None = None
        """The time field as `split_fraction` gives it, of empty parts without one; None where it cannot be split."""
        if not times:
            self.time_spec = ("", 0, "")
        elif len(times) == 1 and not times[0].conversion and "{" not in times[0].spec:
            self.time_spec = split_fraction(times[0].spec)

    def format(
        self,
        record: dict[str, Any],
        exception_text: str,
        *,
        sanitize: bool,
        level: str | None = None,
        colored: Sequence[Token] | None = None,
    ) -> str:
        """The text for *record*.

        Args:
            exception_text: what `{exception}` shows; it is taken as it is, and so are the colours of the template.
            sanitize: escape what would drive a terminal, in everything else that is not the template's own text.
            level: the sequences of the level's colour; None takes all colours out.
            colored: the message with its markup, when it has any.

        Raises:
            ValueError: the record lacks a key that the format names; the text says which.
        """
        painted = self.painted(level)
        values = dict(record)
        values["exception"] = exception_text
        if sanitize:
            values["level"] = _on_one_line(values.get("level"))
        if level is None or colored is None or not painted.around:
            text = self._apply(painted.plain, values, sanitize=sanitize)
            if not sanitize or count_hostile(text) == painted.own:
                return text
            return self._apply(painted.plain, _shielded(values, clean=True), sanitize=sanitize)
        if sanitize:
            values = _shielded(values, clean=True)
            colored = [(kind, escape(text) if kind == TEXT else text) for kind, text in colored]
        for index, around in enumerate(painted.around):
            values[_message_key(index)] = paint(colored, level, around)
        return self._apply(painted.marked, values, sanitize=sanitize)

    def _apply(self, source: str, values: dict[str, Any], *, sanitize: bool) -> str:
        try:
            try:
                return source.format_map(values)
            except KeyError:
                raise
            except Exception:  # noqa: BLE001 - a hostile value costs its text, not the record
                hostile = _shielded(values, clean=sanitize)
            # Outside of the `except`: what a wrong format raises again is not shown twice.
            return source.format_map(hostile)
        except KeyError as error:
            raise ValueError(
                f"Failed to format log record: the format {self.source!r} names {error}, which this record does not "
                f"have. {_advice(error.args[0] if error.args else None, self.parts, values)}"
            ) from error

    def painted(self, level: str | None) -> _Painted:
        """The template as `str.format` source, with *level* for the level's colour; None takes all colours out."""
        found = self._painted.get(level)
        if found is None:
            if len(self._painted) >= MAX_PAINTED:
                self._painted = {}
            found = self._painted[level] = self._paint(level)
        return found

    def _paint(self, level: str | None) -> _Painted:
        plain: list[str] = []
        marked: list[str] = []
        around: list[tuple[str, ...]] = []
        in_force: list[str] = []
        own = 0
        for part in self.parts:
            if isinstance(part, Field):
                shown = part.source()
                plain.append(shown)
                if part.name == "message" and not part.conversion:
                    shown = part._replace(name=_message_key(len(around))).source()
                    around.append(tuple(in_force))
                marked.append(shown)
                continue
            kind, text = part
            if kind != TEXT:
                text = "" if level is None else step(kind, text, level, in_force)
            own += count_hostile(text)
            text = quoted(text)
            plain.append(text)
            marked.append(text)
        return _Painted("".join(plain) + self._ending, "".join(marked) + self._ending, tuple(around), own)


def _message_key(index: int) -> str:
    """The key under which a message with colours stands for one place of the template. No program has such keys."""
    return f"\0message{index}"


_OWN = frozenset(("time", "elapsed", "exception"))
"""Fields that are mplog's own words, or are escaped already."""


def _on_one_line(level: Any) -> Any:
    """*level*, of whose name and icon neither begins a line; all else in them is escaped like data."""
    if type(level) is RecordLevel and ("\n" in level.name or "\n" in level.icon):
        return RecordLevel(one_line(level.name), level.no, one_line(level.icon))
    return level


def _shielded(values: dict[str, Any], *, clean: bool) -> dict[str, Any]:
    """*values*, of which none can fail to be shown; with *clean* they are shown escaped."""
    return {key: value if key in _OWN or key[:1] == "\0" else _shield(value, clean) for key, value in values.items()}


def _shield(value: Any, clean: bool) -> Any:
    if type(value) is not str:
        return Shielded(value, clean)
    # Before it is padded, so that what is escaped is counted as it is shown.
    return escape(value) if clean else value


def quoted(text: str) -> str:
    """*text* as it stands in a format string."""
    return text.replace("{", "{{").replace("}", "}}")


def _advice(key: Any, parts: Iterable[Any], values: Mapping[str, Any]) -> str:
    """What to write instead of a *key* that a record lacks."""
    is_field = any(isinstance(part, Field) and part.key == key for part in parts)
    if not is_field or key in values:
        return "Bind it (logger.bind(...)), give it as keyword argument, or take it out of the format."
    extra = values.get("extra")
    right = None
    if not (isinstance(extra, dict) and key in extra):
        right = nearest_word(key, FIELDS, _ELSEWHERE)
    if right is not None:
        return f"Did you mean {{{right}}}? What is bound is shown by {{extra[{key}]}}."
    return f"It is no field of records. What is bound, or given as keyword argument, is shown by {{extra[{key}]}}."
