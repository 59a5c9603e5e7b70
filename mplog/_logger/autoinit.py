"""The default handler on standard error, as the environment wants it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mplog._logger.environment import DEFAULTS
from mplog._logger.options import Given

if TYPE_CHECKING:
    from mplog._logger.logger import Logger


def start(logger: Logger) -> None:
    """Add the default handler (id 0), unless MPLOG_AUTOINIT is false or there is no standard error."""
    if DEFAULTS.autoinit and sys.stderr:
        logger._core.add(sys.stderr, Given(), auto=True)
