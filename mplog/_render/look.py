"""How one handler renders records: the switches of `add()` that have to do with text."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mplog._render.ownership import library_directories


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

    encoding: str = "utf8"
    """What the sink can show; it decides how the lines of `diagnose` are drawn."""

    standard: bool = False
    """Whether the text is for a standard `logging.Handler`, which ends lines itself."""

    libraries: tuple[str, ...] | None = None
    """Directories whose files are not the user's own; None for those that are found now, if they matter at all."""

    def __post_init__(self) -> None:
        if self.libraries is None:
            found = library_directories() if self.colorize or self.diagnose else ()
            object.__setattr__(self, "libraries", found)

    def without_sanitizing(self) -> Look:
        """The same, for text that something else escapes."""
        return replace(self, sanitize=False)
