"""An exception's data as text: what stands for `{exception}`."""

from __future__ import annotations

import os.path
import re

from mplog._capture.frames import OMITTED, SHOWN, Frame
from mplog._capture.trace import CAUSE, DEEPEST, Error, Trace
from mplog._render.escape import escape
from mplog._render.look import Look
from mplog._render.ownership import is_own
from mplog._render.source import colored, painted

_HEADING = "Traceback (most recent call last):"
_SENTENCES = {
    True: "The above exception was the direct cause of the following exception:",
    False: "During handling of the above exception, another exception occurred:",
}
_FILE = re.compile(r'  File "(?P<file>.*?)", line (?P<line>\d+)(?:, in (?P<function>.*))?', re.DOTALL)

_RULER = 35
"""Characters between the exceptions of a group."""


def traceback_text(trace: Trace | None, look: Look) -> str:
    """The text for `{exception}` with a final newline, or "" without an exception. Never raises.

    With `look.sanitize` it is escaped already, for afterwards its own colours could not be told from what came with
    the data.
    """
    return "" if trace is None else _Text(look).of(trace.errors)


class _Text:
    """The making of one text: how things look, and whether a box of a group is still open."""

    __slots__ = ("_corner", "_encoding", "_look", "_open", "_pipe")

    def __init__(self, look: Look) -> None:
        self._look = look
        self._pipe, self._corner = _lines_for(look.encoding)
        self._open = False

    def of(self, errors: tuple[Error, ...]) -> str:
        """The whole text."""
        return "".join(self._chain(errors, 0))

    def _chain(self, errors: tuple[Error, ...], depth: int) -> list[str]:
        """Lines, each with its newline, indented as is due inside *depth* groups."""
        lines: list[str] = []
        for error in errors:
            if error.follows:
                blank = [""] * (2 if self._look.diagnose else 1)
                sentence = _SENTENCES[error.follows == CAUSE]
                lines += _boxed([*blank, self._paint(sentence, 1), *blank], depth)
            lines += self._group(error, depth) if error.group is not None else _boxed(self._error(error), depth)
        return lines

    def _group(self, error: Error, depth: int) -> list[str]:
        assert error.group is not None
        if depth > DEEPEST:
            return _boxed([f"... (max_group_depth is {DEEPEST})"], depth)
        is_top = depth == 0
        depth = depth or 1
        lines = _boxed(self._error(error), depth)
        if is_top and self._frames(error):
            lines[0] = lines[0].replace("|", "+", 1)
        chains = error.group
        count = len(chains) + (1 if error.more else 0)
        for number in range(count):
            is_last = number == count - 1
            if is_last:
                self._open = True
            label = str(number + 1) if number < len(chains) else "..."
            corner = "+-" if number == 0 else "  "
            lines.append(f"{'  ' * depth}{corner}+{f' {label} '.center(_RULER, '-')}\n")
            if number < len(chains):
                lines += self._chain(chains[number], depth + 1)
            else:
                lines += _boxed([f"and {error.more} more exceptions"], depth + 1)
            if is_last and self._open:
                lines.append(f"{'  ' * (depth + 1)}+{'-' * (_RULER + 1)}\n")
                self._open = False
        return lines

    def _frames(self, error: Error) -> list[tuple[Frame, bool]]:
        """The frames that are shown, each with whether it is marked."""
        frames = [(frame, False) for frame in error.frames]
        callers = [(frame, False) for frame in error.callers]
        if not self._look.backtrace or not error.marked:
            return callers[-1:] + frames if error.caught_above else frames
        caught = callers[-1:] if error.caught_above else frames[:1]
        marked = [(frame, True) for frame, _ in caught]
        return callers[:-1] + marked + frames if error.caught_above else callers + marked + frames[1:]

    def _error(self, error: Error) -> list[str]:
        """One exception: heading, frames, what it says. Lines without newline; some hold several."""
        lines: list[str] = []
        frames = self._frames(error)
        if frames:
            lines.append(self._paint(f"Exception Group {_HEADING}" if error.group is not None else _HEADING, 33, 1))
        after_own = bool(frames)  # What follows the heading has a blank line before it.
        repeated = 0
        last: tuple[str, int, str, bool] | None = None
        for frame, marked in frames:
            known_by = (frame.file, frame.line, frame.function, marked)
            if frame.function == OMITTED and not frame.file:
                lines += [*_repeats(repeated), f"  ... <{frame.times} frames left out>"]
                last, repeated = None, 0
                continue
            if known_by != last:
                lines += _repeats(repeated)
                last, repeated = known_by, 0
            repeated += frame.times
            if repeated > SHOWN:
                continue
            own = is_own(frame.file, self._look.libraries)
            if self._look.diagnose and (own or after_own):
                lines.append("")
            after_own = own
            lines += self._frame(frame, own=own, marked=marked)
        lines += _repeats(repeated)
        return lines + self._said(error, frames, after_own)

    def _frame(self, frame: Frame, *, own: bool, marked: bool) -> list[str]:
        lines = [f"{'>' if marked else ' '} {self._location(frame.file, str(frame.line), frame.function, own=own)}"]
        if frame.source:
            lines.append(f"    {self._source(frame.source, own=own)}")
            if self._look.diagnose:
                # A value may end in blank lines, which would look like those between frames.
                lines = "\n".join((*lines, *self._values(frame, own=own))).rstrip().split("\n")
        return lines

    def _location(self, file: str, line: str, function: str | None, *, own: bool) -> str:
        clean = self._clean
        name = clean(file)
        if own and self._look.colorize:
            directory, base = os.path.split(file)
            directory = file[: len(file) - len(base)]
            name = f"{painted(clean(directory), 32)}{painted(clean(base), 32, 1)}"
            line = painted(line, 33)
        text = f'File "{name}", line {line}'
        if function is None:
            return text
        shown = clean(function)
        return f"{text}, in {painted(shown, 35) if own and self._look.colorize else shown}"

    def _source(self, line: str, *, own: bool) -> str:
        return colored(line, self._clean) if own and self._look.colorize else self._clean(line)

    def _values(self, frame: Frame, *, own: bool) -> list[str]:
        """The values of the names in the source line, from the last to the first, each under its name."""
        paint = own and self._look.colorize
        columns = [len(self._clean(frame.source[: value.column])) for value in frame.values]
        lines = []
        for number in reversed(range(len(columns))):
            before = ""
            for column in columns[:number]:
                before = f"{before:<{column}}{self._pipe}"
            before = f"{before:<{columns[number]}}"
            for row, text in enumerate(self._clean(frame.values[number].text).split("\n")):
                drawn = f"{before}{self._corner if row == 0 else ' ' * len(self._corner)} "
                lines.append(f"    {painted(drawn, 36)}{painted(text, 36, 1)}" if paint else f"    {drawn}{text}")
        return lines

    def _said(self, error: Error, frames: list[tuple[Frame, bool]], after_own: bool) -> list[str]:
        """What the exception says: the context of a SyntaxError, the error line, notes."""
        lines: list[str] = []
        pieces = [self._clean(piece.removesuffix("\n")) for piece in error.lines]
        main = next((number for number, piece in enumerate(pieces) if piece[:1] not in (" ", "")), None)
        for number, piece in enumerate(pieces):
            location = _FILE.fullmatch(piece)
            if location is not None:
                own = is_own(location["file"], self._look.libraries)
                if self._look.diagnose and (own or after_own):
                    lines.append("")
                after_own = own
                lines.append(f"  {self._location(location['file'], location['line'], location['function'], own=own)}")
            elif number == main:
                if self._look.diagnose and frames:
                    lines.append("")
                lines.append(self._error_line(piece, error, frames))
            else:
                lines.append(piece)
        return lines

    def _error_line(self, piece: str, error: Error, frames: list[tuple[Frame, bool]]) -> str:
        source = frames[-1][0].source if frames else ""
        adds_source = self._look.diagnose and error.is_bare_assertion and source
        if self._look.colorize and error.has_type:
            kind, colon, text = piece.partition(":")
            piece = painted(kind, 31, 1) + (f":{painted(text, 1)}" if colon else "")
        return f"{piece}: {self._source(source, own=True)}" if adds_source else piece

    def _paint(self, text: str, *codes: int) -> str:
        return painted(text, *codes) if self._look.colorize else text

    def _clean(self, text: str) -> str:
        return escape(text) if self._look.sanitize else text


def _repeats(count: int) -> list[str]:
    more = count - SHOWN
    return [f"  [Previous line repeated {more} more time{'s' if more > 1 else ''}]"] if more > 0 else []


def _boxed(lines: list[str], depth: int) -> list[str]:
    """Lines with newlines, behind the left side of the box that groups make."""
    if not depth:
        return [f"{line}\n" for line in lines]
    side = f"{'  ' * depth}| "
    return [f"{side}{line}".rstrip() + "\n" for text in lines for line in text.split("\n")]


def _lines_for(encoding: str) -> tuple[str, str]:
    """The line and the corner that the values of `diagnose` hang on, as *encoding* can show them."""
    try:
        "│└".encode(encoding)
    except (LookupError, UnicodeError, TypeError):
        return "|", "->"
    return "│", "└"
