import functools

from mplog import logger

logger.remove()
logger.add("app.log", format="{function}:{line} {message}")


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        log = logger.opt(depth=1)
        log.debug("{}{} begins", function.__name__, args)
        result = function(*args, **kwargs)
        log.debug("{} returns {!r}", function.__name__, result)
        return result

    return wrapper


@logged
def add(first, second):
    return first + second


add(1, 2)
