import random

from mplog import logger


def one_in_ten(record):
    return record["level"].no >= 30 or random.random() < 0.1


logger.remove()
logger.add("app.log", format="{level} {message}", filter=one_in_ten)

for number in range(5000):
    logger.info("request {}", number)
    if number % 1000 == 0:
        logger.warning("request {} took long", number)
