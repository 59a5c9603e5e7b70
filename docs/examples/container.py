# container.py
import signal
import sys
from multiprocessing import Pool

from mplog import logger

logger.remove()
logger.add(sys.stdout, serialize=True)


def work(number):
    logger.info("item {} done", number)


if __name__ == "__main__":
    # A container's first process ignores what it does not handle.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    with Pool(4) as pool:
        while True:
            pool.map(work, range(100))
