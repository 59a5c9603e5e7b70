"""The default handler on standard error, as the environment wants it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from mplog._logger.environment import DEFAULTS
from mplog._logger.options import Given

if TYPE_CHECKING:
    from mplog._logger.logger import Logger


_VARIABLES = ("MPLOG_LEVEL", "MPLOG_FORMAT", "MPLOG_FILTER", "MPLOG_CONTEXT")
"""Those that only `add()` can judge."""


def start(logger: Logger) -> None:
    """Add the default handler (id 0), unless MPLOG_AUTOINIT is false or there is no standard error.

    Raises:
        ValueError: the environment asks for what cannot be; the text names the variables.
    """
    if DEFAULTS.autoinit and sys.stderr:
        try:
            logger._core.add(sys.stderr, Given(), auto=True)
        except ValueError as error:
            given = ", ".join(f"{name}={os.environ[name]!r}" for name in _VARIABLES if name in os.environ)
            raise ValueError(f"{error} The default handler is made as the environment says: {given}.") from error
