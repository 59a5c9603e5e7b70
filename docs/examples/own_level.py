import sys

from mplog import logger

logger.remove()
logger.level("NOTICE", no=25, icon="@")
logger.add(sys.stdout, level="NOTICE", format="{level.icon} {level.no} {level}: {message}")

logger.log("NOTICE", "a level of one's own")
logger.log(33, "a bare number")
logger.info("less than a notice")
