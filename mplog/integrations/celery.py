"""Celery's logs, and what tasks print, as records of mplog, with the task's id on everything that it logs.

    app = Celery("jobs")
    mplog.integrations.celery.install(app)
    logger.add("app.log", rotation="10 MB")

The worker's main process owns the sinks that the module of the application adds, and its children deliver there.
"""

from __future__ import annotations

import atexit
import io
import logging
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from celery import current_app, signals
from celery.utils.log import get_multiprocessing_logger

from mplog import logger
from mplog._sinks.inside import inside
from mplog.integrations._entered import Entered
from mplog.integrations._lines import Lines
from mplog.integrations.standard import InterceptHandler

_installed: list[Any] = []
"""The application for which that was done, if it was."""

_AT_MOST = 5.0
"""Seconds that a process of the pool waits at its end until what it has logged is written."""

_OWN = ("celery", "celery.task", "celery.redirected")
"""Loggers that Celery gives handlers of their own."""


def install(app: Any = None, *, context: bool = True) -> None:
    """Let a Celery program log with mplog. To be called where *app* is made; a second call changes nothing.

    Celery's own records, those of `celery.utils.log.get_task_logger` and of any other standard logger come as records
    under their names, without the `data` that Celery attaches to its own; of these, `task_id` and `task` are extra
    values where they have a task. `-l` says which levels of standard loggers come; `-f` adds a file. What a task prints
    comes line by line from "celery.redirected", as `worker_redirect_stdouts` and `worker_redirect_stdouts_level` say,
    and what mplog itself writes to a terminal gets there.

    It works in every kind of pool, and for `celery beat`. Where Celery has set up its logging before, that is said in
    a warning, and replaced.

    Args:
        app: the application; without it, Celery's current one.
        context: have `task_id`, `task`, `retries`, `queue` and `pool` (the name of the process of the pool) as extra
            values on every record that a task logs, as after `logger.contextualize()`.
    """
    if _installed:
        return
    _installed.append(app)
    signals.setup_logging.connect(_Setup(app), weak=False)
    if context:
        signals.task_prerun.connect(_begin, weak=False)
        signals.task_postrun.connect(_end, weak=False)
    signals.worker_process_shutdown.connect(_finish, weak=False)
    if (app or current_app).log.already_setup:
        _Setup(app)(loglevel=logging.getLogger().level)
        logger.warning(
            "mplog.integrations.celery.install() was called when Celery had set up its logging, and has replaced that. "
            "Call it where the application is made, so that nothing is logged twice or elsewhere before."
        )


class _Setup:
    """What Celery asks to set up logging, in the main process of a worker, in beat, and in children that start anew."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self, loglevel: int | None = None, logfile: str | None = None, **_: Any) -> None:
        for name in _OWN:
            log = logging.getLogger(name)
            log.handlers[:] = []
            log.propagate = True
        root = logging.getLogger()
        root.handlers[:] = [_Handler()]
        if loglevel:
            root.setLevel(loglevel)
        processes = get_multiprocessing_logger()
        if processes is not None:  # What it says of a process of the pool that has died goes nowhere else.
            processes.handlers[:] = [_Handler()]
            processes.setLevel(logging.ERROR)
        if logfile:
            logger.add(logfile)
        conf = (self._app or current_app).conf
        if conf.worker_redirect_stdouts:
            level = logging.getLevelName(conf.worker_redirect_stdouts_level)
            _redirect(level if isinstance(level, int) else logging.WARNING)


class _Handler(InterceptHandler):
    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("celery."):
            data = record.__dict__.pop("data", None)
            if isinstance(data, Mapping) and data.get("id"):
                record.__dict__.update(task_id=data["id"], task=data.get("name"))
        super().emit(record)


_entered = Entered()


def _begin(task_id: str, task: Any, **_: Any) -> None:
    request = task.request
    where = request.delivery_info or {}
    values = {
        "task_id": task_id,
        "task": task.name,
        "retries": request.retries,
        "queue": where.get("routing_key") or where.get("queue"),
        "pool": _process_name(),
    }
    _entered.enter(task_id, **values)


def _end(task_id: str, **_: Any) -> None:
    _entered.leave(task_id)


def _finish(**_: Any) -> None:
    """In a process of the pool, which Celery ends without any exit function."""
    logger.complete(timeout=_AT_MOST)


def _process_name() -> str:
    billiard = sys.modules.get("billiard.process")
    return str(billiard.current_process().name) if billiard is not None else ""


def _redirect(level: int) -> None:
    log = logging.getLogger("celery.redirected")
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, _Redirected):
            redirected = _Redirected(stream, Lines(log, level))
            setattr(sys, name, redirected)
            atexit.register(redirected.end, name)


class _Redirected(io.TextIOBase):
    """In the place of a standard stream: each line that is written becomes a record. Safe in any thread and process."""

    def __init__(self, stream: TextIO | None, lines: Lines) -> None:
        self._stream = stream
        self._lines = lines

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a value in the base class, and here what the stream's is
        return getattr(self._stream, "encoding", None) or "utf-8"

    @property
    def errors(self) -> str | None:  # type: ignore[override]  # the same
        return getattr(self._stream, "errors", None)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        if self._stream is None:
            raise OSError("there is no such stream in this program")
        return self._stream.fileno()

    @property
    def _to(self) -> TextIO | Lines | None:
        """Where what is written now belongs. A sink of mplog writes for whoever looks at the terminal."""
        return self._stream if inside.message is not None else self._lines

    def write(self, text: str) -> int:
        to = self._to
        return len(text) if to is None else to.write(text)

    def flush(self) -> None:
        to = self._to
        if to is not None:
            to.flush()

    def end(self, name: str) -> None:
        """Log what was begun, and let *name* of `sys` be what it was: nothing can be logged when Python ends."""
        self._lines.flush()
        if getattr(sys, name) is self:
            setattr(sys, name, self._stream)
