from mpire import WorkerPool

from mplog import logger
from mplog.integrations.tasks import carry

logger.remove()
logger.configure(extra={"run": "-"})
logger.add("pool.log", rotation="10 MB", compression="gz", format="{level} {extra[run]} {message}")


def work(number):
    logger.info("job {} done", number)
    return number


if __name__ == "__main__":
    with logger.contextualize(run="r-17"), WorkerPool(n_jobs=2) as pool:
        total = sum(pool.map(carry(work), range(300)))
    logger.info("the sum is {}", total)
