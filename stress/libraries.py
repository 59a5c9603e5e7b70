"""The libraries that can be tortured, by name.

``mplog`` is the library itself, and the ``broken-...`` ones are mplog with one deliberate fault, to show that the
harness sees it; the others are peers.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from stress.adapters import LINE_FORMAT, NOTICE_LINE, Adapter, file_options, slowly
from stress.job import Job
from stress.peers import PEERS


class MplogAdapter(Adapter):
    """The library under test, as its users call it."""

    notice = NOTICE_LINE
    says_phases = True
    counts = True

    def configure(self, path: Path, job: Job) -> None:
        from mplog import logger

        logger.remove()
        logger.add(path, format=LINE_FORMAT, **file_options(job))
        self.log = lambda text, info=logger.info: info("{}", text)  # type: ignore[misc]  # its default: mypy infers none

    def add_slow(self, seconds: float, path: Path) -> None:
        from mplog import logger

        logger.add(slowly(seconds, path.open("a")), format=LINE_FORMAT)

    def finish(self) -> None:
        from mplog import logger

        logger.complete()

    def session(self) -> str:
        from mplog import logger

        (link,) = logger._core.sessions.links.values()  # type: ignore[attr-defined]  # private, and not in the stub
        return str(link.place.path)

    def statistics(self) -> dict[str, Any] | None:
        from mplog import logger

        counted: Any = logger.statistics()
        return asdict(counted)


ADAPTERS: dict[str, type[Adapter]] = {
    "mplog": MplogAdapter,
    **PEERS,
    "broken-done": MplogAdapter,
    "broken-tail": MplogAdapter,
    "broken-count": MplogAdapter,
}


def load(name: str) -> Adapter:
    """Make the adapter *name*, with its fault put into this process's mplog if it is a broken one."""
    if name.startswith("broken-"):
        from stress import mutants

        mutants.MUTANTS[name.removeprefix("broken-")]()
    return ADAPTERS[name]()
