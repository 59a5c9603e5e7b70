import sys
from multiprocessing import Pool

from tqdm import tqdm

from mplog import logger

logger.remove()
logger.add(lambda line: tqdm.write(line, file=sys.stderr, end=""), format="{level: <8} {message}")


def work(number):
    if number % 100 == 0:
        logger.warning("job {} is a round one", number)
    return number


if __name__ == "__main__":
    with Pool(2) as pool:
        for _ in tqdm(pool.imap_unordered(work, range(300)), total=300):
            pass
    logger.success("all done")
