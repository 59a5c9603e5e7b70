"""What `add()` was told about a file, once it has been checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mplog._sinks.file.compression import Compression
from mplog._sinks.file.names import Endings
from mplog._sinks.file.naming import PathTemplate
from mplog._sinks.file.retention import Retention
from mplog._sinks.file.rotation import Rotation
from mplog._sinks.file.text import TextForm


@dataclass(frozen=True, slots=True)
class FileOptions:
    """Immutable; can be pickled when its functions can."""

    template: PathTemplate
    mode: str = "a"
    text: TextForm = field(default_factory=TextForm)
    rotation: Rotation | None = None
    retention: Retention | None = None
    compression: Compression | None = None
    permissions: int | None = None
    delay: bool = False
    watch: bool = False
    buffering: int = 1
    """As for the built-in `open`, which gets it; records are written at once whatever it is."""

    opener: Callable[[str, int], int] | None = None
    coordination_dir: str | None = None
    """Where the lock of the file is taken in its stead, by all users who write it."""

    @property
    def ends_with_handler(self) -> bool:
        """Whether the end of the handler is the end of the file: nothing else says when old files are dealt with."""
        return self.rotation is None and (self.compression is not None or self.retention is not None)

    @property
    def gathers(self) -> bool:
        """Whether processes must find the current file of one log by more than its name."""
        return self.rotation is not None and not self.template.is_plain and self.opener is None

    @property
    def endings(self) -> Endings:
        """What archives of this handler are called."""
        if self.compression is None:
            return Endings()
        return Endings(
            live=self.compression.suffix if self.ends_with_handler else "", any=self.compression.function is not None
        )
