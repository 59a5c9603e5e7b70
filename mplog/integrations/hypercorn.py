"""Hypercorn's logs as records of mplog.

    config.logger_class = mplog.integrations.hypercorn.Logger
    config.accesslog = "-"

On the command line it is `logger_class` of the configuration file. Where the application's module has the sinks, each
worker adds them; they meet in the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypercorn import logging as _hypercorn

from mplog.integrations._request import shown
from mplog.integrations.standard import InterceptHandler

if TYPE_CHECKING:
    from hypercorn.config import Config
    from hypercorn.typing import ResponseSummary, WWWScope


class Logger(_hypercorn.Logger):
    """What Hypercorn's `logger_class` names.

    `errorlog` and `accesslog` as "-" mean all sinks of mplog; as a path or a logger they are
    as always, and not mplog's.
    `loglevel` and `access_log_format` keep their meaning. A record of the access log has `method`, `path`, `query`,
    `status`, `duration` (seconds), `remote`, `protocol` and, behind `mplog.integrations.asgi.Middleware`, `request_id`
    as extra values.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        for log, output in ((self.access_logger, config.accesslog), (self.error_logger, config.errorlog)):
            if log is not None and output == "-":
                log.handlers = [InterceptHandler()]
                log.propagate = False

    async def access(self, request: WWWScope, response: ResponseSummary | None, request_time: float) -> None:
        """Log a request that was answered."""
        if self.access_logger is None:
            return
        client = request.get("client")
        extra: dict[str, Any] = {
            "method": request.get("method", "WEBSOCKET"),
            "path": request["path"],
            "query": request["query_string"].decode("latin-1"),
            "status": response["status"] if response is not None else None,
            "duration": request_time,
            "remote": None if client is None else client[0],
            "protocol": f"HTTP/{request['http_version']}",
        }
        state: dict[str, Any] = dict(request.get("state") or {})
        request_id = state.get("request_id")
        if request_id is not None:
            extra["request_id"] = request_id
        quoted: Any = {**request, "path": shown(request["path"])}
        atoms = self.atoms(quoted, response, request_time)
        self.access_logger.info(self.access_log_format, atoms, extra=extra)
