from contextlib import contextmanager
from multiprocessing import Pool

from mplog import logger

logger.remove()
logger.add("all.log", format="{extra[job]} {message}")


@contextmanager
def log_of(job):
    def belongs(record):
        return record["extra"].get("job") == job

    handler = logger.add(f"job-{job}.log", format="{message}", filter=belongs)
    try:
        with logger.contextualize(job=job):
            yield
    finally:
        logger.remove(handler)


def work(job):
    with log_of(job):
        for part in range(3):
            logger.info("part {} of job {}", part, job)


if __name__ == "__main__":
    with Pool(2) as pool:
        pool.map(work, range(4), chunksize=1)
