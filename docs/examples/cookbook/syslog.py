import logging.handlers
import sys

from mplog import logger

address = sys.argv[1] if len(sys.argv) > 1 else "/dev/log"
logger.remove()
logger.add(logging.handlers.SysLogHandler(address), format="shop[{process.id}]: {message}")

logger.error("no answer from the bank")
