"""What becomes of old log files: what ``compression=`` of ``add()`` may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from mplog._render.nearest import nearest
from mplog._sinks.file import codec

CompressionFunction = Callable[[str], Any]
"""``f(path)``: does with the closed file what it likes; its result is ignored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compression:
    """A format or a function, never both. Immutable; can be pickled when its function can."""

    format: str = ""
    """One of `codec.FORMATS`, empty for a function."""

    function: CompressionFunction | None = None

    def __str__(self) -> str:
        return self.format or "a function"

    @property
    def suffix(self) -> str:
        """What an archive's name has more than its source's, such as ``.gz``; empty for a function."""
        return f".{self.format}" if self.format else ""


def parse_compression(value: object) -> Compression | None:
    """Read what ``add(compression=)`` was given; None leaves old files as they are.

    Accepts the name of a format, leading dots and surrounding spaces allowed, or a function of the path.

    Raises:
        TypeError: for any other type.
        ValueError: for an unknown format.
        ImportError: when this interpreter lacks the format's module.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return Compression(format=_known_format(value))
    if callable(value):
        return Compression(function=value)
    raise TypeError(
        f"Cannot infer compression for objects of type: '{type(value).__name__}' (got {value!r}). "
        f"Pass one of {', '.join(codec.FORMATS)}, or a function of the path."
    )


_ALIASES: Final = {
    "gzip": "gz",
    "bzip2": "bz2",
    "bzip": "bz2",
    "bz": "bz2",
    "tgz": "tar.gz",
    "tbz2": "tar.bz2",
    "txz": "tar.xz",
}
"""What formats are called elsewhere."""


def _known_format(text: str) -> str:
    name = text.strip().lstrip(".")
    if name not in codec.FORMATS:
        raise ValueError(
            f"Invalid compression format: '{name}'. Use one of {', '.join(codec.FORMATS)} (in lower case), "
            f"or pass a function of the path.{nearest(name, codec.FORMATS, _ALIASES)}"
        )
    codec.load_modules(name)
    return name
