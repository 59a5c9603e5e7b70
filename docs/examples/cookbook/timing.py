import time
from contextlib import contextmanager

from mplog import logger

logger.remove()
logger.add("app.log", format="{level} {function} {message} {extra}")


@contextmanager
def timed(what, level="INFO"):
    begun = time.perf_counter()
    try:
        yield
    except BaseException:
        level = "ERROR"
        raise
    finally:
        seconds = round(time.perf_counter() - begun, 3)
        logger.opt(depth=2).log(level, "{} took {seconds} s", what, seconds=seconds)


def main():
    with timed("a nap"):
        time.sleep(0.05)


main()
