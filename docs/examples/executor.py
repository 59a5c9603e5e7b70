from concurrent.futures import ProcessPoolExecutor

from mplog import logger

logger.remove()
logger.add("executor.log", format="{process.name} | {message}")


def square(number):
    logger.info("squaring {}", number)
    return number * number


if __name__ == "__main__":
    with ProcessPoolExecutor(max_workers=4) as executor:
        total = sum(executor.map(square, range(1000), chunksize=25))
    logger.info("the sum is {}", total)
