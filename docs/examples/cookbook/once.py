import sys

from mplog import logger


class Once:
    """Lets the first record of each place in the source through."""

    def __init__(self):
        self.seen = set()

    def __call__(self, record):
        place = record["file"].path, record["line"]
        if place in self.seen:
            return False
        self.seen.add(place)
        return True


logger.remove()
logger.add(sys.stdout, format="{message}", filter=Once())

for number in range(1000):
    logger.warning("the old way of writing is used, such as in line {}", number)
