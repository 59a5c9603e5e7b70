"""What a piece of code logs, as data, for tests: also what its child processes log.

    with mplog.testing.capture() as records:
        work_in_a_pool()
    assert [record["message"] for record in records] == ["begun", "done"]

For pytest there is a fixture, `mplog_records`, which is the same for one test.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

from mplog import logger

if TYPE_CHECKING:
    from mplog.typing import Record

__all__ = ["Records", "capture"]


class Records(Sequence["Record"]):
    """The records that have come so far, in the order in which they came. Safe from any thread of this process.

    Each look at it waits until what was logged by then is there, that of child processes as far as it was published:
    join them first.
    """

    def __init__(self, patience: float = 5.0) -> None:
        """*patience* is how many seconds a look waits at most."""
        self._found: list[Record] = []
        self._patience = patience

    def _take(self, message: Any) -> None:
        self._found.append(message.record)

    def _now(self) -> list[Record]:
        logger.complete(timeout=self._patience)
        return list(self._found)

    def __len__(self) -> int:
        return len(self._now())

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        return self._now()[index]

    def __iter__(self) -> Iterator[Record]:
        return iter(self._now())

    def __eq__(self, other: object) -> bool:
        return self._now() == (other._now() if isinstance(other, Records) else other)

    __hash__ = None  # type: ignore[assignment]  # as of a list

    def __repr__(self) -> str:
        return repr(self.tuples)

    @property
    def messages(self) -> list[str]:
        """Their messages."""
        return [record["message"] for record in self._now()]

    @property
    def tuples(self) -> list[tuple[str | None, str, str]]:
        """Their names, levels and messages."""
        return [(record["name"], record["level"].name, record["message"]) for record in self._now()]

    def clear(self) -> None:
        """Forget those that have come so far."""
        self._now()
        self._found.clear()


@contextlib.contextmanager
def capture(level: int | str = 0, **options: Any) -> Iterator[Records]:
    """What is logged in this `with`, by this process and the children that it starts there.

    Other handlers get it, too. Code that calls `logger.remove()` without a number ends the capture.

    Args:
        level: the least level.
        options: what else `logger.add` takes, such as `filter`.
    """
    records = Records()
    number = logger.add(records._take, level=level, format="{message}", **options)
    try:
        yield records
        records._now()
    finally:
        with contextlib.suppress(ValueError):  # The code has removed it.
            logger.remove(number)
