import sys

from mplog import logger

logger.remove()
logger.add("app.log", format="{message}")
if sys.stderr.isatty():
    logger.add(sys.stderr, level="WARNING", format="<level>{message}</level>")

logger.info("for the file")
logger.warning("for whoever looks, too")
