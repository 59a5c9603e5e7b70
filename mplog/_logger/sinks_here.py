"""Sinks that this process opens: files of its own handlers, and, when an owner is gone, what it can serve of its ones.

A file is opened with what killed programs left unfinished in it put right.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable

from mplog._logger.handler import Handler
from mplog._render.renderer import Renderer
from mplog._session import losses, recovery, settling, sweeping
from mplog._session.link import Link
from mplog._sinks import report
from mplog._sinks.file.sink import FileSink
from mplog._sinks.kinds import STREAM, open_sink
from mplog._sinks.message_sink import MessageSink
from mplog._writer.route import Route, RouteSpec


def route_maker(spec: RouteSpec, sink: FileSink, renderer: Renderer) -> Callable[[int], Route]:
    """What makes the route to *sink* under the number that another session has for it."""
    return lambda number: Route(dataclasses.replace(spec, id=number), sink, renderer)


def routes_without_owner(handlers: dict[int, Handler], link: Link) -> dict[int, Route]:
    """The sinks that this process can serve by itself, for records that went to the owner of *link*."""
    routes: dict[int, Route] = {}
    for handler in list(handlers.values()):
        if handler.link is not link:
            continue
        try:
            sink = sink_here(handler)
        except OSError as error:
            report.once(
                f"orphan open {handler.spec.id}",
                f"handler {handler.spec.id} cannot open its file here: {error}. What this process logs there from now "
                "on is lost. Let it write there; what waits already, `mplog recover` writes as a user who may.",
            )
            continue
        if sink is not None:
            routes[handler.spec.id] = Route(handler.spec, sink, handler.renderer)
    return routes


def file_sink(spec: RouteSpec, renderer: Renderer) -> FileSink:
    """The file of *spec*, opened, which puts right what killed sessions left unfinished in it. Raises OSError."""
    assert spec.file is not None
    sink = FileSink(spec.file, spec.id)

    def settle(fd: int) -> None:
        settling.settle_all(sink, fd, route_maker(spec, sink, renderer))

    sink.settle = settle
    sink.restored = lambda text: losses.say(Route(spec, sink, renderer), text, direct=True)
    return sink


def recover(sink: FileSink, renderer: Renderer, spec: RouteSpec) -> None:
    """Write what a dead program left for the file of *sink*, before anything new. Never raises."""
    try:
        recovery.recover_file(sink, route_maker(spec, sink, renderer))
        if sink.shared:
            sweeping.sweep()
    except Exception as error:  # noqa: BLE001 - old records must not keep a new program from logging
        report.once(
            "recover",
            f"records of an ended program could not be written to {sink.path}: {error!r}. They are kept; put that "
            "right, then run `mplog recover`.",
        )


def sink_here(handler: Handler) -> FileSink | MessageSink | None:
    """The sink of a remote handler as this process has it; None where it was code of the owner. Raises OSError."""
    spec, sink = handler.spec, handler.sink
    if spec.file is not None:
        if sink is None:
            file = dataclasses.replace(spec.file, mode="a")
            try:
                sink = file_sink(dataclasses.replace(spec, file=file), handler.renderer)
            except PermissionError:  # Perhaps it has given up the rights for some time only.
                sink = file_sink(
                    dataclasses.replace(spec, file=dataclasses.replace(file, delay=True)), handler.renderer
                )
            sink.of_orphan = True
        assert isinstance(sink, FileSink)
        sink.archiver.background = False
        sink.closed = False
        return sink
    stream = None if spec.stream is None else getattr(sys, spec.stream)
    if stream is not None:
        return open_sink(STREAM, stream, number=handler.id, catch=True, follows=handler.auto)
    return None
