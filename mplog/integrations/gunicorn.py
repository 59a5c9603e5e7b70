"""Gunicorn's error and access log as records of mplog.

    # gunicorn.conf.py
    from mplog.integrations import gunicorn

    logger_class = gunicorn.Logger
    accesslog = "-"
    gunicorn.add("app.log", rotation="10 MB", retention=5, compression="gz")

The arbiter opens what `add()` names, after `--daemon` has done its forks, and keeps it over reloads. Workers, preloaded
or not, deliver there what Gunicorn and the application log.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import MutableMapping
from datetime import timedelta
from typing import Any

from gunicorn import glogging

from mplog import logger
from mplog.integrations._lines import Lines
from mplog.integrations._request import HEADER, is_acceptable
from mplog.integrations.uvicorn import Handler as UvicornHandler

_ERROR_FORMAT = "[{time:YYYY-MM-DD HH:mm:ss ZZ}] [{process.id}] [{level}] {message}"
_ACCESS_FORMAT = "{message}"

_Wanted = tuple[Any, dict[str, Any]]
"""The arguments of one `add`."""


class _Sinks:
    """What the configuration file names, and what of it is open. In the arbiter, whose signals run in its main loop."""

    def __init__(self) -> None:
        self._read: list[_Wanted] = []
        """What the file has named since the last `open`."""
        self._of: list[tuple[Any, list[_Wanted]]] = []
        """What the last configurations named: Gunicorn goes back to the one before when it refuses the new one."""
        self._opened: list[tuple[_Wanted, int]] = []

    def want(self, wanted: _Wanted) -> None:
        """Note it."""
        self._read.append(wanted)

    def open_for(self, cfg: Any) -> None:
        """Have open what the configuration *cfg* names, which has just been read, or is the one before. As `_open`."""
        wanted = next((each for known, each in self._of if known is cfg), None)
        if wanted is None:
            wanted, self._read = self._read, []
            self._of = [*self._of[-1:], (cfg, wanted)]
        self._open(wanted)

    def open_read(self) -> None:
        """The same where Gunicorn does not say which configuration it is, if one was read that names anything."""
        if self._read:
            wanted, self._read = self._read, []
            self._open(wanted)

    def _open(self, all_wanted: list[_Wanted]) -> None:
        """Open what is new before what is gone is removed, so that nothing is without a sink in between.

        Raises what `logger.add` raises; what was open before stays then, but for files that were to be opened anew.
        """
        before, opened = self._opened[:], []
        if all_wanted and not before:
            before.append((("mplog's default handler", {}), 0))
        try:
            for wanted in all_wanted:
                known = next((each for each in before if each[0] == wanted), None)
                if known is not None:
                    before.remove(known)
                    opened.append(known)
                    continue
                opened.append((wanted, logger.add(wanted[0], **wanted[1])))
                # The same file with other options: for as short as can be, each record is taken by both.
                same = next((each for each in before if each[0][0] == wanted[0]), None)
                if same is not None:
                    before.remove(same)
                    _remove(same[1])
        except BaseException:
            for each in opened:
                if each not in self._opened:
                    _remove(each[1])
            raise
        self._opened = opened
        for _, number in before:
            _remove(number)


def _remove(number: int) -> None:
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
        _sinks.open_for(cfg)
        super().setup(cfg)
        for log, output in ((self.error_log, cfg.errorlog), (self.access_log, cfg.accesslog)):
            # A `logconfig` of the user's may have replaced all handlers that there were.
            if output is not None and not any(getattr(handler, "_gunicorn", False) for handler in log.handlers):
                self._set_handler(log, output, None)

    def _set_handler(self, log: logging.Logger, output: str | None, fmt: Any, stream: Any = None) -> None:
        for handler in list(log.handlers):
            if getattr(handler, "_gunicorn", False):
                log.removeHandler(handler)
        self._write_to(log.name, None if output == "-" else output)
        if output is not None:
            log.addHandler(_Handler(None if output == "-" else Lines(log, logging.ERROR)))

    def _write_to(self, name: str, path: str | None) -> None:
        """Have the records of the standard logger *name* in the file *path*, too, and in no other one from before."""
        before = self._files.get(name)
        if before is not None and before[0] == path:
            return
        if path is not None:
            # uvicorn's workers give theirs to the same handlers.
            names: dict[str | None, str | int | bool] = {
                "": False,
                name: True,
                name.replace("gunicorn", "uvicorn"): True,
            }
            format = _ACCESS_FORMAT if name.endswith("access") else _ERROR_FORMAT
            self._files[name] = path, logger.add(path, format=format, filter=names, level=0)
        if before is not None:
            if path is None:
                del self._files[name]
            _remove(before[1])

    def access(self, resp: Any, req: Any, environ: MutableMapping[str, Any], request_time: timedelta) -> None:
        """Log a request that was answered."""
        if not _is_enabled(self):
            return
        try:
            found: Any = self.atoms(resp, req, environ, request_time)
            atoms = self.atoms_wrapper_class(found)
            status = str(resp.status or "").partition(" ")[0]
            extra = {
                "method": environ.get("REQUEST_METHOD"),
                "path": environ.get("PATH_INFO", getattr(req, "path", None)),
                "query": environ.get("QUERY_STRING"),
                "status": int(status) if status.isdigit() else None,
                "bytes": getattr(resp, "sent", None),
                "duration": request_time.seconds + request_time.microseconds / 1e6,
                "remote": environ.get("REMOTE_ADDR"),
                "protocol": environ.get("SERVER_PROTOCOL"),
                "referer": environ.get("HTTP_REFERER"),
                "user_agent": environ.get("HTTP_USER_AGENT"),
            }
            request_id = environ.get("mplog.request_id") or _header(resp) or _header(req)
            if request_id:
                extra["request_id"] = request_id
            self.access_log.info(self.cfg.access_log_format, atoms, extra=extra)
        except Exception:  # noqa: BLE001 - a format of the user's, or an application's response that is none
            self.exception("a request could not be logged with the access_log_format %r", self.cfg.access_log_format)

    def reopen_files(self) -> None:
        """USR1, and after a reload: also what a version of Gunicorn that makes its logger only once has read again."""
        super().reopen_files()
        try:
            _sinks.open_read()
        except Exception:  # noqa: BLE001 - wrong options in a file that is read again must not end the server
            self.exception("the sinks of the new configuration cannot be opened; those of the one before stay")
        logger.reopen()


class _Handler(UvicornHandler):
    """Also for uvicorn's workers, which copy it. What an application writes to `wsgi.errors` goes to its stream."""

    _gunicorn = True  # By this Gunicorn knows its own.

    def __init__(self, stream: Lines | None) -> None:
        super().__init__()
        if stream is not None:
            self.stream = stream


def _header(message: Any) -> str | None:
    """The request's id in the headers of a request or response, if it is one."""
    headers = getattr(message, "headers", None) or ()
    for name, value in headers.items() if isinstance(headers, MutableMapping) else headers:
        if str(name).lower() == HEADER.lower():
            return str(value) if is_acceptable(str(value)) else None
    return None


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
