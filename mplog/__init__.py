"""mplog: logging for programs that use many processes.

`from mplog import logger` gives one ready logger. What a process logs reaches the files of the process that
configured them exactly once, whichever process dies at whatever instant.
"""

from __future__ import annotations

from mplog._capture import variables  # First: what it takes out of the environment nothing must have read.
from mplog._logger.autoinit import start
from mplog._logger.cores import attach
from mplog._logger.logger import logger
from mplog._session.queue_options import QueueOptions
from mplog._version import __version__ as __version__

__all__ = ["QueueOptions", "attach", "logger"]

start(logger)
del start, variables
