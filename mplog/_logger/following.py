"""What a worker has from its owners: their handlers, levels and settings, as they change.

Until it is known whose worker this process is, its own handlers are provisional: they are described and not opened.
`settle` makes them real.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mplog._capture import process
from mplog._logger import registry, repeated, sinks_here
from mplog._logger.handler import Handler
from mplog._logger.levels import Level
from mplog._logger.settings import Versions
from mplog._logger.state import State
from mplog._render.renderer import Renderer
from mplog._ring.layout import GENERATION
from mplog._session import attach, directory
from mplog._session.attach import Letter
from mplog._session.link import Link
from mplog._session.place import Place
from mplog._sinks import report
from mplog._sinks.file.sink import FileSink
from mplog._writer.route import RouteSpec

if TYPE_CHECKING:
    from mplog._logger.core import Core


class Following:
    """How one core follows the owners of the sessions that it belongs to. Called under the core's lock, but `renew`."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._levels_said: dict[bytes, dict[str, Level]] = {}
        """What each session said last, so that only what its owner changes replaces what a worker has."""
        self._settings_seen: dict[bytes, Versions] = {}
        """The versions of each session's settings that this process has."""
        self._left: set[str] = set()
        """Paths of files whose handlers owners have removed."""
        self._gone: set[tuple[bytes, int]] = set()
        """Handlers of other processes that `remove()` took away in this one."""

    def duplicate(self, core: Core) -> Following:
        """The same for *core*, a copy of this one's."""
        made = Following(core)
        made._levels_said = dict(self._levels_said)
        made._settings_seen = dict(self._settings_seen)
        made._gone = set(self._gone)
        return made

    def turn_away(self, handler: Handler) -> None:
        """It was removed here: it stays away, although its owner has it."""
        assert handler.link is not None
        self._gone.add((handler.link.place.id, handler.spec.id))

    def inherit(self, place: Place) -> None:
        """In a forked child: what the owner of *place* has set by now is here."""
        self._settings_seen[place.id] = self._core.settings.versions

    def renew(self) -> State:
        """The state for a call that found its own out of date or provisional."""
        core, sessions = self._core, self._core.sessions
        core.notice_child()
        with core.lock:
            state = core.state
            if core.provisional:
                self.settle()
            elif state.words[GENERATION] != state.generation:  # Else another thread was first.
                leader = sessions.leader()
                # Read before the registry: what is published in between is seen by the next call.
                generation = None if leader is None else leader.words[GENERATION]
                for link in list(sessions.links.values()):
                    if not sessions.is_own(link):
                        self._read_registry(link)
                core.swap(generation)
            return core.state

    def choose(self) -> None:
        """What is not decided yet is being configured. A program that another one has started is on its own then.

        A subinterpreter is a worker of its process's session, or on its own. A worker's configuration stays provisional
        until the first record, so that a file which its owner has is its owner's here. While the main module runs again
        nothing is decided.
        """
        if attach.bootstrapping():
            return
        if self._core.invited:
            self.settle(arrived=True)
        if not process.interpreter():
            return
        sessions = self._core.sessions
        if not sessions.links:
            for place in attach.find_sessions():
                sessions.join(place)
        if not sessions.links:
            self.settle(arrived=True)

    def settle(
        self, *, arrived: bool = False, by_name: bool = True, letters: Mapping[bytes, Letter] | None = None
    ) -> None:
        """Make provisional handlers real: joined to an owner's, or this process's own.

        Args:
            arrived: the sessions that this process belongs to are known.
            by_name: functions of the same name are the same, because this is the same program as the owner's.
            letters: of the sessions that this process was to join, by their ids, should they be gone.
        """
        core, sessions = self._core, self._core.sessions
        if core.invited and not arrived and not attach.bootstrapping():
            sessions.join_announced()
            arrived, by_name = True, False
        core.invited = False
        if not arrived and not sessions.links:
            for place in attach.find_sessions():
                sessions.join(place)
        provisional, core.provisional = core.provisional, False
        # What the main module adds when it runs again here, and the owner has removed since it ran there, is not here.
        repeats = provisional and by_name and not process.interpreter()
        leader = sessions.leader()
        generation = None if leader is None else leader.words[GENERATION]
        remote = self._remote_handlers(letters or {})
        served = bool(sessions.links or remote)
        early = [handler for handler in core.by_id.values() if handler.link is None] if served else []
        if not served and provisional:
            early = list(core.by_id.values())
        taken: set[int] = set()
        left: list[FileSink] = []
        mine: dict[int, Handler] = {}
        for handler in early:
            partner = repeated.same_sink(
                handler, [other for other in remote if id(other) not in taken], by_name=by_name
            )
            if partner is not None:
                mine[handler.id] = partner.known_as(handler.id)
                if partner.link is not None and by_name and not handler.auto:
                    repeated.say_differing(partner.link.place, handler.spec, partner.spec)
                taken.add(id(partner))
                if isinstance(handler.sink, FileSink):
                    left.append(handler.sink)
            elif not (handler.auto and served) and not (repeats and repeated.path_of(handler) in self._left):
                own = self._make_own(handler)
                if own is not None:
                    if provisional and leader is not None:  # Else its parent may have them, and has said so.
                        repeated.look_for_twins(own, [*mine.values(), *remote], leader.place)
                    mine[handler.id] = own
        number = max(mine, default=-1) + 1
        for handler in remote:
            if id(handler) in taken:
                continue
            visible = handler.spec.id
            if visible in mine:
                visible = max(number, core.next_id, *(other.spec.id + 1 for other in remote))
                number = visible + 1
            mine[visible] = handler.known_as(visible)
        opened = {visible: _with_sink(handler) for visible, handler in mine.items()}
        core.exchange({visible: handler for visible, handler in opened.items() if handler is not None})
        core.swap(generation)
        for sink in left:
            sink.leave()

    def _remote_handlers(self, letters: Mapping[bytes, Letter]) -> list[Handler]:
        """The owners' handlers, also of those that are gone, as their *letters* say."""
        links = self._core.sessions.links
        remote: list[Handler] = []
        for letter in (letter for session, letter in letters.items() if session not in links):
            found = self._specs_in(letter, None)
            if found is not None:
                remote += found
                self._take_over(letter)
        for session, link in links.items():
            found = self._specs_of(link)
            if found is None and session in letters:  # It goes just now.
                found = self._specs_in(letters[session], link)
            remote += found or []
        return remote

    def _take_over(self, letter: Letter) -> None:
        """The owner is gone before this process could join it: what it had configured is done here."""
        # To its own children this process passes it on as it does what it has set itself.
        versions = Versions(*map(max, self._core.settings.versions, self._settings_seen[letter.session]))
        self._core.settings = dataclasses.replace(self._core.settings, versions=versions)
        report.once(
            f"gone {letter.path}",
            f"the owner of the log (process {letter.owner}) is gone; process {process.pid()} now writes its files by "
            "itself.",
        )

    def _specs_in(self, letter: Letter, link: Link | None) -> list[Handler] | None:
        """As `_specs_of`, of what the owner had configured when it started this process."""
        found = registry.unpack(letter.registry)
        return None if found is None else [_remote_handler(spec, link) for spec in self._heed(found, letter.session)]

    def _make_own(self, handler: Handler) -> Handler | None:
        """Open what a provisional handler only described."""
        if handler.sink is not None or handler.spec.file is None:
            return handler
        if attach.in_fork_server():
            return None
        file = handler.spec.file
        if not self._core.sessions.links:
            # A child whose session could not be made, or not be found: its parent has this file, too.
            file = dataclasses.replace(file, mode="a")
        try:
            sink = sinks_here.file_sink(dataclasses.replace(handler.spec, file=file), handler.renderer)
        except OSError as error:
            _say_unopened(handler, error)
            return None
        sinks_here.recover(sink, handler.renderer, handler.spec)
        return Handler(handler.spec, handler.renderer, sink, name=handler.name, catch=handler.catch)

    def _read_registry(self, link: Link) -> None:
        """Follow the owner: its new handlers appear, its removed ones go, its levels are known."""
        found = self._specs_of(link)
        if found is None:
            return  # It cannot be read (any more): what is known stays.
        kept = {number: handler for number, handler in self._core.by_id.items() if handler.link is not link}
        before = {handler.spec.id: handler for handler in self._core.by_id.values() if handler.link is link}
        for handler in found:
            known = before.get(handler.spec.id)
            if known is not None and known.sink is not None:
                handler = known  # Inherited by fork: it has the sink for the day when the owner is gone.
            visible = known.id if known is not None else handler.spec.id
            while visible in kept:
                visible = max(self._core.next_id, visible + 1)
            kept[visible] = handler.known_as(visible)
        self._core.exchange(kept)

    def _specs_of(self, link: Link) -> list[Handler] | None:
        """The owner's handlers as this process can serve them; its levels become known. None: it cannot be read."""
        found = registry.read(link.place)
        return None if found is None else [_remote_handler(spec, link) for spec in self._heed(found, link.place.id)]

    def _heed(self, found: registry.Published, session: bytes) -> list[RouteSpec]:
        """Make levels and settings of an owner this process's own; its handlers that were not removed here."""
        theirs, specs, settings, kinship, _, left = found
        self._left.update(left)
        seen = self._settings_seen.get(session, Versions())
        self._settings_seen[session] = settings.versions
        self._core.settings = registry.follow(self._core.settings, settings, seen, kinship)
        if self._core.serves and settings.versions.queue != seen.queue:
            directory.choose(self._core.settings.queue.runtime_directory)
        before = self._levels_said.get(session, {})
        self._levels_said[session] = theirs
        self._core.levels = {
            **self._core.levels,
            **{name: level for name, level in theirs.items() if before.get(name) != level},
        }
        return [spec for spec in specs if (session, spec.id) not in self._gone]


def _remote_handler(spec: RouteSpec, link: Link | None) -> Handler:
    """A handler whose sink is in the process at the other end of *link*; None where that process is gone."""
    renderer = Renderer(spec.format or "{message}", spec.filter, spec.look)
    return Handler(spec, renderer, None, name=spec.name, link=link)


def _with_sink(handler: Handler) -> Handler | None:
    """*handler* with a sink in this process, where it needs one; None where that was code of an owner that is gone,
    or cannot be opened, which is said."""
    if handler.sink is not None or handler.link is not None:
        return handler
    try:
        sink = sinks_here.sink_here(handler)
    except OSError as error:
        _say_unopened(handler, error)
        return None
    if sink is None:
        return None
    if isinstance(sink, FileSink):
        sink.of_orphan = False  # It counts for itself, as any handler of this process does.
        sinks_here.recover(sink, handler.renderer, handler.spec)
    made = Handler(handler.spec, handler.renderer, sink, name=handler.name, catch=handler.catch)
    return made.known_as(handler.id)


def _say_unopened(handler: Handler, error: OSError) -> None:
    report.once(
        f"open {handler.id}",
        f"handler {handler.id} cannot open its file: {error}. Put that right, or remove({handler.id}) it here.",
    )
