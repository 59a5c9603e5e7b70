from mplog import logger

logger.remove()
logger.add("logs/{time:YYYY-MM-DD}.log", rotation="daily", retention="30 days", permissions=0o640, format="{message}")
logger.info("one file a day, in a directory that is made when it is missing")
