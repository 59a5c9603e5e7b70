"""Gunicorn's error and access log as records of mplog.

    # gunicorn.conf.py
    from mplog.integrations import gunicorn

    logger_class = gunicorn.Logger
    accesslog = "-"
    gunicorn.add("app.log", rotation="10 MB", retention=5, compression="gz")

The arbiter opens what `add()` names, after `--daemon` has done its forks, and keeps it over reloads. Workers, preloaded
or not, deliver there what Gunicorn and the application log. Where the application adds the same file, the arbiter's is
meant.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import MutableMapping
from datetime import timedelta
from typing import Any

from gunicorn import glogging

from mplog import logger
from mplog.integrations.standard import InterceptHandler

_ERROR_FORMAT = "[{time:YYYY-MM-DD HH:mm:ss ZZ}] [{process.id}] [{level}] {message}"
_ACCESS_FORMAT = "{message}"

_Wanted = tuple[Any, dict[str, Any]]
"""The arguments of one `add`."""


class _Sinks:
    """What the configuration file names, and what of it is open. In the arbiter, whose signals run in its main loop."""

    def __init__(self) -> None:
        self._wanted: list[_Wanted] = []
        self._is_read = True
        self._opened: list[tuple[_Wanted, int]] = []

    def want(self, wanted: _Wanted) -> None:
        """Note it. The first one after `open` begins a new list: the file is being read again."""
        if self._is_read:
            self._wanted, self._is_read = [], False
        self._wanted.append(wanted)

    def open(self) -> None:
        """Open what is new and then remove what is gone, so that nothing is without a sink in between.

        Raises what `logger.add` raises; what was open before stays then.
        """
        if self._is_read:
            return
        self._is_read = True
        before, opened = self._opened[:], []
        added: list[int] = []
        try:
            for wanted in self._wanted:
                known = next((each for each in before if each[0] == wanted), None)
                if known is not None:
                    before.remove(known)
                    opened.append(known)
                    continue
                added.append(logger.add(wanted[0], **wanted[1]))
                opened.append((wanted, added[-1]))
        except BaseException:
            for number in added:
                logger.remove(number)
            raise
        if not self._opened:
            before.append((("the default handler", {}), 0))
        self._opened = opened
        for _, number in before:
            with contextlib.suppress(ValueError):  # The program has removed it.
                logger.remove(number)


_sinks = _Sinks()


def add(sink: Any, **options: Any) -> None:
    """In Gunicorn's configuration file: as `logger.add`, with the same arguments, for the arbiter.

    It is opened when Gunicorn makes its logger. When that reads the file again (HUP), what has not changed stays open,
    and what is not named any more is removed. The first sink replaces mplog's default handler.

    Errors in the arguments are raised then, and end Gunicorn's start, or its reload.
    """
    _sinks.want((sink, options))


class Logger(glogging.Logger):
    """What Gunicorn's `logger_class` names.

    Gunicorn's settings keep their meaning: `loglevel`; `accesslog`, without which there is no access log; `errorlog`
    and `accesslog` as "-", for all sinks of mplog, or as a path, which becomes a further sink for these records alone;
    `access_log_format`, in which the text of an access record is; `syslog` and `logconfig`. USR1 reopens files whose
    paths name others by now.

    A record of the error log has the name "gunicorn.error", one of the access log "gunicorn.access" and as extra
    `method`, `path`, `query`, `status`, `bytes`, `duration` (seconds), `remote`, `protocol`, `referer`, `user_agent`
    and, where there is one, `request_id`.
    """

    def __init__(self, cfg: Any) -> None:
        self._files: dict[str, tuple[str, int]] = {}
        super().__init__(cfg)

    def setup(self, cfg: Any) -> None:
        """Gunicorn calls it at its start, and when it has read its configuration again."""
        _sinks.open()
        super().setup(cfg)

    def _set_handler(self, log: logging.Logger, output: str | None, fmt: Any, stream: Any = None) -> None:
        for handler in list(log.handlers):
            if getattr(handler, "_gunicorn", False):
                log.removeHandler(handler)
        self._write_to(log.name, None if output == "-" else output)
        if output is not None:
            ours = InterceptHandler()
            ours._gunicorn = True  # type: ignore[attr-defined]  # by this Gunicorn knows its own
            log.addHandler(ours)

    def _write_to(self, name: str, path: str | None) -> None:
        """Have the records of the standard logger *name* in the file *path*, too, and in no other one from before."""
        before = self._files.get(name)
        if before is not None and before[0] == path:
            return
        if path is not None:
            format = _ACCESS_FORMAT if name.endswith("access") else _ERROR_FORMAT
            self._files[name] = path, logger.add(path, format=format, filter={"": False, name: True}, level=0)
        if before is not None:
            if path is None:
                del self._files[name]
            with contextlib.suppress(ValueError):
                logger.remove(before[1])

    def access(self, resp: Any, req: Any, environ: MutableMapping[str, Any], request_time: timedelta) -> None:
        """Log a request that was answered."""
        if not _is_enabled(self):
            return
        try:
            found: Any = self.atoms(resp, req, environ, request_time)
            atoms = self.atoms_wrapper_class(found)
            status = str(resp.status).partition(" ")[0]
            extra = {
                "method": environ.get("REQUEST_METHOD"),
                "path": environ.get("PATH_INFO"),
                "query": environ.get("QUERY_STRING"),
                "status": int(status) if status.isdigit() else status,
                "bytes": getattr(resp, "sent", None),
                "duration": request_time.total_seconds(),
                "remote": environ.get("REMOTE_ADDR"),
                "protocol": environ.get("SERVER_PROTOCOL"),
                "referer": environ.get("HTTP_REFERER"),
                "user_agent": environ.get("HTTP_USER_AGENT"),
            }
            request_id = environ.get("mplog.request_id") or environ.get("HTTP_X_REQUEST_ID")
            if request_id:
                extra["request_id"] = request_id
            self.access_log.info(self.cfg.access_log_format, atoms, extra=extra)
        except Exception:  # noqa: BLE001 - a format of the user's, or an application's response that is none
            self.exception("a request could not be logged with the access_log_format %r", self.cfg.access_log_format)

    def reopen_files(self) -> None:
        """USR1, and after a reload: also what a version of Gunicorn that makes its logger only once has read again."""
        super().reopen_files()
        _sinks.open()
        logger.reopen()


def _is_enabled(log: Logger) -> bool:
    """Whether there is an access log. Older versions of Gunicorn do not say."""
    known = getattr(log, "access_log_enabled", None)
    if known is not None:
        return bool(known)
    cfg = log.cfg
    return bool(
        cfg.accesslog
        or cfg.logconfig
        or cfg.logconfig_dict
        or getattr(cfg, "logconfig_json", None)
        or (cfg.syslog and not cfg.disable_redirect_access_to_syslog)
    )
