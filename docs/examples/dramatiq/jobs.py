import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from mplog import logger
from mplog.integrations.dramatiq import Middleware
from mplog.integrations.standard import intercept

broker = RedisBroker(url=os.environ.get("BROKER", "redis://"))
broker.add_middleware(Middleware())
dramatiq.set_broker(broker)

logger.remove()
logger.configure(extra={"message_id": "-"})  # outside of tasks
logger.add(
    "jobs.log",
    rotation="10 MB",
    retention=5,
    compression="gz",
    format="{time:HH:mm:ss.SSS} {level: <8} {extra[message_id]:.8} {name} {message}",
)
intercept()  # what Dramatiq says of itself


@dramatiq.actor
def add(x, y):
    logger.info("adding {} and {}", x, y)
