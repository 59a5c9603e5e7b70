# app.py
from multiprocessing import Pool

from mplog import logger

logger.remove()
logger.add("app.log", rotation="10 MB", retention=5, compression="gz")


def work(n):
    logger.info("job {} done", n)
    return n


if __name__ == "__main__":
    with Pool(8) as pool:
        pool.map(work, range(100_000))
