"""The seam between the harness and a logging library: what it takes to be tortured.

An adapter runs inside the programs under test only. ``mplog`` is the library itself; ``loguru`` shows what the same
torture does to a peer; the ``broken-...`` ones are mplog with one deliberate fault, to show that the harness sees it.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Protocol

LINE_FORMAT = "{time:YYYY-MM-DD HH:mm:ss.SSSSSS} | {level} | {message}"

LINE_PREFIX = rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} \| INFO \| "
"""What LINE_FORMAT puts before the message, as a pattern that no fragment of another line fits."""

NOTICE_LINE = rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} \| [A-Z]+ \| mplog: [^\n]*"
"""A line in which mplog speaks about itself, for example of records that it had to drop."""


class Adapter(Protocol):
    """One logging library, in every process of a program under test."""

    def configure(self, path: Path, *, rotation: str | None, retention: int | None, compression: str | None) -> None:
        """Add *path* as the only place the lines go to. Runs at import of the program, as in a user's script."""

    def log(self, text: str) -> None:
        """Log one line and return when the library says that it has it."""

    def finish(self) -> None:
        """Wait until everything that this process logged is on its way for good."""


def file_options(rotation: str | None, retention: int | None, compression: str | None) -> dict[str, Any]:
    """Return the options that were chosen, and none of the others, as keywords of ``add()``."""
    options = {"rotation": rotation, "retention": retention, "compression": compression}
    return {name: value for name, value in options.items() if value is not None}


class MplogAdapter:
    """The library under test, as its users call it."""

    def configure(self, path: Path, *, rotation: str | None, retention: int | None, compression: str | None) -> None:
        from mplog import logger

        logger.remove()
        logger.add(path, format=LINE_FORMAT, **file_options(rotation, retention, compression))
        self._info = logger.info

    def log(self, text: str) -> None:
        self._info("{}", text)

    def finish(self) -> None:
        from mplog import logger

        logger.complete()


class LoguruAdapter:
    """Loguru as its documentation advises for several processes: ``enqueue=True``, configured before the fork."""

    def configure(self, path: Path, *, rotation: str | None, retention: int | None, compression: str | None) -> None:
        from loguru import logger

        logger.remove()
        options = file_options(rotation, retention, compression)
        logger.add(path, format=LINE_FORMAT, enqueue=True, **options)
        self._info = logger.info

    def log(self, text: str) -> None:
        self._info("{}", text)

    def finish(self) -> None:
        from loguru import logger

        logger.complete()


class StandardAdapter:
    """The standard library's file handler, which knows nothing of other processes: a floor to compare with."""

    def configure(self, path: Path, *, rotation: str | None, retention: int | None, compression: str | None) -> None:
        if rotation or retention or compression:
            raise ValueError("the 'standard' adapter cannot rotate: leave out --rotation, --retention, --compression.")
        handler = logging.FileHandler(path)
        line = "%(asctime)s.%(msecs)03d000 | %(levelname)s | %(message)s"
        handler.setFormatter(logging.Formatter(line, "%Y-%m-%d %H:%M:%S"))
        self._logger = logging.getLogger("stress")
        self._logger.addHandler(handler)
        self._logger.setLevel(logging.INFO)

    def log(self, text: str) -> None:
        self._logger.info("%s", text)

    def finish(self) -> None:
        logging.shutdown()


ADAPTERS: dict[str, type[Adapter]] = {
    "mplog": MplogAdapter,
    "loguru": LoguruAdapter,
    "standard": StandardAdapter,
    "broken-done": MplogAdapter,
    "broken-tail": MplogAdapter,
}


def load(name: str) -> Adapter:
    """Make the adapter *name*, with its fault put into this process's mplog if it is a broken one."""
    if name.startswith("broken-"):
        from stress import mutants

        mutants.MUTANTS[name.removeprefix("broken-")]()
    return ADAPTERS[name]()
