import sys
import time

from mplog import logger


def since_start(record):
    record["extra"]["at"] = f"{record['elapsed'].total_seconds():8.3f} s"
    return "{extra[at]} {message}\n"


logger.remove()
logger.add(sys.stdout, format=since_start)

logger.info("loading")
time.sleep(0.25)
logger.info("loaded")
