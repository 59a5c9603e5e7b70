from pathos.pools import ProcessPool

from mplog import logger
from mplog.integrations.tasks import carry

logger.remove()
logger.configure(extra={"run": "-"})
logger.add("pool.log", rotation="10 MB", compression="gz", format="{level} {extra[run]} {message}")


def work(number):
    logger.info("job {} done", number)
    return number


if __name__ == "__main__":
    pool = ProcessPool(nodes=2)
    with logger.contextualize(run="r-17"):
        total = sum(pool.map(carry(work), range(300)))
    pool.close()
    pool.join()
    logger.info("the sum is {}", total)
