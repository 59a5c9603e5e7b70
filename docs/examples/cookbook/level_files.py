from mplog import logger


def only(level):
    return lambda record: record["level"].name == level


logger.remove()
for level in ("INFO", "WARNING", "ERROR"):
    logger.add(f"{level.lower()}.log", filter=only(level), format="{message}")

logger.info("started")
logger.warning("the disk is nearly full")
logger.error("the disk is full")
