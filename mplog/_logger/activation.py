"""Activation: which modules may log, as `enable` and `disable` have said."""

from __future__ import annotations

from typing import NamedTuple


class Activation(NamedTuple):
    """Immutable and plain, so that it travels to workers. Everything is enabled at first."""

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
