import os

import jobs  # noqa: F401 - here, once, and not again in the process of each job
from redis import Redis
from rq import Queue, Worker

from mplog import logger
from mplog.integrations.standard import intercept


class LoggingWorker(Worker):
    def perform_job(self, job, *arguments):
        with logger.contextualize(job_id=job.id, function=job.func_name):
            return super().perform_job(job, *arguments)


if __name__ == "__main__":
    logger.remove()
    logger.configure(extra={"job_id": "-"})  # outside of jobs
    logger.add(
        "jobs.log",
        rotation="10 MB",
        retention=5,
        compression="gz",
        format="{time:HH:mm:ss.SSS} {level: <8} {extra[job_id]:.8} {name} {message}",
    )
    intercept()  # what RQ says of itself
    redis = Redis.from_url(os.environ.get("BROKER", "redis://"))
    LoggingWorker([Queue(connection=redis)], connection=redis).work()
