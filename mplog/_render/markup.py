"""Colour markup: tags in text, checked and made into tokens, and tokens made into escape sequences.

`<red>` opens, `</red>` closes what was opened last, and so does `</>`. A backslash makes a tag literal. What looks like
no tag is text. Tokens name tags, not sequences: they may come from another process.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from mplog._capture.details import Token

TEXT, OPEN, CLOSE = "text", "open", "close"
"""The kinds of tokens: (TEXT, the text), (OPEN, the tag's name), (CLOSE, "")."""

RESET = "\x1b[0m"

_LEVEL = frozenset(("level", "lvl"))

# The look-behind keeps a long run of backslashes from being tried from each of its characters.
_TAG = re.compile(r"(?<!\\)(\\*)<(/?)((?:[fb]g\s)?[^<>\s]*)>")

_STYLES = (
    ("bold", "b", 1),
    ("dim", "d", 2),
    ("italic", "i", 3),
    ("underline", "u", 4),
    ("blink", "l", 5),
    ("reverse", "v", 7),
    ("hide", "h", 8),
    ("strike", "s", 9),
    ("normal", "n", 22),
)
_COLORS = (
    ("black", "k"),
    ("red", "r"),
    ("green", "g"),
    ("yellow", "y"),
    ("blue", "e"),
    ("magenta", "m"),
    ("cyan", "c"),
    ("white", "w"),
)
_FOREGROUND, _BACKGROUND, _LIGHT = 30, 40, 60


def _table() -> tuple[dict[str, int], dict[str, int]]:
    """The number of each plain tag, and the offset of each colour name that `fg` and `bg` take."""
    numbers: dict[str, int] = {}
    offsets: dict[str, int] = {}
    for long, short, number in _STYLES:
        numbers[long] = numbers[short] = number
    for index, names in enumerate(_COLORS):
        for name, offset in (
            *((name, index) for name in names),
            (f"light-{names[0]}", index + _LIGHT),
            (f"l{names[1]}", index + _LIGHT),
        ):
            offsets[name] = offset
            numbers[name] = _FOREGROUND + offset
            numbers[name.upper()] = _BACKGROUND + offset
    return numbers, offsets


_NUMBERS, _OFFSETS = _table()

_INDEXED = re.compile(r"[0-9]+\Z")
_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})\Z")
_TRIPLE = re.compile(r"[0-9]+,[0-9]+,[0-9]+\Z")


class MarkupError(ValueError):
    """A tag that is unknown, or not where it can be."""


class NotText(TypeError):
    """A message with arguments that is no template for them."""


@lru_cache(maxsize=512)
def sequence(tag: str) -> str | None:
    """The escape sequence of the tag named *tag*, or None when there is no such tag (nor one of its own: `level`)."""
    number = _NUMBERS.get(tag)
    if number is not None:
        return f"\x1b[{number}m"
    ground, space, value = tag.partition(" ")
    if ground not in ("fg", "bg") or not space:
        return None
    base = _FOREGROUND if ground == "fg" else _BACKGROUND
    offset = _OFFSETS.get(value.lower())
    if offset is not None:
        return f"\x1b[{base + offset}m"
    extended = base + 8
    if _INDEXED.match(value) and _is_byte(value):
        return f"\x1b[{extended};5;{value}m"
    if _HEX.match(value):
        digits = value[1:] if len(value) == 7 else "".join(digit * 2 for digit in value[1:])
        return f"\x1b[{extended};2;{';'.join(str(int(digits[at : at + 2], 16)) for at in (0, 2, 4))}m"
    if _TRIPLE.match(value) and all(_is_byte(part) for part in value.split(",")):
        return f"\x1b[{extended};2;{value.replace(',', ';')}m"
    return None


def _is_byte(digits: str) -> bool:
    return len(digits.lstrip("0")) <= 3 and int(digits) <= 255


class Tokens:
    """Collects text with markup, piece by piece, and checks that tags are known and nested."""

    def __init__(self, *, with_level: bool = True) -> None:
        """*with_level*: whether `<level>` can be used here."""
        self._with_level = with_level
        self._open: list[str] = []
        self.found: list[Token] = []

    def text(self, text: str) -> None:
        """Take *text* as it is."""
        if text:
            self.found.append((TEXT, text))

    def feed(self, source: str) -> None:
        """Read the markup of *source*. A tag does not go on in the next piece.

        Raises:
            MarkupError: an unknown tag, or a closing tag where it cannot be.
        """
        at = 0
        for match in _TAG.finditer(source):
            backslashes, slash, tag = match.groups()
            literal = len(backslashes) % 2
            self.text(
                source[at : match.start()]
                + "\\" * (len(backslashes) // 2)
                + (source[match.end(1) : match.end()] if literal else "")
            )
            at = match.end()
            if literal:
                continue
            if slash:
                self._closed(tag)
            else:
                self._opened(tag)
        self.text(source[at:])

    def _opened(self, tag: str) -> None:
        if tag in _LEVEL:
            if not self._with_level:
                raise MarkupError(
                    f"The '<{tag}>' color tag is not allowed in this context: it stands for the color of a level, "
                    "which is being defined here. Name colors instead, such as <red><bold>."
                )
        elif sequence(tag) is None:
            raise MarkupError(
                f'Tag "<{tag}>" is not a known color or style. Correct it, or put a backslash before it if it is '
                "meant as text."
            )
        self._open.append(tag)
        self.found.append((OPEN, tag))

    def _closed(self, tag: str) -> None:
        if not self._open or (tag and tag not in self._open):
            raise MarkupError(
                f'Closing tag "</{tag}>" has no corresponding opening tag. Open it before, or put a backslash before '
                "it if it is meant as text."
            )
        if tag and tag != self._open[-1]:
            raise MarkupError(
                f'Closing tag "</{tag}>" violates nesting rules: "<{self._open[-1]}>" was opened after it. Close that '
                "one first."
            )
        self._open.pop()
        self.found.append((CLOSE, ""))

    def end(self) -> tuple[Token, ...]:
        """All tokens. Raises MarkupError when a tag is still open."""
        if self._open:
            tag = self._open[-1]
            raise MarkupError(
                f'Opening tag "<{tag}>" has no corresponding closing tag. Add "</{tag}>", or put a backslash before it '
                "if it is meant as text."
            )
        return tuple(self.found)


def plain(tokens: Iterable[Token]) -> str:
    """The text of *tokens* without their tags."""
    return "".join(text for kind, text in tokens if kind == TEXT)


def paint(tokens: Iterable[Token], level: str, around: Sequence[str] = ()) -> str:
    """The text of *tokens* with escape sequences.

    Args:
        level: the sequences that `<level>` stands for.
        around: the sequences that are in force where the text is put, which come back after each closing tag.
    """
    pieces: list[str] = []
    in_force = list(around)
    for kind, text in tokens:
        if kind == TEXT:
            pieces.append(text)
        else:
            pieces.append(step(kind, text, level, in_force))
    return "".join(pieces)


def step(kind: str, tag: str, level: str, in_force: list[str]) -> str:
    """What an opening or closing token emits, when *in_force* is what is open, which is brought up to date."""
    if kind == OPEN:
        opened = level if tag in _LEVEL else sequence(tag) or ""
        in_force.append(opened)
        return opened
    if in_force:
        in_force.pop()
    return RESET + "".join(in_force)


@lru_cache(maxsize=256)
def level_color(markup: str) -> str:
    """The escape sequences for a level's *markup*: opening tags; whether they are closed does not matter.

    Raises:
        ValueError: an unknown tag, a closing tag where it cannot be, or `<level>`.
    """
    tokens = Tokens(with_level=False)
    tokens.feed(markup.strip())
    return paint(tokens.found, "")


def message(template: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[str, tuple[Token, ...]]:
    """A message with markup and its arguments: the text without tags, and its tokens.

    Tags are read in the template alone, not in arguments nor in specifications. Each argument is formatted once.
    Without arguments braces are text.

    Raises:
        MarkupError: a tag that cannot be read.
        NotText: a template for arguments that is no text.
        Exception: whatever formatting an argument raises, ValueError for a template that `str.format` would refuse.
    """
    tokens = Tokens()
    if args or kwargs:
        if not isinstance(template, str):
            raise NotText(
                f"a message with colors and arguments must be text, not '{type(template).__name__}'. Pass str(message)."
            )
        fields = _Fields(args, kwargs)
        for literal, name, spec, conversion in string.Formatter().parse(template):
            tokens.feed(literal)
            if name is not None:
                tokens.text(fields.value(name, spec or "", conversion))
    else:
        tokens.feed(str.__str__(str(template)))
    found = tokens.end()
    return plain(found), found


class _Fields:
    """Formats the fields of one template one by one, with the numbering that `str.format` gives them together."""

    def __init__(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self._args = args
        self._kwargs = kwargs
        self._next = 0
        self._is_manual: bool | None = None

    def value(self, name: str, spec: str, conversion: str | None) -> str:
        """One field, formatted."""
        name = self._numbered(name)
        if "{" in spec:
            spec = "".join(self._nested(*part) for part in string.Formatter().parse(spec))
        template = f"{{{name}{'!' + conversion if conversion else ''}:{spec}}}"
        return template.format(*self._args, **self._kwargs)

    def _nested(self, literal: str, name: str | None, spec: str | None, conversion: str | None) -> str:
        text = literal.replace("{", "{{").replace("}", "}}")
        if name is None:
            return text
        if "{" in (spec or ""):
            raise ValueError("Max string recursion exceeded")
        numbered = self._numbered(name)
        return f"{text}{{{numbered}{'!' + conversion if conversion else ''}{':' + spec if spec else ''}}}"

    def _numbered(self, name: str) -> str:
        head = re.split(r"[.\[]", name, maxsplit=1)[0]
        if head and not head.isdecimal():
            return name
        manual = bool(head)
        if self._is_manual is None:
            self._is_manual = manual
        if manual != self._is_manual:
            raise ValueError(
                "cannot switch from manual field specification to automatic field numbering"
                if self._is_manual
                else "cannot switch from automatic field numbering to manual field specification"
            )
        if manual:
            return name
        self._next += 1
        return f"{self._next - 1}{name}"
