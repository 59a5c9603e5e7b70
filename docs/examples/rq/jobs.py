from mplog import logger


def add(x, y):
    logger.info("adding {} and {}", x, y)
    return x + y
