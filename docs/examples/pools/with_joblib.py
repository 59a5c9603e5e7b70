from joblib import Parallel, delayed

from mplog import logger
from mplog.integrations.tasks import carry

logger.remove()
logger.configure(extra={"run": "-"})
logger.add("pool.log", rotation="10 MB", compression="gz", format="{level} {extra[run]} {message}")


def work(number):
    logger.info("job {} done", number)
    return number


if __name__ == "__main__":
    with logger.contextualize(run="r-17"):
        carried = carry(work)  # here, for joblib takes tasks from the loop below in a thread of its own
    total = sum(Parallel(n_jobs=2)(delayed(carried)(number) for number in range(300)))
    logger.info("the sum is {}", total)
