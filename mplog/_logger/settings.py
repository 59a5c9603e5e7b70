"""Settings: what `configure`, `enable` and `disable` set, beside handlers and levels.

An owner publishes its settings with a version each (registry.py), and a worker takes over what its owner has changed
since it looked last: so what a forked worker has inherited stays the live object that it is, and what a worker sets
for itself stays until the owner changes the same thing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from mplog._capture.patching import Patcher
from mplog._session.queue_options import DEFAULTS, QueueOptions


class Activation(NamedTuple):
    """Which modules may log. Immutable and plain, so that it travels to workers. Everything is enabled at first."""

    rules: tuple[tuple[str, bool], ...] = ()
    """(name, enabled), the latest last; none that a later one covers."""
    nameless: bool = True
    """Whether records without a module name pass."""

    def changed(self, name: str | None, enabled: bool) -> Activation:
        """After `enable(name)` or `disable(name)`."""
        if name is None:
            return self._replace(nameless=enabled)
        kept = tuple(rule for rule in self.rules if not covers(name, rule[0]))
        return self._replace(rules=(*kept, (name, enabled)))

    def allows(self, name: str | None) -> bool:
        """Whether calls in module *name* log. The latest rule that covers the name decides."""
        if name is None:
            return self.nameless
        for rule, enabled in reversed(self.rules):
            if covers(rule, name):
                return enabled
        return True

    @property
    def allows_all(self) -> bool:
        """Whether there is nothing to decide."""
        return self.nameless and all(enabled for _, enabled in self.rules)


def covers(rule: str, name: str) -> bool:
    """Whether a rule for *rule* is about module *name*: itself, or inside it by whole dotted parts."""
    return not rule or name == rule or name.startswith(f"{rule}.")


class Versions(NamedTuple):
    """How often each of the settings was set in the process that owns them. 0: never."""

    extra: int = 0
    patcher: int = 0
    activation: int = 0
    strict: int = 0
    queue: int = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """One process's settings. Immutable; `extra` is replaced, never changed."""

    extra: dict[str, Any] = field(default_factory=dict)
    patcher: Patcher | None = None
    owner_patches: bool = False
    """Whether there is a patcher that only the owner can run: it does so on the data of the record."""
    activation: Activation = Activation()  # noqa: RUF009 - immutable
    strict: bool | None = None
    """None: as the environment says."""
    queue: QueueOptions = DEFAULTS
    versions: Versions = Versions()  # noqa: RUF009 - immutable

    def changed(self, name: str, value: Any) -> Settings:
        """With one of them set anew."""
        versions = self.versions._replace(**{name: getattr(self.versions, name) + 1})
        if name == "patcher":
            return replace(self, patcher=value, owner_patches=False, versions=versions)
        return replace(self, **{name: value}, versions=versions)
