"""Other logging libraries under the same torture, each used the way its own documentation advises.

None of them promises what mplog promises, so that a red figure here is no fault found in a peer: it is the difference
between two promises, measured.
"""

from __future__ import annotations

import logging
import logging.handlers
import multiprocessing
from pathlib import Path
from typing import Any

from stress.adapters import (
    ABILITIES,
    COMPRESSION,
    FORK,
    LINE_FORMAT,
    RETENTION,
    ROTATION,
    SLOW_SINK,
    STRANGERS,
    Adapter,
    file_options,
    slowly,
)
from stress.job import Job
from stress.sizes import size_limit

_ALL_BACKUPS = 500
"""More than any round here makes. At each rotation these handlers look for every number up to it."""

_NEVER = 10**12
_LINE = "%(asctime)s.%(msecs)03d000 | %(levelname)s | %(message)s"


class LoguruAdapter(Adapter):
    """Loguru with ``enqueue=True``: configured in the main process, the logger handed to each child."""

    package = "loguru"
    abilities = ABILITIES - {STRANGERS}
    configures_everywhere = False

    def configure(self, path: Path, job: Job) -> None:
        from loguru import logger

        logger.remove()
        logger.add(path, format=LINE_FORMAT, enqueue=True, context=job.start_method, **file_options(job))
        self._use(logger)

    def add_slow(self, seconds: float, path: Path) -> None:
        self._logger.add(slowly(seconds, path.open("a")), format=LINE_FORMAT, enqueue=True)

    def share(self) -> Any:
        return self._logger

    def join(self, shared: Any) -> None:
        self._use(shared)

    def _use(self, logger: Any) -> None:
        self._logger = logger
        self.log = lambda text, info=logger.info: info("{}", text)  # type: ignore[misc]  # its default: mypy infers none

    def leave(self) -> None:
        self._logger.complete()

    def finish(self) -> None:
        self._logger.complete()


class _SlowHandler(logging.Handler):
    """A handler that takes its time."""

    def __init__(self, seconds: float, path: Path) -> None:
        super().__init__()
        self._write = slowly(seconds, path.open("a"))

    def emit(self, record: logging.LogRecord) -> None:
        self._write(self.format(record) + "\n")


class _StandardAdapter(Adapter):
    """What the peers on top of the standard library's `logging` share."""

    highest_is_oldest = True

    def __init__(self) -> None:
        self._logger = logging.getLogger("stress")
        self._logger.setLevel(logging.INFO)
        self._logger.propagate = False
        self.log = lambda text, info=self._logger.info: info("%s", text)  # type: ignore[misc]  # its default: mypy infers none

    @staticmethod
    def dressed(handler: logging.Handler) -> logging.Handler:
        """Give *handler* the format of the lines."""
        handler.setFormatter(logging.Formatter(_LINE, "%Y-%m-%d %H:%M:%S"))
        return handler

    def file_handler(self, path: Path, job: Job) -> logging.Handler:
        """The library's handler for *path*: a rotating one when rotation is asked for."""
        limit = size_limit(job.rotation)
        if limit is None:
            return self.dressed(logging.FileHandler(path))
        kept = job.retention or _ALL_BACKUPS
        return self.dressed(logging.handlers.RotatingFileHandler(path, maxBytes=limit, backupCount=kept))

    def finish(self) -> None:
        logging.shutdown()


class FileHandlerAdapter(_StandardAdapter):
    """The standard library's file handler in each process, which knows nothing of the others: a floor."""

    abilities = ABILITIES - {ROTATION, RETENTION, COMPRESSION, SLOW_SINK}

    def configure(self, path: Path, job: Job) -> None:
        self._logger.addHandler(self.file_handler(path, job))


class QueueListenerAdapter(_StandardAdapter):
    """The recipe of the standard library: a QueueHandler in each process, a QueueListener in the parent."""

    abilities = ABILITIES - {COMPRESSION, STRANGERS}
    configures_everywhere = False

    def configure(self, path: Path, job: Job) -> None:
        self._queue: Any = multiprocessing.get_context(job.start_method).Queue()
        self._handlers = [self.file_handler(path, job)]
        self._listen()
        self.join(self._queue)

    def add_slow(self, seconds: float, path: Path) -> None:
        self._listener.stop()
        self._handlers.append(self.dressed(_SlowHandler(seconds, path)))
        self._listen()

    def _listen(self) -> None:
        self._listener = logging.handlers.QueueListener(self._queue, *self._handlers)
        self._listener.start()

    def share(self) -> Any:
        return self._queue

    def join(self, shared: Any) -> None:
        self._logger.handlers[:] = [logging.handlers.QueueHandler(shared)]

    def finish(self) -> None:
        self._listener.stop()


class ConcurrentLogHandlerAdapter(_StandardAdapter):
    """concurrent-log-handler: every process writes the file, a lock file around every record."""

    package = "concurrent-log-handler"
    litter = r"\.__.*\.lock"
    limit_is_exact = False

    def configure(self, path: Path, job: Job) -> None:
        from concurrent_log_handler import ConcurrentRotatingFileHandler

        handler = ConcurrentRotatingFileHandler(
            str(path),
            maxBytes=size_limit(job.rotation) or _NEVER,
            backupCount=job.retention or _ALL_BACKUPS,
            use_gzip=job.compression is not None,
        )
        self._logger.addHandler(self.dressed(handler))

    def add_slow(self, seconds: float, path: Path) -> None:
        self._logger.addHandler(self.dressed(_SlowHandler(seconds, path)))


class MultiprocessingLoggingAdapter(_StandardAdapter):
    """multiprocessing-logging: existing handlers are wrapped, forked children send to the parent."""

    package = "multiprocessing-logging"
    abilities = frozenset({FORK, ROTATION, RETENTION, SLOW_SINK})
    configures_everywhere = False

    def configure(self, path: Path, job: Job) -> None:
        from multiprocessing_logging import install_mp_handler

        self._logger.addHandler(self.file_handler(path, job))
        install_mp_handler(self._logger)

    def add_slow(self, seconds: float, path: Path) -> None:
        from multiprocessing_logging import MultiProcessingHandler

        slow = self.dressed(_SlowHandler(seconds, path))
        self._logger.addHandler(MultiProcessingHandler("slow", sub_handler=slow))


class LoggingMpAdapter(Adapter):
    """logging-mp: configured once, children find its queue by themselves. It chooses names and format."""

    package = "logging-mp"
    abilities = ABILITIES - {COMPRESSION, SLOW_SINK, STRANGERS}
    configures_everywhere = False
    log_name = "program.log"
    prefix = rb"\d\d:\d\d:\d\d\.\d{3} INFO     \[\w+\.py:\d+\] [^:\n]+: "

    def configure(self, path: Path, job: Job) -> None:
        import logging_mp

        logging_mp.basicConfig(
            level=logging_mp.INFO,
            console=False,
            file=True,
            file_path=str(path.parent),
            backup_count=job.retention or _ALL_BACKUPS,
            max_file_size=size_limit(job.rotation) or _NEVER,
        )
        self.join(None)

    def join(self, shared: Any) -> None:
        import logging_mp

        logger = logging_mp.getLogger("stress")
        self.log = lambda text, info=logger.info: info("%s", text)  # type: ignore[misc]  # its default: mypy infers none

    def finish(self) -> None:
        """Leave the rest to the listener, which ends when the program does."""


PEERS: dict[str, type[Adapter]] = {
    "queue-listener": QueueListenerAdapter,
    "loguru": LoguruAdapter,
    "concurrent-log-handler": ConcurrentLogHandlerAdapter,
    "multiprocessing-logging": MultiprocessingLoggingAdapter,
    "logging-mp": LoggingMpAdapter,
    "file-handler": FileHandlerAdapter,
}
