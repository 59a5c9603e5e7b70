"""The core: handlers, levels and settings of one process, behind all views of the logger.

Calls read `state` without a lock. Everything that changes it holds the configuration lock and swaps it whole. What
this process is to sessions is in sessions.py, what it has from their owners in following.py, its part in forks in
forking.py.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from mplog._capture import process
from mplog._logger import levels as level_table
from mplog._logger import options, repeated, sinks_here
from mplog._logger.following import Following
from mplog._logger.forking import Forks
from mplog._logger.handler import Handler
from mplog._logger.levels import Level
from mplog._logger.options import Given
from mplog._logger.sessions import Sessions
from mplog._logger.settings import Settings
from mplog._logger.state import STILL, State
from mplog._render.markup import level_color
from mplog._render.renderer import Renderer
from mplog._ring.layout import GENERATION
from mplog._session import attach, directory, fork, losses
from mplog._session.account import Account
from mplog._session.queue_options import QueueOptions
from mplog._sinks import report
from mplog._sinks.file.sink import FileSink
from mplog._sinks.kinds import COROUTINE, FILE, open_sink, shown_name
from mplog._sinks.limit import Limit
from mplog._sinks.message_sink import MessageSink, Unfinished
from mplog._writer.route import RouteSpec


class Wanted(NamedTuple):
    """What one `add()` asks for, checked."""

    sink: Any
    given: Given
    spec: RouteSpec
    renderer: Renderer


LEFT_KEPT = 1000
"""Paths of removed handlers that are remembered."""


class Core:
    """All configuration of one process. Safe from any thread; takes part in forks."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        """Held by whatever changes the configuration."""
        self.by_id: dict[int, Handler] = {}
        """Replaced by whoever holds the lock, and never changed, so that anybody may look through it without."""
        self.next_id = 0
        self.left: dict[str, None] = {}
        """The paths of files whose handlers were removed here, the oldest first."""
        self.levels: dict[str, Level] = dict(level_table.AT_IMPORT)
        self.settings = Settings()
        self.provisional = False
        """Whether it is not known yet whose worker this process is."""
        self.invited = False
        """Whether it joins the session that the environment names with its first record, unless it is configured."""
        self.serves = False
        """Whether this is the core that children of this process are served by."""
        self.catching = threading.local()
        """Whether the calling thread is logging because of a `catch()`."""
        self.removed = Account()
        """Of the records that went straight to sinks that are removed."""
        self.rotations_removed = 0
        self.sessions = Sessions(self)
        self.following = Following(self)
        self.forks = Forks(self)
        self.state = State((), self.levels, self.settings)

    def duplicate(self, handler_copy: Callable[[Handler], Handler], value_copy: Callable[[Any], Any]) -> Core:
        """An independent core; see cores.py. Whatever *handler_copy* raises passes through."""
        self.notice_child()
        with self.lock:
            if self.provisional:
                self.following.settle()
            made = Core()
            made.next_id = self.next_id
            made.levels = dict(self.levels)
            made.settings = dataclasses.replace(
                self.settings,
                extra={key: value_copy(value) for key, value in self.settings.extra.items()},
                patcher=value_copy(self.settings.patcher),
            )
            made.following = self.following.duplicate(made)
            links = self.sessions.links.items()
            made.sessions.links = {key: link for key, link in links if not self.sessions.is_own(link)}
            made.by_id = {number: handler_copy(handler) for number, handler in self.by_id.items()}
            made.swap()
            return made

    def add(
        self,
        sink: Any,
        given: Given,
        *,
        auto: bool = False,
    ) -> int:
        """One `add()`; see Logger.add for the arguments. Everything is checked before anything is opened."""
        self.notice_child()
        if self.provisional and not auto:
            with self.lock:
                self.following.choose()
        wanted = self.check(sink, given, self.levels)
        with self.lock:
            return self.enter(self.make(wanted, auto=auto), enqueue=wanted.given.enqueue)

    def check(self, sink: Any, given: Given, levels: dict[str, Level]) -> Wanted:
        """What an `add()` asks for, with *levels*. Raises what `options.check` raises, and has changed nothing then."""
        with self.lock:
            identifier = self.next_id  # Used up, whatever comes.
            self.next_id += 1
        given = options.switched(options.with_plain_values(given))
        return Wanted(sink, given, *options.check(sink, given, identifier, levels))

    def make(self, wanted: Wanted, *, auto: bool = False) -> Handler:
        """The handler, with its sink open, that no call sees yet. Under the lock. Raises OSError."""
        sink, given, spec, renderer = wanted
        if not self.provisional and attach.bootstrapping():
            self.provisional = True
        target: FileSink | MessageSink | None = None
        if spec.kind != FILE:
            loop = options.loop_for(given) if spec.kind == COROUTINE else None
            target = open_sink(spec.kind, sink, number=spec.id, catch=given.catch, loop=loop, follows=auto)
        elif not self.only_describes:
            target = self.open_file(spec, renderer)
        return Handler(spec, renderer, target, name=shown_name(sink, spec.kind), catch=given.catch, auto=auto)

    @property
    def only_describes(self) -> bool:
        """Whether files that are added are not opened yet, for they may be an owner's."""
        return (self.provisional or attach.bootstrapping()) and self.sessions.host is None

    def enter(self, handler: Handler, *, enqueue: bool) -> int:
        """Let calls, here and in workers, see *handler*; its id. Under the lock."""
        if not self.provisional:  # Else its owner has said so, or `settle` looks.
            repeated.look_for_twins(handler, self.handlers(), self.sessions.leader_place())
        self.by_id = {**self.by_id, handler.id: handler}
        if enqueue and not self.provisional:
            self.sessions.enqueue(handler)
        self.swap()
        if self.sessions.host is not None:
            self.sessions.serve(handler)
            self.sessions.publish()
        return handler.id

    def open_file(self, spec: RouteSpec, renderer: Renderer) -> FileSink:
        """The file of a handler of this process's own. Raises OSError."""
        sink = sinks_here.file_sink(spec, renderer)
        sinks_here.recover(sink, renderer, spec)
        if self.serves:
            sink.company = self.sessions.company.meet
        return sink

    def remove(self, handler_id: int | None) -> None:
        """One `remove()`. Raises ValueError for an id that is not there, and what a sink raises when it is stopped.

        All of them are removed before the first error is raised; the others are reported.
        """
        self.notice_child()
        with self.lock:
            self.settle_before_removal()
            if handler_id is not None and handler_id not in self.by_id:
                raise ValueError(
                    f"There is no existing handler with id {handler_id}. Present are {sorted(self.by_id)}."
                )
            chosen = list(self.by_id) if handler_id is None else [handler_id]
        errors = self.remove_each(chosen)
        for handler, error in errors[1:]:
            report.error_in_handler(handler.id, None, error, sink=handler.spec.target)
        if errors:
            raise errors[0][1]

    def _remember(self, handler: Handler) -> None:
        """*handler* was removed: children that run its `add()` again later must not make their own of it."""
        path = repeated.path_of(handler)
        if path is not None and handler.sink is not None:
            self.left[path] = None
            if len(self.left) > LEFT_KEPT:
                del self.left[next(iter(self.left))]

    def settle_before_removal(self) -> None:
        """Before something is removed: what a subinterpreter has, from its owner, too. Under the lock."""
        if self.provisional:
            self.following.choose()
            if self.provisional and process.interpreter() and not attach.bootstrapping():
                self.following.settle()

    def remove_each(self, numbers: list[int]) -> list[tuple[Handler, Exception]]:
        """Remove the handlers of these *numbers*; the errors of those that could not be stopped well."""
        # A sink that asks must not wait for another thread's, which may be waiting for it.
        inside = any(
            isinstance(handler.sink, MessageSink) and handler.sink.is_in_this_thread for handler in self.handlers()
        )
        errors: list[tuple[Handler, Exception]] = []
        for number in numbers:
            with self.lock:
                if number in self.by_id:
                    self.sessions.company.leave(self.by_id[number])
                handler = self.by_id.get(number)
                if handler is None:  # Another thread was first.
                    continue
                self.by_id = {other: kept for other, kept in self.by_id.items() if other != number}
                self._remember(handler)
                if handler.link is not None and self.sessions.host is None:
                    self.following.turn_away(handler)
                self.swap()
            try:
                self._retire(handler, patient=not inside)
            except Exception as error:  # noqa: BLE001 - the user's, or of the file; the others shall go, too
                errors.append((handler, error))
        return errors

    def _retire(self, handler: Handler, *, patient: bool) -> None:
        """Without the lock: the writer may be inside of a user's function that asks this core for something.

        Args:
            patient: let a message in progress take its time. One that comes from a queue has had some already.
        """
        host = self.sessions.host
        served = host is not None and handler.spec.id in host.routes
        if host is not None and not self.sessions.withdraw(handler, host):
            return
        try:
            if handler.link is None or host is not None:
                handler.close(patient=patient and not served)
        finally:
            with self.lock:
                self.removed += handler.account()
                self.rotations_removed += handler.rotations

    def level(self, name: str, no: int | None, color: str | None, icon: str | None) -> Level:
        """Get, create or change a level; calls see it at once. See Logger.level."""
        if no is None and color is None and icon is None:
            return level_table.get_or_change(self.levels, name, None, None, None)  # Formats ask for it, in any thread.
        self.notice_child()
        with self.lock:
            made = level_table.get_or_change(self.levels, name, no, color, icon)
            if made != self.levels.get(made.name):
                level_color(made.color)
                self.levels = {**self.levels, made.name: made}
                self._changed()
            return made

    def set(self, name: str, value: Any) -> None:
        """Set one of the settings; see settings.py for their names."""
        self.notice_child()
        with self.lock:
            if name == "patcher" and self.sessions.host is not None and self.settings.patcher is not None:
                # What workers have left for the patcher that goes, it does first.
                self.sessions.host.writer.finish(Limit(self.queue_options().shutdown_timeout))
            self.settings = self.settings.changed(name, value)
            self._changed()

    def queue_options(self) -> QueueOptions:
        """The queue options as they are now."""
        return self.settings.queue

    def check_queue(self, options: QueueOptions) -> None:
        """Raise ValueError when queues cannot behave so, because a session runs in another runtime directory."""
        self.notice_child()
        with self.lock:
            host = self.sessions.host
            if host is not None and options.runtime_directory != self.settings.queue.runtime_directory:
                raise ValueError(
                    f"'runtime_directory' cannot be changed to {options.runtime_directory!r}: the queues of this "
                    f"process are in {host.place.path} already. Configure it before the first child process and the "
                    "first enqueue=True."
                )

    def set_queue(self, options: QueueOptions) -> None:
        """Let queues behave so; a session that runs stays where it is. Raises as `check_queue`."""
        self.notice_child()
        with self.lock:
            self.check_queue(options)
            self.set("queue", options)
            if self.serves:
                directory.choose(options.runtime_directory)

    def set_activation(self, name: str | None, enabled: bool) -> None:
        """One `enable()` or `disable()`."""
        self.notice_child()
        with self.lock:
            self.set("activation", self.settings.activation.changed(name, enabled))

    def handlers(self) -> list[Handler]:
        """The handlers in order of addition."""
        by_id = self.by_id
        return [by_id[number] for number in sorted(by_id)]

    def handler_of(self, sink: FileSink) -> Handler | None:
        """The handler that writes to *sink*."""
        return next((handler for handler in self.handlers() if handler.sink is sink), None)

    def replace(self, handler: Handler) -> None:
        """Let calls use *handler* in the place of the one with the same id."""
        self.by_id = {**self.by_id, handler.id: handler}
        self.swap()

    def exchange(self, handlers: dict[int, Handler]) -> None:
        """Have these *handlers* and no others. Calls see them after `swap`."""
        self.by_id = handlers
        self.next_id = max(self.next_id, max(handlers, default=-1) + 1)

    def unfinished(self) -> list[Unfinished]:
        """What goes on in event loops of this process: tasks of coroutine sinks, and streams that complete so.

        What a forked child has inherited is its owner's, as long as that lives.
        """
        host = self.sessions.host
        own = host.place if host is not None else None
        return [
            item
            for handler in self.handlers()
            if isinstance(handler.sink, MessageSink)
            and (handler.link is None or handler.link.place is own or not handler.link.place.is_served)
            for item in handler.sink.unfinished()
        ]

    def _changed(self) -> None:
        """Let calls here and in workers see what has changed."""
        self.swap()
        if self.sessions.host is not None:
            self.sessions.publish()

    def swap(self, generation: int | None = None) -> None:
        """Make the present configuration the one that calls see.

        Args:
            generation: the number of the owner's registry that it comes from, read before that; None: unchanged.
        """
        losses.level_names.update({level.no: level.name for level in self.levels.values()})
        words: Any = STILL
        leader = self.sessions.leader()
        if leader is not None:
            words = leader.words
            if generation is None:
                current = self.state
                known = current.words is words and not current.provisional
                generation = current.generation if known else words[GENERATION]
        self.state = State(
            tuple(self.by_id[number] for number in sorted(self.by_id)),
            self.levels,
            self.settings,
            words,
            generation or 0,
            self.provisional,
        )

    @staticmethod
    def notice_child() -> None:
        """In a child that has not become one yet, let it. Before anything takes a lock.

        Until then locks that other threads held in the parent are never free, and this process takes itself for that.
        """
        if not process.here[0]:
            fork.arrive()

    @contextlib.contextmanager
    def locked(self, limit: Limit) -> Iterator[None]:
        """With the configuration lock; without it when another thread does not give it back within *limit*."""
        held = self.lock.acquire(timeout=limit.left())
        try:
            yield
        finally:
            if held:
                self.lock.release()

    # For company.py, which may not wait for the lock

    @property
    def is_changing(self) -> bool:
        """Whether the calling thread holds the configuration lock, so that nothing else may be changed by it now."""
        return bool(self.lock._is_owned())  # type: ignore[attr-defined]  # as threading.Condition does
