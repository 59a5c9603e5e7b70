import sys

from mplog import logger

logger.remove()
logger.add(sys.stdout, format="{time:YYYY-MM-DDTHH:mm:ss.SSS[Z]!UTC} {message}")

logger.info("the same in every zone")
