from huey import SqliteHuey

from mplog import logger
from mplog.integrations.huey import install

huey = SqliteHuey(filename="queue.db")
install(huey)


@huey.task()
def add(x, y):
    logger.info("adding {} and {}", x, y)
    return x + y
