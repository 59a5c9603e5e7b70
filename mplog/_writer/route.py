"""A route: one handler as the processes of a session know it, by a number that stands in every record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mplog._capture import data, patching
from mplog._capture.details import Details
from mplog._capture.patching import Patcher
from mplog._capture.record import Message
from mplog._render.look import Look
from mplog._render.renderer import Renderer
from mplog._render.times import RecordTime
from mplog._ring.layout import DATA_KINDS
from mplog._ring.wire import safe_repr
from mplog._sinks import report, signals
from mplog._sinks.file.options import FileOptions
from mplog._sinks.file.sink import FileSink
from mplog._sinks.file.turnover import Line
from mplog._sinks.message_sink import MessageSink
from mplog._writer.outlet import Outlet

LONGEST_SHOWN = 100_000
"""Bytes of a record that a report shows, or says what it can be."""


@dataclass(frozen=True, slots=True)
class RouteSpec:
    """What another process must know about a handler. Made by the owner, unpickled only by its own children."""

    id: int
    kind: str
    level: int
    as_data: bool
    """Whether records travel as data, because the sink wants them or because the filter or format cannot travel."""
    is_whole: bool = True
    """Whether filter and format are here, rather than only with the owner, so that texts can be made here."""
    format: Any = None
    filter: Any = None
    look: Look = field(default_factory=Look)
    encoding: str = "utf8"
    file: FileOptions | None = None
    stream: str | None = None
    """Which standard stream, "stdout" or "stderr": a worker without owner has its own."""
    name: str = ""
    """How `repr(logger)` names the sink."""

    def encode(self, text: str) -> bytes:
        """Finished text as its sink's bytes. Raises UnicodeEncodeError only where the user's `errors` asks for it."""
        if self.file is not None:
            return self.file.text.encode(text)
        return text.encode(self.encoding, "backslashreplace")

    @property
    def target(self) -> str:
        """What the handler writes to, for those who read of its trouble: the path of a file, as far as it is fixed."""
        return self.name if self.file is None else self.file.template.pattern

    @property
    def asks_about_messages(self) -> bool:
        """Whether the file has rotation functions, which want the message and not only its bytes."""
        return self.file is not None and self.file.rotation is not None and bool(self.file.rotation.functions)


class Route:
    """A handler in the process that owns its sink. Used by the writer thread only, except where noted."""

    __slots__ = ("_line_end", "failed", "filtered", "outlet", "patcher", "renderer", "sink", "spec", "written")

    def __init__(self, spec: RouteSpec, sink: FileSink | MessageSink, renderer: Renderer) -> None:
        self.spec = spec
        self.sink = sink
        self.renderer = renderer
        self.patcher: Patcher | None = None
        """The owner's, for records whose process could not run it."""
        self.outlet = None if isinstance(sink, FileSink) else Outlet(sink, spec.id)
        self._line_end = b"" if spec.file is None or renderer.template is None else spec.file.text.end
        """What each record from a ring ends with, in a file whose format says so."""
        self.written = 0
        self.filtered = 0
        self.failed = 0

    def ended(self, text: bytes) -> bytes:
        """*text* from a ring, for the file, as a line that is ended: what one process leaves open, the next record, of
        another one, would go on. The format of a function may end its records as it likes."""
        if not self._line_end or text.endswith(self._line_end):
            return text
        if not isinstance(text, Line):
            return text + self._line_end
        line = Line(text + self._line_end)
        line.message = text.message
        return line

    def text_of(self, kind: int, body: bytes, *, asked: bool = False) -> bytes | Message | None:
        """What the sink gets for one drained record; None when the owner's filter rejects it.

        Args:
            asked: the filter has let it through before.

        Raises:
            Exception: whatever the user's filter raises; ValueError for bytes that are no record.
        """
        if kind not in DATA_KINDS:
            return body if self.outlet is None else Message(body.decode(self.spec.encoding, "replace"))
        signals.open_up()  # Filter, format and patcher may be the user's own.
        record, details = data.unpack(body, RecordTime.fromtimestamp)
        if details.unpatched and self.patcher is not None:
            details = self._patched(record, details, self.patcher)
        text = details.text
        if text is None:
            accept = self.renderer.accept
            if accept is not None and not asked and not accept(record):
                return None
            text = self.renderer.text(record, details, self._unformatted)
        message = Message(text)
        message.record = record
        if self.outlet is not None:
            return message
        line = self.spec.encode(message)
        if self.spec.asks_about_messages:
            line = Line(line)
            line.message = message
        return line

    def record_of(self, kind: int, body: bytes, who: str) -> dict[str, Any] | str:
        """One drained record of the process *who*, for a report. Never raises."""
        if len(body) > LONGEST_SHOWN:
            return f"{len(body)} bytes of {who}"  # Others would wait while they are read once more.
        try:
            if kind in DATA_KINDS:
                return data.unpack(body, RecordTime.fromtimestamp)[0]
            return f"{body.decode(self.spec.encoding, 'replace')!r} of {who}"
        except Exception as error:  # noqa: BLE001 - what the report is about, perhaps
            return f"{len(body)} bytes of {who} that are no record ({safe_repr(error, 200)})"

    def _unformatted(self, record: dict[str, Any], error: Exception) -> None:
        report.error_in_handler(self.spec.id, record, error, sink=self.spec.target)

    def _patched(self, record: dict[str, Any], details: Details, patcher: Patcher) -> Details:
        text = record["message"]
        error = patching.patch(record, patcher)
        if error is not None:
            report.once(
                f"patcher of {self.spec.id}",
                f"the patcher {safe_repr(patcher, 200)} failed with {safe_repr(error, 1000)} for a record of another "
                "process. The record is logged as far as it was patched.",
                counted=True,
            )
            patching.mark(record, error)
        return details if record.get("message") == text else details._replace(colored=None)
