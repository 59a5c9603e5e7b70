"""How one handler renders records: the switches of `add()` that have to do with text."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Immutable and picklable, for it travels to workers."""

    sanitize: bool = True
    """Whether control characters that came with data are shown escaped."""

    colorize: bool = False
    """Whether markup becomes escape sequences; else it is taken out."""

    serialize: bool = False
    """Whether the text becomes one line of JSON."""

    backtrace: bool = True
    """Whether tracebacks show the frames above the one that catches, too."""

    diagnose: bool = False
    """Whether tracebacks show the values of variables."""

    standard: bool = False
    """Whether the text is for a standard `logging` handler: no final newline, and one before the exception."""

    encoding: str = "utf8"
    """What the sink can show; it decides how the lines of `diagnose` are drawn."""

    def without_sanitizing(self) -> Look:
        """The same, for text that something else escapes."""
        return replace(self, sanitize=False)
