from dask.distributed import Client, LocalCluster

from mplog import logger
from mplog.integrations.standard import intercept
from mplog.integrations.tasks import carry

logger.remove()
logger.configure(extra={"run": "-"})
logger.add("pool.log", rotation="10 MB", compression="gz", format="{level} {extra[run]} {message}")
intercept(loggers=["", "distributed"])  # what dask says of itself


def work(number):
    logger.info("job {} done", number)
    return number


if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=":0") as cluster, Client(cluster) as client:
        with logger.contextualize(run="r-17"):
            carried = carry(work)
        total = sum(client.gather(client.map(carried, range(300))))
    logger.info("the sum is {}", total)
