import os

from mplog import logger


def keep(total):
    """A retention that removes the oldest files until the others have *total* bytes at most."""

    def remove_oldest(paths):
        newest_first = sorted(paths, key=os.path.getmtime, reverse=True)
        used = 0
        for path in newest_first:
            used += os.path.getsize(path)
            if used > total:
                os.remove(path)

    return remove_oldest


logger.remove()
logger.add("app.log", rotation="10 KB", retention=keep(50_000), format="{message}")

for number in range(20_000):
    logger.info("line {}", number)
