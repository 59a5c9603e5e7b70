"""The libraries that are compared, each used the way its own documentation advises.

All write ``time | level | name:function:line - message`` with a message of two arguments into one file.
"""

from __future__ import annotations

import logging
import logging.handlers
import multiprocessing
from pathlib import Path
from typing import Any, Protocol

BRACE_FORMAT = "{time} | {level} | {name}:{function}:{line} - {message}"
PERCENT_FORMAT = "%(asctime)s | %(levelname)s | %(name)s:%(funcName)s:%(lineno)d - %(message)s"
_NEVER = 10**12
_ALL_BACKUPS = 10_000


class Contender(Protocol):
    """One way of logging from several processes into one file."""

    def configure(self, path: Path, rotation: int | None) -> None:
        """Set up in the process that starts the others, or in each process that has no parent."""

    def attach(self) -> None:
        """Do in a forked worker what the library asks for there."""

    def log(self, count: int) -> None:
        """Log *count* records in a loop."""

    def log_disabled(self, count: int) -> None:
        """Make *count* calls below the level."""

    def finish(self) -> None:
        """Wait until everything is in the file."""


class Mplog:
    """mplog: configured once, nothing to do in workers."""

    def configure(self, path: Path, rotation: int | None) -> None:
        from mplog import logger

        logger.remove()
        options: dict[str, Any] = {} if rotation is None else {"rotation": rotation}
        logger.add(path, format=BRACE_FORMAT, level="INFO", **options)
        self._logger = logger

    def attach(self) -> None:
        pass

    def log(self, count: int) -> None:
        logger = self._logger
        for number in range(count):
            logger.info("job {} took {} s", number, 0.25)

    def log_disabled(self, count: int) -> None:
        logger = self._logger
        for number in range(count):
            logger.debug("job {} took {} s", number, 0.25)

    def finish(self) -> None:
        self._logger.complete()


class Loguru:
    """Loguru with a plain file sink: in workers, every process writes the file by itself."""

    enqueue = False

    def configure(self, path: Path, rotation: int | None) -> None:
        from loguru import logger

        logger.remove()
        options: dict[str, Any] = {} if rotation is None else {"rotation": rotation}
        logger.add(path, format=BRACE_FORMAT, level="INFO", enqueue=self.enqueue, **options)
        self._logger = logger

    def attach(self) -> None:
        pass

    def log(self, count: int) -> None:
        logger = self._logger
        for number in range(count):
            logger.info("job {} took {} s", number, 0.25)

    def log_disabled(self, count: int) -> None:
        logger = self._logger
        for number in range(count):
            logger.debug("job {} took {} s", number, 0.25)

    def finish(self) -> None:
        self._logger.complete()


class LoguruEnqueue(Loguru):
    """Loguru with ``enqueue=True``: what its documentation advises for several processes."""

    enqueue = True


class _Standard:
    """What the contenders on top of the standard library's logging share."""

    def __init__(self) -> None:
        self._logger = logging.getLogger("benchmark")
        self._logger.setLevel(logging.INFO)
        self._logger.propagate = False

    def use(self, handler: logging.Handler) -> None:
        """Make *handler* the only one."""
        handler.setFormatter(logging.Formatter(PERCENT_FORMAT))
        self._logger.handlers[:] = [handler]

    def attach(self) -> None:
        """Do nothing: most handlers need nothing in a forked worker."""

    def log(self, count: int) -> None:
        """Log *count* records in a loop."""
        logger = self._logger
        for number in range(count):
            logger.info("job %s took %s s", number, 0.25)

    def log_disabled(self, count: int) -> None:
        """Make *count* calls below the level."""
        logger = self._logger
        for number in range(count):
            logger.debug("job %s took %s s", number, 0.25)

    def finish(self) -> None:
        """Flush and close the handlers."""
        logging.shutdown()


class ConcurrentLogHandler(_Standard):
    """concurrent-log-handler: a lock file around every record."""

    def configure(self, path: Path, rotation: int | None) -> None:
        """Add its handler, with a limit that is never reached when no rotation is asked for."""
        from concurrent_log_handler import ConcurrentRotatingFileHandler

        limit = _NEVER if rotation is None else rotation
        self.use(ConcurrentRotatingFileHandler(str(path), maxBytes=limit, backupCount=_ALL_BACKUPS))


class QueueHandler(_Standard):
    """The standard library's recipe: QueueHandler over multiprocessing.Queue, a QueueListener in the parent."""

    def configure(self, path: Path, rotation: int | None) -> None:
        """Start the listener. The recipe does not rotate across processes that have no parent."""
        handler = logging.FileHandler(path)
        handler.setFormatter(logging.Formatter(PERCENT_FORMAT))
        self._queue: multiprocessing.Queue[logging.LogRecord] = multiprocessing.get_context("fork").Queue()
        self._listener = logging.handlers.QueueListener(self._queue, handler)
        self._listener.start()

    def attach(self) -> None:
        """Send this worker's records to the parent's queue."""
        self._logger.handlers[:] = [logging.handlers.QueueHandler(self._queue)]

    def finish(self) -> None:
        """In the parent, wait for the listener; in a worker the queue's own thread flushes at exit."""
        if multiprocessing.parent_process() is None:
            self._listener.stop()


CONTENDERS: dict[str, type[Contender]] = {
    "mplog": Mplog,
    "loguru": Loguru,
    "loguru enqueue": LoguruEnqueue,
    "concurrent-log-handler": ConcurrentLogHandler,
    "QueueHandler": QueueHandler,
}

PACKAGES = {"loguru": "loguru", "loguru enqueue": "loguru", "concurrent-log-handler": "concurrent-log-handler"}
"""The distribution that a contender needs."""
