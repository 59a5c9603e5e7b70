import sys

from mplog import logger

logger.remove()
logger.add(sys.stdout, level="INFO", format="{message}")


def describe():
    print("a minute of work")
    return "many details"


logger.opt(lazy=True).debug("found {}", describe)
logger.opt(lazy=True).info("found {}", describe)
