import os

from mplog import logger

logger.remove()
logger.add("order.log", format="{message}")

for number in range(50):
    child = os.fork()
    if child == 0:
        logger.info("child {}", number)
        logger.complete()  # returns when the line above is in the file
        os._exit(0)
    os.waitpid(child, 0)
    logger.info("parent after child {}", number)
