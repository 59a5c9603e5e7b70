import multiprocess

from mplog import logger

logger.remove()
logger.add("lambdas.log", format="{message}")

if __name__ == "__main__":
    with multiprocess.Pool(3) as pool:
        pool.map(lambda number: logger.info("lambda {}", number), range(300))
