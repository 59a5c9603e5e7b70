"""The core: handlers, levels and sessions of one process, behind all views of the logger.

Calls read `state` without a lock. Everything that changes it holds the configuration lock and swaps it whole.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
from collections.abc import Callable
from typing import Any

from mplog._capture import process
from mplog._logger import levels as level_table
from mplog._logger import options, registry
from mplog._logger.company import Company
from mplog._logger.differing import say as say_differing
from mplog._logger.handler import Handler
from mplog._logger.levels import Level
from mplog._logger.options import Given
from mplog._logger.settings import Settings, Versions
from mplog._logger.state import STILL, State
from mplog._render.markup import level_color
from mplog._render.renderer import Renderer
from mplog._ring.clock import monotonic
from mplog._ring.layout import GENERATION
from mplog._session import announce, attach, directory, exit, losses, recovery
from mplog._session.account import Account
from mplog._session.host import Host, authkeys
from mplog._session.identity import myself
from mplog._session.link import Link
from mplog._session.orphan import Orphan
from mplog._session.place import Place
from mplog._session.queue_options import QueueOptions
from mplog._sinks import report
from mplog._sinks.file import claim
from mplog._sinks.file.sink import FileSink
from mplog._sinks.kinds import open_sink, shown_name
from mplog._sinks.message_sink import MessageSink, Unfinished
from mplog._writer.route import COROUTINE, FILE, Route, RouteSpec

HOSTING_BOUND = 0.2
"""Seconds that a process which gets workers waits for the stranger whose guest it was."""

WRITING = "mplog-"
"""How the names of the threads begin that bring records to sinks: the writer's and the outlets'."""


class Core:
    """All configuration of one process. Safe from any thread; takes part in forks."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._handlers: dict[int, Handler] = {}
        self._next_id = 0
        self.levels: dict[str, Level] = dict(level_table.AT_IMPORT)
        self._levels_said: dict[bytes, dict[str, Level]] = {}
        """What each session said last, so that only what its owner changes replaces what a worker has."""
        self._settings = Settings()
        self._settings_seen: dict[bytes, Versions] = {}
        """The versions of each session's settings that this process has."""
        self.serves = False
        """Whether this is the core that children of this process are served by."""
        self.catching = threading.local()
        """Whether the calling thread is logging because of a `catch()`."""
        self._host: Host | None = None
        self._links: dict[bytes, Link] = {}
        self.removed = Account()
        """Of the records that went straight to sinks that are removed."""
        self.rotations_removed = 0
        self._company = Company(self)
        self._lingering: list[Handler] = []
        """Removed handlers whose files are still served for strangers."""
        self._gone: set[tuple[bytes, int]] = set()
        """Handlers of other processes that `remove()` took away in this one."""
        self._provisional = False
        self._forking = threading.local()
        self.state = State((), self.levels, self._settings)

    def duplicate(self, handler_copy: Callable[[Handler], Handler], value_copy: Callable[[Any], Any]) -> Core:
        """An independent core; see copies.py. Whatever *handler_copy* raises passes through."""
        with self._lock:
            if self._provisional:
                self._settle_locked()
            made = Core()
            made._next_id = self._next_id
            made.levels = dict(self.levels)
            made._levels_said = dict(self._levels_said)
            made._settings = dataclasses.replace(
                self._settings,
                extra={key: value_copy(value) for key, value in self._settings.extra.items()},
                patcher=value_copy(self._settings.patcher),
            )
            made._settings_seen = dict(self._settings_seen)
            made._links = {
                key: link
                for key, link in self._links.items()
                if self._host is None or link.place is not self._host.place
            }
            made._gone = set(self._gone)
            made._handlers = {number: handler_copy(handler) for number, handler in self._handlers.items()}
            made._swap()
            return made

    # Configuration

    def add(
        self,
        sink: Any,
        given: Given,
        *,
        auto: bool = False,
    ) -> int:
        """One `add()`; see Logger.add for the arguments. Everything is checked before anything is opened."""
        with self._lock:
            identifier = self._next_id  # Used up, whatever comes.
            self._next_id += 1
        spec, renderer = options.check(sink, given, identifier, self.levels)
        kind, catch = spec.kind, given.catch
        with self._lock:
            if not self._provisional and attach.bootstrapping():
                self._provisional = True
            name = shown_name(sink, kind)
            target: FileSink | MessageSink | None = None
            if kind != FILE:
                loop = options.loop_for(given) if kind == COROUTINE else None
                target = open_sink(kind, sink, number=identifier, catch=bool(catch), loop=loop, follows=auto)
            elif not self._provisional or self._host is not None:
                target = self._open_file(spec, renderer)
            handler = Handler(spec, renderer, target, name=name, catch=catch, auto=auto)
            self._handlers[spec.id] = handler
            if given.enqueue and not self._provisional:
                self._enqueue(handler)
            self._swap()
            if self._host is not None:
                self._serve(handler)
                self._publish()
        return spec.id

    def _open_file(self, spec: RouteSpec, renderer: Renderer) -> FileSink:
        sink = registry.file_sink(spec, renderer)
        self._recover(sink, renderer, spec)
        if self.serves:
            sink.company = self._company.meet
        return sink

    def _recover(self, sink: FileSink, renderer: Renderer, spec: RouteSpec) -> None:
        """Write what a dead program left for this file, before anything new."""
        try:
            recovery.recover_file(sink, lambda route: Route(dataclasses.replace(spec, id=route), sink, renderer))
        except Exception as error:  # noqa: BLE001 - old records must not keep a new program from logging
            report.once("recover", f"records of an ended program could not be written to {sink.path}: {error!r}")

    def _enqueue(self, handler: Handler) -> None:
        host = self._make_host()
        if host is not None:
            self._serve(handler)
            if handler.spec.id not in host.routes:
                return  # There is no room for its slot, which was said; it writes directly.
            handler.link = self._links.setdefault(
                host.place.id, Link(host.place, self._adopt, host.doorbell, self.queue_options)
            )
            host.writer.start()

    def remove(self, handler_id: int | None) -> None:
        """One `remove()`. Raises ValueError for an id that is not there; errors of a sink's stop pass through."""
        with self._lock:
            if handler_id is not None and handler_id not in self._handlers:
                raise ValueError(
                    f"There is no existing handler with id {handler_id}. Present are {sorted(self._handlers)}."
                )
            chosen = list(self._handlers) if handler_id is None else [handler_id]
            # A sink that asks must not wait for another thread's, which may be waiting for it.
            inside = any(
                isinstance(handler.sink, MessageSink) and handler.sink.is_in_this_thread
                for handler in self._handlers.values()
            )
        for number in chosen:
            with self._lock:
                if number in self._handlers:
                    self._company.leave(self._handlers[number])
                handler = self._handlers.pop(number, None)
                if handler is None:  # Another thread was first.
                    continue
                if handler.link is not None and self._host is None:
                    self._gone.add((handler.link.place.id, handler.spec.id))
                self._swap()
            self._retire(handler, patient=not inside)

    def _retire(self, handler: Handler, *, patient: bool) -> None:
        """Without the lock: the writer may be inside of a user's function that asks this core for something.

        Args:
            patient: let a message in progress take its time. One that comes from a queue has had some already.
        """
        host = self._host
        served = host is not None and handler.spec.id in host.routes
        if host is not None and served:
            if host.is_joined(handler.spec.id):
                with self._lock:
                    self._lingering.append(handler)
                    self._publish()
                return
            host.remove(handler.spec.id)
            with self._lock:
                if self._host is host:
                    self._publish()
        try:
            if handler.link is None or host is not None:
                handler.close(patient=patient and not served)
        finally:
            with self._lock:
                self.removed += handler.account()
                self.rotations_removed += handler.rotations

    def level(self, name: str, no: int | None, color: str | None, icon: str | None) -> Level:
        """Get, create or change a level; calls see it at once. See Logger.level."""
        if no is None and color is None and icon is None:
            return level_table.get_or_change(self.levels, name, None, None, None)  # Formats ask for it, in any thread.
        with self._lock:
            made = level_table.get_or_change(self.levels, name, no, color, icon)
            if made != self.levels.get(name):
                level_color(made.color)
                self.levels = {**self.levels, name: made}
                self._changed()
            return made

    def set(self, name: str, value: Any) -> None:
        """Set one of the settings; see settings.py for their names."""
        with self._lock:
            if name == "patcher" and self._host is not None and self._settings.patcher is not None:
                # What workers have left for the patcher that goes, it does first.
                self._host.writer.finish(self.queue_options().shutdown_timeout)
            self._settings = self._settings.changed(name, value)
            self._changed()

    def queue_options(self) -> QueueOptions:
        """The queue options as they are now."""
        return self._settings.queue

    def set_queue(self, options: QueueOptions) -> None:
        """Let queues behave so; a session that runs stays where it is.

        Raises:
            ValueError: a session runs in another runtime directory.
        """
        with self._lock:
            if self._host is not None and options.runtime_directory != self._settings.queue.runtime_directory:
                raise ValueError(
                    f"'runtime_directory' cannot be changed to {options.runtime_directory!r}: the queues of this "
                    f"process are in {self._host.place.path} already. Configure it before the first child process "
                    "and the first enqueue=True."
                )
            self.set("queue", options)
            if self.serves:
                directory.choose(options.runtime_directory)

    def set_activation(self, name: str | None, enabled: bool) -> None:
        """One `enable()` or `disable()`."""
        with self._lock:
            self.set("activation", self._settings.activation.changed(name, enabled))

    def _changed(self) -> None:
        """Let calls here and in workers see what has changed."""
        self._swap()
        if self._host is not None:
            self._publish()

    def _swap(self, generation: int | None = None) -> None:
        """Make the present configuration the one that calls see.

        Args:
            generation: the number of the owner's registry that it comes from, read before that; None: unchanged.
        """
        losses.level_names.update({level.no: level.name for level in self.levels.values()})
        words: Any = STILL
        leader = self._leader()
        if leader is not None:
            words = leader.words
            if generation is None:
                generation = self.state.generation if self.state.words is words else words[GENERATION]
        self.state = State(
            tuple(self._handlers[number] for number in sorted(self._handlers)),
            self.levels,
            self._settings,
            words,
            generation or 0,
            self._provisional,
        )

    def _leader(self) -> Link | None:
        """The link to the owner whose changes this process follows."""
        for link in self._links.values():
            if self._host is None or link.place is not self._host.place:
                return link
        return None

    @property
    def host(self) -> Host | None:
        """This process's own session, if it has one."""
        return self._host

    def links(self) -> list[Link]:
        """The ways of this process to sessions, its own and those of strangers included."""
        return [*self._links.values(), *self._company.links()]

    def handlers(self) -> list[Handler]:
        """The handlers in order of addition."""
        return [self._handlers[number] for number in sorted(self._handlers)]

    # Sessions: the owner's side

    def _make_host(self) -> Host | None:
        """The session of this process; None (said once) where no runtime directory can be used."""
        if self._host is not None:
            self._host.renew()
            return self._host
        self._company.leave_all(HOSTING_BOUND)
        try:
            host = Host(myself(), self.queue_options)
        except OSError as error:
            report.once(
                "no session",
                f"{error} Until then each process appends to its files by itself.",
            )
            return None
        self._host = host
        for handler in self.handlers():
            self._serve(handler)
        self._publish()
        if self.serves:
            announce.announce(self._session_paths())
        return host

    # For company.py: what a change to a stranger's session needs

    @property
    def is_changing(self) -> bool:
        """Whether the calling thread holds the configuration lock, so that nothing else may be changed by it now."""
        return bool(self._lock._is_owned())  # type: ignore[attr-defined]  # as threading.Condition does

    def try_change(self) -> bool:
        """Take the configuration lock if it is free; `end_change` gives it back."""
        return self._lock.acquire(blocking=False)

    def end_change(self) -> None:
        """Give the configuration lock back."""
        self._lock.release()

    @property
    def belongs_to_a_tree(self) -> bool:
        """Whether this process has workers, or is one, or does not know yet."""
        return self._host is not None or bool(self._links) or self._provisional

    def handler_of(self, sink: FileSink) -> Handler | None:
        """The handler that writes to *sink*."""
        return next((handler for handler in self.handlers() if handler.sink is sink), None)

    def replace(self, handler: Handler) -> None:
        """Let calls use *handler* in the place of the one with the same id."""
        self._handlers[handler.id] = handler
        self._swap()

    def become_host(self, handler: Handler) -> None:
        """Make the session, for others that write the file of *handler*; its own records go the same way."""
        self._enqueue(handler)
        self._swap()

    def _serve(self, handler: Handler) -> None:
        host = self._host
        if host is None or handler.sink is None or handler.spec.id in host.routes:
            return
        if handler.link is not None and handler.link.place is not host.place:
            return
        try:
            host.renew()
            host.add(handler.route())
        except OSError as error:
            report.once("no slot", f"no room for the commit slot of handler {handler.id} ({error}).")

    def _publish(self) -> None:
        assert self._host is not None
        specs = [handler.spec for handler in self.handlers() if handler.spec.id in self._host.routes]
        for route in self._host.routes.values():
            route.patcher = self._settings.patcher
        with contextlib.suppress(OSError):
            self._host.publish(registry.pack(self.levels, specs, self._settings))

    def depart(self) -> list[str]:
        """A process is being handed to another interpreter: make the session, say which ones it must know."""
        with self._lock:
            if self._provisional:
                self._settle_locked()
            if self._owns_anything():
                host = self._make_host()
                if host is not None:
                    host.writer.start()
                    with contextlib.suppress(OSError):
                        host.place.name_family(authkeys())  # The library may have come after the session.
            return self._session_paths()

    def _session_paths(self) -> list[str]:
        """The sessions that processes started by this one must know, its own first."""
        host = self._host
        return [
            *([host.place.path] if host is not None else []),
            *(link.place.path for link in self._links.values() if host is None or link.place is not host.place),
        ]

    def _owns_anything(self) -> bool:
        """Whether this process is an owner, or nobody's worker, so that its children are served by it."""
        return (
            self._host is not None
            or not self._links
            or any(handler.sink is not None and handler.link is None for handler in self._handlers.values())
        )

    # Sessions: the worker's side

    def attach(self) -> bool:
        """One `attach()`; see joining.py."""
        with self._lock:
            if attach.bootstrapping():
                # What the passport will bring can be found already, most often. A fork server is never an owner.
                place = None if self._links else attach.find_session()
                if place is not None:
                    self._links[place.id] = Link(place, self._adopt, None, self.queue_options)
                    self._settle_locked(arrived=True)
                return self._is_served()
            if self._provisional:
                self._settle_locked()
            if not self._links and self._host is None:
                self._join_announced()
            if self._owns_anything():
                host = self._make_host()
                if host is not None:
                    host.writer.start()
            if self._links:
                announce.announce(self._session_paths())
            return self._is_served()

    def _join_announced(self) -> None:
        for place in announce.announced():
            with contextlib.suppress(OSError):  # It has ended since.
                self._links[place.id] = Link(place, self._adopt, None, self.queue_options)
        if self._links:
            self._settle_locked(arrived=True, by_name=False)

    def _is_served(self) -> bool:
        """Whether some other living process takes this one's records."""
        own = self._host.place if self._host is not None else None
        return any(link.place is not own and link.place.is_served for link in list(self._links.values()))

    def arrive(self, places: list[Place]) -> None:
        """This process's passport named these sessions: join them, and settle what was only provisional."""
        with self._lock:
            for place in places:
                if place.id not in self._links and (self._host is None or self._host.place.id != place.id):
                    self._links[place.id] = Link(place, self._adopt, None, self.queue_options)
            self._settle_locked(arrived=True)

    def renew(self) -> State:
        """The state for a call that found its own out of date or provisional."""
        with self._lock:
            if self._provisional:
                self._settle_locked()
            else:
                leader = self._leader()
                # Read before the registry: what is published in between is seen by the next call.
                generation = None if leader is None else leader.words[GENERATION]
                for link in list(self._links.values()):
                    if self._host is None or link.place is not self._host.place:
                        self._read_registry(link)
                self._swap(generation)
            return self.state

    def _settle_locked(self, *, arrived: bool = False, by_name: bool = True) -> None:
        """Make provisional handlers real: joined to an owner's, or this process's own.

        Args:
            arrived: the sessions that this process belongs to are known.
            by_name: functions of the same name are the same, because this is the same program as the owner's.
        """
        if not arrived and not self._links:
            place = attach.find_session()
            if place is not None:
                self._links[place.id] = Link(place, self._adopt, None, self.queue_options)
        provisional, self._provisional = self._provisional, False
        early = [handler for handler in self._handlers.values() if handler.link is None] if self._links else []
        if not self._links and provisional:
            early = list(self._handlers.values())
        remote: list[Handler] = []
        taken: set[int] = set()
        left: list[FileSink] = []
        leader = self._leader()
        generation = None if leader is None else leader.words[GENERATION]
        for link in self._links.values():
            remote += self._specs_of(link) or []
        mine: dict[int, Handler] = {}
        for handler in early:
            partner = registry.same_sink(
                handler, [other for other in remote if id(other) not in taken], by_name=by_name
            )
            if partner is not None:
                mine[handler.id] = partner.known_as(handler.id)
                if partner.link is not None and by_name and not handler.auto:
                    say_differing(partner.link.place, handler.spec, partner.spec)
                taken.add(id(partner))
                if isinstance(handler.sink, FileSink):
                    left.append(handler.sink)
            elif not (handler.auto and self._links):
                own = self._make_own(handler)
                if own is not None:
                    mine[handler.id] = own
        number = max(mine, default=-1) + 1
        for handler in remote:
            if id(handler) in taken:
                continue
            visible = handler.spec.id
            if visible in mine:
                visible = max(number, self._next_id, *(other.spec.id + 1 for other in remote))
                number = visible + 1
            mine[visible] = handler.known_as(visible)
        self._handlers = mine
        self._next_id = max(self._next_id, max(mine, default=-1) + 1)
        self._swap(generation)
        for sink in left:
            sink.leave()

    def _make_own(self, handler: Handler) -> Handler | None:
        """Open what a provisional handler only described."""
        if handler.sink is not None or handler.spec.file is None:
            return handler
        if attach.in_fork_server():
            return None
        file = handler.spec.file
        if not self._links:
            # A child whose session could not be made, or not be found: its parent has this file, too.
            file = dataclasses.replace(file, mode="a")
        try:
            sink = registry.file_sink(dataclasses.replace(handler.spec, file=file), handler.renderer)
        except OSError as error:
            report.once(f"open {handler.id}", f"handler {handler.id} cannot open its file: {error}")
            return None
        self._recover(sink, handler.renderer, handler.spec)
        return Handler(handler.spec, handler.renderer, sink, name=handler.name, catch=handler.catch)

    def _read_registry(self, link: Link) -> None:
        """Follow the owner: its new handlers appear, its removed ones go, its levels are known."""
        found = self._specs_of(link)
        if found is None:
            return  # It cannot be read (any more): what is known stays.
        kept = {number: handler for number, handler in self._handlers.items() if handler.link is not link}
        before = {handler.spec.id: handler for handler in self._handlers.values() if handler.link is link}
        for handler in found:
            known = before.get(handler.spec.id)
            if known is not None and known.sink is not None:
                handler = known  # Inherited by fork: it has the sink for the day when the owner is gone.
            visible = known.id if known is not None else handler.spec.id
            while visible in kept:
                visible = max(self._next_id, visible + 1)
            kept[visible] = handler.known_as(visible)
        self._handlers = kept
        self._next_id = max(self._next_id, max(kept, default=-1) + 1)

    def _specs_of(self, link: Link) -> list[Handler] | None:
        """The owner's handlers as this process can serve them; its levels become known. None: it cannot be read."""
        found = registry.read(link.place)
        if found is None:
            return None
        theirs, specs, settings, foreign, _ = found
        seen = self._settings_seen.get(link.place.id, Versions())
        self._settings_seen[link.place.id] = settings.versions
        self._settings = registry.follow(self._settings, settings, seen, foreign=foreign)
        if self.serves and settings.versions.queue != seen.queue:
            directory.choose(self._settings.queue.runtime_directory)
        before = self._levels_said.get(link.place.id, {})
        self._levels_said[link.place.id] = theirs
        self.levels = {**self.levels, **{name: level for name, level in theirs.items() if before.get(name) != level}}
        return [registry.remote_handler(spec, link) for spec in specs if (link.place.id, spec.id) not in self._gone]

    def _adopt(self, link: Link) -> Orphan:
        handlers = [handler for handler in list(self._handlers.values()) if handler.link is link]
        return Orphan(
            link,
            lambda: registry.routes_without_owner(self._handlers, link),
            only_files=all(handler.spec.kind == FILE for handler in handlers),
        )

    # Flush and end

    def complete(self, timeout: float | None) -> bool:
        """Wait until everything that this process logged is in its sinks; False when time was up.

        In the owner, what workers have published by now is handed over, too: those that it has joined are through.
        """
        if threading.current_thread().name.startswith(WRITING):
            return False  # A sink that is served there would wait for itself.
        deadline = None if timeout is None else monotonic() + timeout
        done = True
        for link in self.links():
            done = link.flush(None if deadline is None else max(0.0, deadline - monotonic())) and done
        host = self._host
        if host is not None:
            done = host.hand_over(deadline) and done
        return done

    def reopen(self) -> None:
        """One `reopen()`. Takes no lock of its own: it may interrupt anything in this thread."""
        host = self._host
        for handler in self.state.handlers:
            here = handler.link is None or (host is not None and handler.link.place is host.place)
            here = here or self._company.is_guest(handler)
            if here and isinstance(handler.sink, FileSink):
                handler.sink.reopen()
        for link in self.links():
            link.reopen()

    def unfinished(self) -> list[Unfinished]:
        """What goes on in event loops of this process: tasks of coroutine sinks, and streams that complete so.

        What a forked child has inherited is its owner's, as long as that lives.
        """
        own = self._host.place if self._host is not None else None
        return [
            item
            for handler in self.handlers()
            if isinstance(handler.sink, MessageSink)
            and (handler.link is None or handler.link.place is own or not handler.link.place.is_served)
            for item in handler.sink.unfinished()
        ]

    def stop(self) -> None:
        """The end of this process: its session is finished, its handlers are stopped."""
        with self._lock:
            self._company.leave_all()
        host = self._host
        for link in list(self._links.values()):
            link.close()
        if host is not None:
            with contextlib.suppress(OSError):
                host.finish()
            own = self._links.get(host.place.id)
            if own is not None:
                own.close()  # Another thread may have gone on in a new ring meanwhile; it is drained here.
            with self._lock:
                for handler in self._handlers.values():
                    if handler.link is not None and handler.link.place is host.place:
                        handler.link = None
                self._links.pop(host.place.id, None)
                self._host = None
                self._swap()
            announce.withdraw(host.place.path)
        self._close_lingering()
        for handler in self.handlers():
            if handler.link is None and isinstance(handler.sink, FileSink):
                handler.sink.archiver.background = False
        with self._lock:
            # Files stay open for what is still logged after this: exit functions, __del__.
            for handler in self.handlers():
                if handler.link is None and isinstance(handler.sink, FileSink):
                    handler.sink.finish()
            self.state.end()
        self._stop_sinks()

    def _close_lingering(self) -> None:
        lingering, self._lingering = self._lingering, []
        for handler in lingering:
            try:
                handler.close()
            except Exception:  # noqa: BLE001 - remove(), which would have raised it, has returned long ago
                report.error_in_handler(handler.id, None)

    def _stop_sinks(self) -> None:
        """Tell the sinks of this process that want to know it. Others go on to the very end."""
        for handler in self.handlers():
            if handler.link is None and isinstance(handler.sink, MessageSink) and handler.sink.stops:
                try:
                    handler.close()
                except Exception:  # noqa: BLE001 - the program is ending; the other sinks shall end well
                    report.error_in_handler(handler.id, None)

    # Forks; see _session/fork.py for the table

    def before_fork(self) -> None:
        """Make the session if this process owns anything, end its threads, hold still."""
        exit.prepare_for_children()
        # Several threads may fork at once; each gives back only what it took itself.
        self._forking.locked = self._lock.acquire(timeout=1.0)
        if attach.in_fork_server():
            # It may have logged while it imported; silent from now on, it must not hold a ring until its late end.
            for link in self._links.values():
                link.close()
        elif self.serves and self._owns_anything() and not self._provisional:
            self._make_host()
        if self._host is not None:
            self._host.pause()

    def after_fork_in_parent(self) -> None:
        """Give the configuration lock back."""
        if getattr(self._forking, "locked", False):
            self._forking.locked = False
            self._lock.release()

    def resume_threads(self) -> None:
        """Start the threads of the session again."""
        host = self._host
        if host is not None:
            host.resume()

    def after_fork_in_child(self) -> None:
        """Become a worker: what was served here is served by the parent now."""
        process.forget()
        announce.forget()
        claim.abandon_claims()
        self._lock = threading.RLock()
        self._forking = threading.local()
        self._company.forget()
        self._lingering = []
        host, self._host = self._host, None
        links = {number: link.inherit() for number, link in self._links.items()}
        if host is not None:
            host.forget()
            self._settings_seen[host.place.id] = self._settings.versions
            if host.place.id not in links:
                links[host.place.id] = Link(host.place, self._adopt, host.doorbell, self.queue_options)
        handlers = {}
        for number, handler in self._handlers.items():
            if handler.sink is not None:
                handler.sink.forget()
            link = links.get(handler.link.place.id) if handler.link is not None else None
            if link is None and host is not None and handler.spec.id in host.routes:
                link = links[host.place.id]
            fresh = handler.known_as(number)
            fresh.unmade = [0]
            fresh.link = link
            handlers[number] = fresh
        self._links = links
        self._handlers = handlers
        self.removed, self.rotations_removed = Account(), 0
        exit.forget()
        self._swap()
        if os.geteuid() == 0:
            # Servers that start as root give that up, most often before their first record.
            for link in {handler.link for handler in handlers.values() if handler.link is not None}:
                link.begin_early()
