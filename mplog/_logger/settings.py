"""Settings: what `configure`, `enable` and `disable` set, beside handlers and levels.

An owner publishes its settings with a version each (registry.py), and a worker takes over what its owner has changed
since it looked last: so what a forked worker has inherited stays the live object that it is, and what a worker sets
for itself stays until the owner changes the same thing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from mplog._capture.patching import Patcher
from mplog._logger.activation import Activation
from mplog._session.queue_options import DEFAULTS, QueueOptions


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
