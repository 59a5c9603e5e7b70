import sys

from mplog import logger

name = sys.argv[1]
logger.remove()
logger.add("shared.log", rotation="100 KB", compression="gz", format="{process.id} | {message}")

for number in range(5000):
    logger.info("{} logs line {}", name, number)
