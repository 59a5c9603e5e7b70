"""A handler: one `add()`, with the way its records go."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from mplog._capture import data
from mplog._capture.details import Details
from mplog._capture.record import Message
from mplog._logger.nesting import making
from mplog._render.line import TimeText
from mplog._render.renderer import Renderer
from mplog._ring.clock import monotonic
from mplog._ring.layout import DATA_RECORD, HIGHEST_LEVEL, LOG
from mplog._session.account import Account
from mplog._session.link import Link
from mplog._session.spills import LARGEST, Shorten
from mplog._sinks import report
from mplog._sinks.file.sink import FileSink
from mplog._sinks.kinds import FILE
from mplog._sinks.message_sink import MessageSink
from mplog._sinks.stream import StreamSink
from mplog._writer.route import Route, RouteSpec

Emit = Callable[[str, float, int], object]
"""(finished text, epoch seconds, level number): the last step of the fast way."""


class _Count:
    """A number that several threads may add one to, be it from a signal handler."""

    __slots__ = ("_lock", "value")

    def __init__(self) -> None:
        self.value = 0
        self._lock = threading.RLock()

    def add(self) -> None:
        with self._lock:
            self.value += 1


class Handler:
    """Where records go from this process: to a sink here, or through a link to the process that owns the sink.

    Immutable but for `link`, which a fork or the end of a session changes under the configuration lock, and for counts.
    """

    __slots__ = ("_clock", "auto", "catch", "id", "level", "link", "name", "renderer", "sink", "spec", "unmade")

    def __init__(
        self,
        spec: RouteSpec,
        renderer: Renderer,
        sink: FileSink | MessageSink | None,
        *,
        name: str,
        catch: bool = True,
        link: Link | None = None,
        visible_id: int | None = None,
        auto: bool = False,
    ) -> None:
        self.spec = spec
        self.renderer = renderer
        self.sink = sink
        self.name = name
        self.catch = catch
        self.link = link
        self.level = spec.level
        self.id = spec.id if visible_id is None else visible_id
        self.auto = auto
        self.unmade = _Count()
        """How many records could not be made what the sink wants, by this handler and its copies of other names."""
        template = renderer.template
        self._clock = TimeText(template.time_spec) if template is not None and template.time_spec else None

    @property
    def clock(self) -> TimeText | None:
        """The time text of this handler's lines; None when its format has no fast way."""
        return self._clock

    def known_as(self, visible: int) -> Handler:
        """A copy that is known under the id *visible* in this process."""
        return self._copy(self.spec, self.link, visible)

    def through(self, link: Link | None, number: int) -> Handler:
        """A copy whose records go through *link*, where it is known as *number*, or, with None, to its sink here."""
        return self._copy(dataclasses.replace(self.spec, id=number), link, self.id)

    def _copy(self, spec: RouteSpec, link: Link | None, visible: int) -> Handler:
        made = Handler(
            spec,
            self.renderer,
            self.sink,
            name=self.name,
            catch=self.catch,
            link=link,
            visible_id=visible,
            auto=self.auto,
        )
        made.unmade = self.unmade
        return made

    def count_anew(self) -> None:
        """In a forked child: what was counted so far is the parent's."""
        self.unmade = _Count()

    def route(self) -> Route:
        """This handler as other processes reach it. Only where the sink is."""
        assert self.sink is not None
        return Route(self.spec, self.sink, self.renderer)

    def emitter(self) -> Emit | None:
        """The fast last step for finished text, or None when this handler needs the whole record."""
        encoding, file = self.spec.encoding, self.spec.file
        if encoding.lower().replace("-", "") != "utf8" or (file is not None and not file.text.is_plain):
            return None
        # Text that comes this way is printable, so it has no surrogates, and UTF-8 takes all of it.
        if self.link is not None:
            if self.spec.as_data:
                return None
            return self.link.emitter(self.spec.id)
        sink = self.sink
        if isinstance(sink, FileSink):
            rotation = sink.options.rotation
            if rotation is not None and rotation.functions:
                return None
            write = sink.write

            def to_file(text: str, now: float, _level: int) -> object:
                return write(text.encode(), now)

            return to_file
        if isinstance(sink, StreamSink) and sink.takes_text:
            # Nobody can look at the record behind the text of a real text stream.
            return lambda text, _now, _level: sink.write(Message(text))
        return None

    def _unformatted(self, record: dict[str, Any], error: Exception) -> None:
        """The format is of no use for *record*: say so, unless the caller wants to have the *error*."""
        if not self.catch:
            raise error
        report.error_in_handler(self.id, record, error, sink=self.spec.target)

    def handle(self, record: dict[str, Any], details: Details) -> None:
        """The whole way: filter, render, deliver. Whatever a user's filter or the sink raises passes through.

        What a format raises does only without `catch`; else its record has a plain line with a mark.
        """
        link, kind, body, text = self.link, LOG, b"", ""
        shorten: Shorten | None = None
        depth = making.depth
        making.depth = depth + 1
        try:
            level, now = record["level"].no, record["time"].timestamp()
            if link is not None and (details.unpatched or not self.spec.is_whole):
                shorten = packed = partial(data.pack, record, details)
                body, kind = packed(), DATA_RECORD
            else:
                accept = self.renderer.accept
                if accept is not None and not accept(record):
                    return
                if link is not None and not self.spec.as_data:
                    shorten = partial(self.renderer.bounded, record, details, self.spec.encode, self._unformatted)
                    body = shorten(LARGEST)
                else:
                    text = self.renderer.text(record, details, self._unformatted)
                    if link is not None:
                        # The text is made here, of the values themselves; what travels of some of them is their `repr`.
                        shorten = packed = partial(data.pack, record, details._replace(text=text))
                        body, kind = packed(), DATA_RECORD
                    elif self.spec.kind == FILE:
                        body = self.spec.encode(text)
        except BaseException:
            self.unmade.add()
            raise
        finally:
            making.depth = depth
        if link is not None:
            link.push(now, self.spec.id, min(level, HIGHEST_LEVEL), body, kind, shorten)
        elif isinstance(self.sink, FileSink):
            message = None
            if self.spec.asks_about_messages:
                message = Message(text)
                message.record = record
            self.sink.write(body, now, message)
        elif self.sink is not None:
            message = Message(text)
            message.record = record
            self.sink.write(message)

    def account(self) -> Account:
        """What has become of the records that this process has given to this handler without a queue in between."""
        unmade, sink = self.unmade.value, self.sink
        made = Account(emitted=unmade, failed=unmade)
        if sink is None:
            return made
        # What is settled first: a call that comes meanwhile is in flight then.
        settled = sink.written, sink.dropped, 0, sink.failed
        return made + Account(sink.emitted, *settled)

    @property
    def rotations(self) -> int:
        """How many rotations of its file this process has made."""
        return self.sink.rotations if isinstance(self.sink, FileSink) else 0

    def close(self, *, patient: bool = False, deadline: float | None = None) -> None:
        """Stop the sink, if it is here. Its errors pass through.

        Args:
            patient: wait for a message in progress, however long it takes; else seconds.
            deadline: `monotonic()` until which it may take; None: as long as an archive in progress may.
        """
        until = monotonic() + 30.0 if deadline is None else deadline
        if isinstance(self.sink, MessageSink):
            self.sink.close(until, patient=patient)
        elif self.sink is not None:
            self.sink.close(until)
