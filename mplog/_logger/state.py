"""The configuration as one immutable snapshot, which calls read without a lock and which is swapped whole.

With it goes what it makes of the call sites that have run under it.
"""

from __future__ import annotations

from types import CodeType, FrameType
from typing import Any, NamedTuple

from mplog._capture.callsite import MAXIMUM, CallSite, module_of
from mplog._capture.record import RecordLevel
from mplog._logger.handler import Emit, Handler
from mplog._logger.levels import Level
from mplog._logger.settings import Settings
from mplog._render.line import Line, TimeText
from mplog._ring.layout import GENERATION, HIGHEST_LEVEL

NOTHING = 1 << 62
"""The threshold of a logger without handlers: no level reaches it."""

RELEARN = 8
"""Messages for which one call site is compiled before it is left to the full way."""

STILL: Any = (0,) * (GENERATION + 1)
"""Stands for the control page in a process that follows no other: it never changes."""


Kind = tuple[str, int, str, str, str]
"""What standard records of one call site have in common: name, line, path, function, name of the level."""


class Target(NamedTuple):
    """What one handler does with the records of one call site."""

    line: Line
    clock: TimeText
    emit: Emit
    handler: Handler
    own: int
    """Control characters of the line's own, such as its colours."""


class FastSite:
    """What one call site does in this configuration, when it has nothing to decide any more."""

    __slots__ = (
        "clock",
        "code",
        "count",
        "emit",
        "globals",
        "level",
        "line",
        "message",
        "number",
        "others",
        "own",
        "scale",
        "target",
    )

    def __init__(
        self,
        code: CodeType,
        globals_: dict[str, Any],
        level: str,
        number: int,
        message: str | None,
        count: int,
        targets: list[Target],
    ) -> None:
        self.code = code
        self.globals = globals_
        self.level = level
        self.number = min(number, HIGHEST_LEVEL)
        self.message = message
        self.count = count
        self.target, *self.others = targets
        # The first one's parts stand here, too: most programs have one handler, and each look-up counts.
        self.line, self.clock, self.emit, _, self.own = self.target
        self.scale = self.clock.scale


class State:
    """One configuration. `sites` grows as calls are made; everything else is fixed."""

    __slots__ = (
        "_learned",
        "generation",
        "handlers",
        "levels",
        "met",
        "patches",
        "provisional",
        "settings",
        "shows_values",
        "silenced",
        "sites",
        "standard",
        "threshold",
        "words",
    )

    def __init__(
        self,
        handlers: tuple[Handler, ...],
        levels: dict[str, Level],
        settings: Settings,
        words: Any = STILL,
        generation: int = 0,
        provisional: bool = False,
    ) -> None:
        self.handlers = handlers
        self.levels = levels
        self.settings = settings
        self.patches = settings.patcher is not None or settings.owner_patches
        self.shows_values = any(handler.renderer.look.diagnose for handler in handlers)
        self.silenced: dict[Any, bool] | None = None if settings.activation.allows_all else {}
        """Whether calls of a module pass, for those that have called; None when all do."""
        # A provisional configuration lets every call through, for the first one settles it.
        self.threshold = -1 if provisional else min((handler.level for handler in handlers), default=NOTHING)
        self.sites: dict[int, FastSite] = {}
        self._learned: dict[int, int] | None = {}
        self.met: set[Kind] = set()
        """Kinds of standard records that have come once."""
        self.standard: dict[Kind, tuple[Target, ...] | None] = {}
        """What is done with those that have come again; None where only the full way will do."""
        self.words = words
        # Not that of any words: a provisional one is to be settled by the first call.
        self.generation = -1 if provisional else generation
        self.provisional = provisional

    def allows(self, frame: FrameType | None) -> bool:
        """Whether the module of *frame* may log. Only where `silenced` is not None."""
        return self.allows_name(module_of(frame))

    def allows_name(self, name: Any) -> bool:
        """Whether what is called *name* may log. Only where `silenced` is not None."""
        assert self.silenced is not None
        found = self.silenced.get(name)
        if found is None:
            if len(self.silenced) >= MAXIMUM:
                self.silenced.clear()
            found = self.silenced[name] = self.settings.activation.allows(name)
        return found

    def learn(
        self,
        name: str,
        number: int,
        level: RecordLevel,
        color: str,
        site: CallSite,
        message: str,
        args: tuple[Any, ...],
        frame: FrameType,
    ) -> None:
        """Remember the call site when every handler that wants its records can take the fast way."""
        key = id(frame.f_code) + frame.f_lasti
        if not self._may_learn(key):
            return
        targets = self._targets(number, level, color, site, message if args else None, len(args))
        if not targets:
            return
        assert site.code is not None
        assert site.globals is not None
        if len(self.sites) >= MAXIMUM:  # Code made by `exec` is endless.
            self.sites.clear()
            self._learned = {}
        self.sites[key] = FastSite(site.code, site.globals, name, number, message if args else None, len(args), targets)

    def targets(self, level: Level, site: CallSite, message: str | None, count: int) -> list[Target] | None:
        """What each handler that wants them does with the records of *site*; None where one takes the full way only."""
        shown = RecordLevel(level.name, level.no, level.icon)
        return self._targets(level.no, shown, level.color, site, message, count)

    def _targets(
        self, number: int, level: RecordLevel, color: str, site: CallSite, message: str | None, count: int
    ) -> list[Target] | None:
        targets = []
        for handler in self.handlers:
            if number < handler.level:
                continue
            passes = handler.renderer.passes_site(site.name, number)
            if passes is None:
                return None
            if not passes:
                continue
            emit, clock = handler.emitter(), handler.clock
            if emit is None or clock is None:
                return None
            compiled = handler.renderer.compile_line(site, level, color, message, count)
            if compiled is None:
                return None
            line, own = compiled
            targets.append(Target(line, clock, emit, handler, own))
        return targets

    def _may_learn(self, key: int) -> bool:
        """Whether the call site *key* is worth compiling: not one whose message changes with each call."""
        learned = self._learned
        if learned is None:
            return False
        times = learned.get(key, 0)
        learned[key] = times + 1
        return times < RELEARN

    def end(self) -> None:
        """At the end of the process: hold no module of the program, so that its last objects go while all works."""
        self._learned = None
        self.sites.clear()
        self.met.clear()
        self.standard.clear()
