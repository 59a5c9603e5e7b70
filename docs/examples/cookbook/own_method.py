import sys
from functools import partialmethod

from mplog import logger

logger.remove()
logger.level("NOTICE", no=22, color="<black><YELLOW>", icon="*")
looks = "{level.icon} <level>{level}</level> {function}: {message}"
logger.add(sys.stdout, format=looks, colorize=True)
type(logger).notice = partialmethod(type(logger).log, "NOTICE")


def open_shop():
    logger.notice("{} is open", "the shop")


open_shop()
