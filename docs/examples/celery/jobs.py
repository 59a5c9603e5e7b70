import os

from celery import Celery

from mplog import logger
from mplog.integrations import celery

app = Celery("jobs", broker=os.environ.get("BROKER", "redis://"))
celery.install(app)

logger.remove()
logger.configure(extra={"task_id": "-"})  # outside of tasks
logger.add(
    "jobs.log",
    rotation="10 MB",
    retention=5,
    compression="gz",
    format="{time:HH:mm:ss.SSS} {level: <8} {process.name} {extra[task_id]:.8} {name} {message}",
)


@app.task
def add(x, y):
    logger.info("adding {} and {}", x, y)
    print("a print, too")
    return x + y
