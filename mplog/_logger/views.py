"""What a view of the logger holds beside its core: options, patchers and bound extra; and how these travel."""

from __future__ import annotations

import pickle
from typing import Any, NamedTuple

from mplog._capture.patching import Patcher
from mplog._ring.wire import Represented, safe_repr
from mplog._sinks import report


class Options(NamedTuple):
    """The options of `opt()`."""

    exception: Any = None
    depth: int = 0
    record: bool = False
    lazy: bool = False
    colors: bool = False
    raw: bool = False
    capture: bool = True

    @property
    def is_plain(self) -> bool:
        """Whether calls without keywords are what they would be without any options."""
        return not (
            self.depth
            or self.record
            or self.lazy
            or self.colors
            or self.raw
            or (self.exception is not None and self.exception is not False)
        )


PLAIN = Options()

State = tuple[dict[str, Any], Options, tuple[Patcher, ...]]


def portable(extra: dict[str, Any], options: Options, patchers: tuple[Patcher, ...]) -> State:
    """These as they can be pickled, whatever is in them.

    A value of *extra* that cannot travel becomes its marked, bounded `repr`; a patcher that cannot is left out, and
    that is reported; an exception keeps its type and, where possible, its value.
    """
    exception = options.exception
    if isinstance(exception, tuple) and len(exception) == 3:
        exception = (*exception[:2], None)
    if not travels(exception):
        exception = True
    kept = tuple(patcher for patcher in patchers if travels(patcher))
    if len(kept) < len(patchers):
        lost = [patcher for patcher in patchers if patcher not in kept]
        report.once(
            f"patcher does not travel {lost[0]!r}",
            f"a logger with the patcher {safe_repr(lost[0], 200)} was pickled, and that function cannot be. The logger "
            "arrives without it. Patch with a function of a module, or in the process that gets the logger.",
        )
    return (
        {key: value if travels(value) else Represented(safe_repr(value)) for key, value in extra.items()},
        options._replace(exception=exception),
        kept,
    )


def travels(value: object) -> bool:
    """Whether *value* can be pickled."""
    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001 - whatever a user's object raises then
        return False
    return True
