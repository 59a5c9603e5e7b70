import sys

from mplog import logger

logger.remove()
logger.add("app.log", format="{level} {message}")


@logger.catch(message="the program has failed", onerror=lambda error: sys.exit(3))
def main():
    logger.info("started")
    return 1 / 0


if __name__ == "__main__":
    main()
