import sys
from multiprocessing import Process

from mplog import logger

logger.remove()
logger.add(sys.stdout, serialize=True, format="{message}")

if __name__ == "__main__":
    logger.info("started", version="1.4")
    child = Process(target=logger.warning, args=("from a child",), name="child")
    child.start()
    child.join()
