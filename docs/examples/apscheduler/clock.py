import signal

from apscheduler.executors.pool import ProcessPoolExecutor, ThreadPoolExecutor
from apscheduler.schedulers.blocking import BlockingScheduler

from mplog import logger
from mplog.integrations.standard import intercept

intercept()  # what APScheduler says of itself, also in the processes, which run this module anew


def logged(job_id, function, *arguments):
    with logger.contextualize(job_id=job_id):
        return function(*arguments)


def work(what):
    logger.info("{} is done", what)


if __name__ == "__main__":
    logger.remove()
    logger.configure(extra={"job_id": "-"})  # outside of jobs
    logger.add(
        "clock.log",
        rotation="10 MB",
        retention=5,
        compression="gz",
        format="{time:HH:mm:ss.SSS} {level: <8} {process.name} {extra[job_id]} {name} {message}",
    )
    scheduler = BlockingScheduler(executors={"default": ThreadPoolExecutor(4), "processes": ProcessPoolExecutor(2)})
    for name, executor in (("tea", "default"), ("sums", "processes")):
        scheduler.add_job(logged, "interval", [name, work, name], id=name, name=name, executor=executor, seconds=1)
    signal.signal(signal.SIGTERM, lambda *_: scheduler.shutdown())
    scheduler.start()
