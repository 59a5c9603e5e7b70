import os

from mplog import logger

logger.remove()
logger.add("fork.log", format="{message}")

children = []
for number in range(4):
    child = os.fork()
    if child == 0:
        logger.info("child {} of four", number)
        os._exit(0)
    children.append(child)

for child in children:
    os.waitpid(child, 0)
