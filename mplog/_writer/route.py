"""A route: one handler as the processes of a session know it, by a number that stands in every record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mplog._capture import data
from mplog._capture.record import Message
from mplog._render.look import Look
from mplog._render.renderer import Renderer
from mplog._render.times import RecordTime
from mplog._ring.layout import DATA_RECORD, KIND_SPILLED_DATA
from mplog._sinks.file.options import FileOptions
from mplog._sinks.file.sink import FileSink, Line
from mplog._sinks.stream import StreamSink
from mplog._writer.outlet import Outlet

FILE, STREAM, CALL = "file", "stream", "call"


@dataclass(frozen=True, slots=True)
class RouteSpec:
    """What another process must know about a handler. Made by the owner, unpickled only by its own children."""

    id: int
    kind: str
    level: int
    as_data: bool
    """Whether records travel as data, because the sink wants them or because the filter or format cannot travel."""
    format: Any = None
    filter: Any = None
    look: Look = field(default_factory=Look)
    encoding: str = "utf8"
    file: FileOptions | None = None
    stream: str | None = None
    """Which standard stream, "stdout" or "stderr": a worker without owner has its own."""

    def encode(self, text: str) -> bytes:
        """Finished text as its sink's bytes. Raises UnicodeEncodeError only where the user's `errors` asks for it."""
        if self.file is not None:
            return self.file.text.encode(text)
        return text.encode(self.encoding, "backslashreplace")

    @property
    def asks_about_messages(self) -> bool:
        """Whether the file has rotation functions, which want the message and not only its bytes."""
        return self.file is not None and self.file.rotation is not None and bool(self.file.rotation.functions)


class Route:
    """A handler in the process that owns its sink. Used by the writer thread only, except where noted."""

    __slots__ = ("failed", "filtered", "outlet", "renderer", "sink", "spec", "written")

    def __init__(self, spec: RouteSpec, sink: FileSink | StreamSink, renderer: Renderer) -> None:
        self.spec = spec
        self.sink = sink
        self.renderer = renderer
        self.outlet = None if isinstance(sink, FileSink) else Outlet(sink, spec.id)
        self.written = 0
        self.filtered = 0
        self.failed = 0

    def text_of(self, kind: int, body: bytes) -> bytes | Message | None:
        """What the sink gets for one drained record; None when the owner's filter rejects it.

        Raises:
            Exception: whatever the user's filter or format raises; ValueError for bytes that are no record.
        """
        if kind not in (DATA_RECORD, KIND_SPILLED_DATA):
            return body if self.outlet is None else Message(body.decode(self.spec.encoding, "replace"))
        record, details = data.unpack(body, RecordTime.fromtimestamp)
        accept = self.renderer.accept
        if accept is not None and not accept(record):
            return None
        message = Message(self.renderer.text(record, details))
        message.record = record
        if self.outlet is not None:
            return message
        line = self.spec.encode(message)
        if self.spec.asks_about_messages:
            line = Line(line)
            line.message = message
        return line
