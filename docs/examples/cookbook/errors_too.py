from mplog import logger

logger.remove()
logger.add("app.log", level="DEBUG", format="{level} {message}")
logger.add("errors.log", level="WARNING", format="{level} {message}", rotation="10 MB")

logger.debug("looking for work")
logger.info("found some")
logger.error("could not do it")
