"""Ways to log that a type checker must accept."""

from __future__ import annotations

import pickle

from mplog import logger


def work(number: int) -> int:
    """Log in every way there is."""
    logger.trace("plain")
    logger.debug("{} of {}", number, 10)
    logger.info("{what} is {number:>5}", what="this", number=number)
    logger.success(number)
    logger.warning(ValueError("messages may be any object"))
    logger.error("{!r}", object())
    logger.critical("")
    logger.log("INFO", "by name {}", 1)
    logger.log(33, "by number")
    try:
        return 1 // number
    except ZeroDivisionError:
        logger.exception("failed for {}", number)
        return 0


bound = logger.bind(user="x", attempt=3)
bound.bind(more=None).info("bound twice")
bound.remove()
pickle.dumps(bound)
