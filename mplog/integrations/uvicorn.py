"""uvicorn's logs as records of mplog.

    uvicorn.run("application:app", workers=4, log_config=mplog.integrations.uvicorn.LOG_CONFIG)

On the command line: `mplog integrations uvicorn >log.json`, and `uvicorn --log-config log.json`. Where the module of
the application has the sinks, each worker adds them; they meet in the file.
"""

from __future__ import annotations

import logging
from typing import Any

from mplog.integrations.standard import Handler as _Handler

LOG_CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    # Whatever uses them: uvicorn stores into these when it is told whether to use colours.
    "formatters": {
        name: {"()": "uvicorn.logging.DefaultFormatter", "use_colors": None} for name in ("default", "access")
    },
    "handlers": {"mplog": {"class": "mplog.integrations.uvicorn.Handler"}},
    "loggers": {
        "uvicorn": {"handlers": ["mplog"], "level": "INFO", "propagate": False},
        "uvicorn.error": {"level": "INFO"},
        "uvicorn.access": {"level": "INFO", "propagate": True},
    },
}
"""What uvicorn takes as `log_config`; `log_level` and `access_log` are applied to it as usual."""


class Handler(_Handler):
    """As `mplog.integrations.standard.Handler`; a record of the access log has what is in its text as extra values,
    too: `remote`, `method`, `path`, `query`, `protocol`, `status`."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log *record* with mplog."""
        record.__dict__.pop("color_message", None)  # Its message once more, with what a terminal wants.
        if record.name == "uvicorn.access" and isinstance(record.args, tuple) and len(record.args) == 5:
            remote, method, target, version, status = record.args
            path, _, query = str(target).partition("?")
            record.__dict__.update(
                remote=remote, method=method, path=path, query=query, protocol=f"HTTP/{version}", status=status
            )
        super().emit(record)
