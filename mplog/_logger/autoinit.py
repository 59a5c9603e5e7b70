"""The default handler on standard error, as the environment wants it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from mplog._logger.options import Given

if TYPE_CHECKING:
    from mplog._logger.logger import Logger

_TRUE = ("1", "true", "yes", "y", "ok", "on")
_FALSE = ("0", "false", "no", "n", "nok", "off")


def boolean(variable: str, default: bool) -> bool:
    """The value of a boolean environment variable.

    Raises:
        ValueError: it is set to something else than a boolean.
    """
    text = os.environ.get(variable)
    if text is None:
        return default
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(
        f"Invalid environment variable '{variable}' (expected a boolean): '{text}'. "
        f"Use one of {', '.join(_TRUE + _FALSE)}, or unset it."
    )


def start(logger: Logger) -> None:
    """Add the default handler (id 0), unless MPLOG_AUTOINIT is false or there is no standard error."""
    if boolean("MPLOG_AUTOINIT", True) and sys.stderr:
        logger._core.add(
            sys.stderr,
            Given(
                level=os.environ.get("MPLOG_LEVEL", "DEBUG"),
                filter=os.environ.get("MPLOG_FILTER"),
                catch=boolean("MPLOG_CATCH", True),
                enqueue=boolean("MPLOG_ENQUEUE", False),
            ),
            auto=True,
        )
