"""The default handler on standard error, as the environment wants it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from mplog._capture import variables
from mplog._logger import environment
from mplog._logger.environment import DEFAULTS
from mplog._logger.options import Given
from mplog._session import attach
from mplog._session.queue_options import VARIABLES
from mplog._sinks import report

if TYPE_CHECKING:
    from mplog._logger.logger import Logger


_VARIABLES = ("MPLOG_LEVEL", "MPLOG_FORMAT", "MPLOG_FILTER", "MPLOG_CONTEXT")
"""Those that only `add()` can judge."""


KNOWN = (
    *("MPLOG_AUTOINIT", "MPLOG_LEVEL", "MPLOG_FORMAT", "MPLOG_FILTER", "MPLOG_COLORIZE", "MPLOG_SERIALIZE"),
    *("MPLOG_BACKTRACE", "MPLOG_DIAGNOSE", "MPLOG_ENQUEUE", "MPLOG_CONTEXT", "MPLOG_CATCH", "MPLOG_STRICT"),
    *("MPLOG_RUNTIME_DIR", "MPLOG_SESSION", "MPLOG_GUARD"),
    *(f"MPLOG_{level}_{what}" for level in environment.LEVELS for what in ("NO", "COLOR", "ICON")),
    *VARIABLES.values(),
)
"""The variables that are read, wherever that is."""


def _say_ignored() -> None:
    """Say which variables do nothing, in the program's first process: its children have the same ones."""
    if attach.bootstrapping():
        return
    taken_out = [name for name in variables.TAKEN_OUT if name in KNOWN]
    if taken_out:
        report.once(
            "foreign environment",
            f"{', '.join(taken_out)} in the environment do nothing, because this program has other rights than whoever "
            "started it (set-user-id, set-group-id or capabilities of its file). Configure it in its code.",
        )
    for name, right in environment.unknown(os.environ, KNOWN).items():
        report.once(f"variable {name}", f"the environment variable {name} is not one of mplog's. Did you mean {right}?")


def start(logger: Logger) -> None:
    """Add the default handler (id 0), unless MPLOG_AUTOINIT is false or there is no standard error.

    Raises:
        ValueError: the environment asks for what cannot be; the text names the variables.
    """
    _say_ignored()
    if DEFAULTS.autoinit and sys.stderr:
        try:
            logger._core.add(sys.stderr, Given(), auto=True)
        except ValueError as error:
            given = ", ".join(f"{name}={os.environ[name]!r}" for name in _VARIABLES if name in os.environ)
            raise ValueError(f"{error} The default handler is made as the environment says: {given}.") from error
