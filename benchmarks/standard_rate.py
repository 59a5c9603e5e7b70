"""How many records per second four workers of a program that keeps `logging` get into one file that rotates.

Each contender is what `logging.config.dictConfig` is given; the calls are `logging`'s own.
"""

from __future__ import annotations

import logging.config
import logging.handlers
import multiprocessing
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from benchmarks.contenders import BRACE_FORMAT, PERCENT_FORMAT
from benchmarks.lines import require_lines
from benchmarks.subject import Subject

WORKERS = 4
ROTATION = 1_000_000
_BACKUPS = 50
"""More than there will be, and few: those handlers look for each of them at each rotation."""
_PATIENCE = 60.0

_CONTEXT = multiprocessing.get_context("fork")


class Configured:
    """A program with one handler, which is enough for all of its processes."""

    def __init__(self, log: Path, handler: dict[str, Any]) -> None:
        logging.config.dictConfig(
            {
                "version": 1,
                "formatters": {"plain": {"format": PERCENT_FORMAT}},
                "handlers": {"file": {**handler, self.names_its_file: str(log)}},
                "root": {"handlers": ["file"], "level": "INFO"},
            }
        )

    names_its_file = "filename"

    def begin_worker(self) -> None:
        """Do in a forked worker what is asked for there."""

    def finish(self) -> None:
        """Wait until everything is in the file."""
        logging.shutdown()


class Mplog(Configured):
    """mplog's handler."""

    names_its_file = "sink"

    def __init__(self, log: Path) -> None:
        super().__init__(
            log,
            {"class": "mplog.integrations.standard.Handler", "rotation": ROTATION, "format": BRACE_FORMAT},
        )

    def finish(self) -> None:
        """In the owner, wait for what workers have logged."""
        from mplog import logger

        logger.complete()


class ConcurrentLogHandler(Configured):
    """concurrent-log-handler's, with a lock file around every record."""

    def __init__(self, log: Path) -> None:
        name = "concurrent_log_handler.ConcurrentRotatingFileHandler"
        super().__init__(log, {"class": name, "formatter": "plain", "maxBytes": ROTATION, "backupCount": _BACKUPS})


class QueueHandler(Configured):
    """The recipe of Python's documentation: a `RotatingFileHandler` behind a `QueueListener`, a queue for workers."""

    def __init__(self, log: Path) -> None:
        name = "logging.handlers.RotatingFileHandler"
        super().__init__(log, {"class": name, "formatter": "plain", "maxBytes": ROTATION, "backupCount": _BACKUPS})
        self._queue: multiprocessing.Queue[logging.LogRecord] = _CONTEXT.Queue()
        self._listener = logging.handlers.QueueListener(self._queue, *logging.getLogger().handlers)
        self._listener.start()

    def begin_worker(self) -> None:
        """Send its records to the parent."""
        # Before Python 3.12 `dictConfig` knows nothing of queues.
        logging.getLogger().handlers[:] = [logging.handlers.QueueHandler(self._queue)]

    def finish(self) -> None:
        """In the parent, wait for the listener; in a worker the queue's own thread does that at its end."""
        if multiprocessing.parent_process() is None:
            self._listener.stop()


CONTENDERS = {"mplog": Mplog, "concurrent-log-handler": ConcurrentLogHandler, "QueueHandler": QueueHandler}


def measure(name: str, records: int, directory: Path) -> float:
    """Return records per second, from the moment all workers stand ready until the last line is in the file."""
    log = directory / "bench.log"
    contender = CONTENDERS[name](log)
    ready = _CONTEXT.Barrier(WORKERS + 1)
    workers = [_CONTEXT.Process(target=_worker, args=(contender, records, ready)) for _ in range(WORKERS)]
    for process in workers:
        process.start()
    ready.wait(_PATIENCE)
    begun = time.perf_counter()
    for process in workers:
        process.join()
    contender.finish()
    spent = time.perf_counter() - begun
    require_lines(log, WORKERS * records)
    return WORKERS * records / spent


def _worker(contender: Configured, records: int, ready: Barrier) -> None:
    contender.begin_worker()
    log = logging.getLogger("benchmark")
    ready.wait(_PATIENCE)
    for number in range(records):
        log.info("job %s took %s s", number, 0.25)
    contender.finish()


SUBJECT = Subject(
    name="standard-rate",
    title="4 workers of a program that keeps `logging`, one file, rotated at 1 MB",
    unit="records per second",
    contenders=("mplog", "concurrent-log-handler", "QueueHandler"),
    targets=(),
    records=20_000,
    quick_records=4_000,
    measure=measure,
)
