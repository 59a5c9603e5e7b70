from mplog import logger

logger.remove()
logger.add("steps.log", level="INFO")

logger.debug("not important enough for this file")
logger.info("{} bottles of {}", 99, "beer")
logger.warning("only {left} left", left=1)
logger.info("no arguments, so {braces} stay as they are")

try:
    each = 99 / 0
except ZeroDivisionError:
    logger.exception("could not share the bottles")
