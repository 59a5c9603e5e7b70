from collections import deque

from mplog import logger

logger.remove()
recent = deque(maxlen=3)
logger.add(recent.append, level="DEBUG", format="{level} {message}")


def dump(message):
    """Write what went before an error, too."""
    with open("incidents.log", "a") as file:
        file.writelines([*recent, "-" * 20 + "\n"])


logger.add(dump, level="ERROR")

for number in range(100):
    logger.debug("step {}", number)
logger.error("step 100 failed")
