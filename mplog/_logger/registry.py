"""The registry: what an owner publishes of its configuration, and what a worker makes of it.

It is made by a process's own ancestor and lies in a directory that only this user can enter; nothing that a worker
wrote is ever unpickled.
"""

from __future__ import annotations

import dataclasses
import os
import pickle
import sys
from typing import Any

from mplog._logger.handler import Handler
from mplog._logger.levels import Level
from mplog._render.renderer import Renderer
from mplog._session import recovery
from mplog._session.link import Link
from mplog._session.place import REGISTRY, Place
from mplog._sinks import report
from mplog._sinks.file.sink import FileSink
from mplog._sinks.stream import StreamSink
from mplog._writer.route import CALL, FILE, STREAM, Route, RouteSpec


def pack(levels: dict[str, Level], specs: list[RouteSpec]) -> dict[str, Any]:
    """What `Host.publish` writes down; see `read`."""
    return {"levels": dict(levels), "routes": [_portable(spec) for spec in specs]}


def read(place: Place) -> tuple[dict[str, Level], list[RouteSpec]] | None:
    """The levels and handlers that the owner of *place* published last; None when it is gone with its session."""
    try:
        with open(os.path.join(place.path, REGISTRY), "rb") as file:
            found = pickle.load(file)
    except (OSError, pickle.UnpicklingError, EOFError):
        return None
    return found["levels"], [_unpacked(packed) for packed in found["routes"]]


def remote_handler(spec: RouteSpec, link: Link) -> Handler:
    """A handler whose sink is in the process at the other end of *link*."""
    renderer = Renderer(spec.format or "{message}", spec.filter, spec.look)
    name = f"'{spec.file.template.pattern}'" if spec.file is not None else f"<{spec.stream or spec.kind}>"
    return Handler(spec, renderer, None, name=name, link=link)


def routes_without_owner(handlers: dict[int, Handler], link: Link) -> dict[int, Route]:
    """The sinks that this process can serve by itself, for records that went to the owner of *link*."""
    routes: dict[int, Route] = {}
    for handler in list(handlers.values()):
        if handler.link is not link:
            continue
        try:
            sink = _sink_here(handler)
        except OSError as error:
            report.once(
                f"orphan open {handler.spec.id}", f"handler {handler.spec.id} cannot open its file here: {error}"
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
        recovery.settle_all(sink, fd, lambda route: Route(dataclasses.replace(spec, id=route), sink, renderer))

    sink.settle = settle
    return sink


def _sink_here(handler: Handler) -> FileSink | StreamSink | None:
    """The sink of a remote handler as this process has it; None where it was code of the owner."""
    spec, sink = handler.spec, handler.sink
    if spec.file is not None:
        if sink is None:
            sink = file_sink(dataclasses.replace(spec, file=dataclasses.replace(spec.file, mode="a")), handler.renderer)
        assert isinstance(sink, FileSink)
        sink.archiver.background = False
        sink.closed = False
        return sink
    if spec.stream is not None:
        return StreamSink(getattr(sys, spec.stream), is_function=False)
    return None


def same_sink(handler: Handler, remote: list[Handler]) -> Handler | None:
    """The owner's handler for the same file, standard stream or function, if there is one."""
    wanted = _target_of(handler)
    return next((other for other in remote if wanted is not None and _target_of(other) == wanted), None)


def _target_of(handler: Handler) -> tuple[str, str] | None:
    spec = handler.spec
    if spec.file is not None:
        return FILE, os.path.abspath(spec.file.template.pattern)
    if spec.stream is not None:
        return STREAM, spec.stream
    return (CALL, handler.name) if spec.kind == CALL else None


def _portable(spec: RouteSpec) -> tuple[bytes, bytes]:
    """*spec* as bytes for other interpreters: as it is where that can travel, and without any callable.

    In the second form filter and format stay with the owner, who gets records as data.
    """
    file = spec.file
    if file is not None:
        file = dataclasses.replace(file, opener=None)
        for name in ("rotation", "retention", "compression"):
            if not _travels(getattr(file, name)):
                file = dataclasses.replace(file, **{name: None})  # type: ignore[arg-type]  # one name at a time
    needs_owner = spec.as_data or callable(spec.format) or callable(spec.filter)
    plain = dataclasses.replace(
        spec,
        format=None if callable(spec.format) else spec.format,
        filter=None if callable(spec.filter) else spec.filter,
        as_data=needs_owner,
        file=file,
    )
    bare = pickle.dumps(plain)
    return (pickle.dumps(spec) if _travels(spec) else bare), bare


def _travels(value: object) -> bool:
    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001 - whatever a user's callable raises when it is pickled
        return False
    return True


def _unpacked(packed: tuple[bytes, bytes]) -> RouteSpec:
    """The spec that `_portable` made; a callable that cannot be found here (yet) leaves its work to the owner."""
    spec: RouteSpec
    try:
        spec = pickle.loads(packed[0])
    except Exception:  # noqa: BLE001 - importing a user's module may raise anything
        spec = pickle.loads(packed[1])
    return spec
