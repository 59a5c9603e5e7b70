from jobs import huey

from mplog import logger
from mplog.integrations.standard import intercept

if __name__ == "__main__":
    logger.remove()
    logger.configure(extra={"task_id": "-"})  # outside of tasks
    logger.add(
        "jobs.log",
        rotation="10 MB",
        retention=5,
        compression="gz",
        format="{time:HH:mm:ss.SSS} {level: <8} {process.name} {extra[task_id]:.8} {name} {message}",
    )
    intercept()  # what Huey says of itself
    huey.create_consumer(workers=2, worker_type="process", health_check_interval=1).run()
